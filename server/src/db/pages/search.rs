//! What fits some words: names by a part of them, anything that only has a number by that.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{Hit, HitKind, SearchView};
use benchrack_protocol::ids::{AlertId, DeviceId, GateId, ModelId, RunId, SeriesId, SessionId};
use serde::Deserialize;

use super::super::{Database, DbError};
use super::{cut, query_string};

/// Hits of one kind at most.
const HITS: i64 = 25;
/// Longer words are cut: no name is longer.
const LONGEST: usize = 120;

/// What is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    q: String,
}

/// The page.
pub async fn view(db: &Database, choice: &Choice) -> Result<SearchView, DbError> {
    let query: String = choice.q.trim().chars().take(LONGEST).collect();
    let (mut hits, mut more) = (Vec::new(), false);
    if !query.is_empty() {
        if let Ok(number) = query.parse() {
            hits.extend(numbered(db, number).await?);
        }
        // What stands for anything in a pattern is looked for as itself.
        let pattern = format!("%{}%", query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let named = [
            saved_views(db, &pattern).await?,
            devices(db, &pattern).await?,
            models(db, &pattern).await?,
            engines(db, &pattern).await?,
        ];
        for mut of_kind in named {
            more |= cut(&mut of_kind, HITS);
            hits.extend(of_kind);
        }
    }
    Ok(SearchView { address: query_string([("q", Some(query.clone()))]), query, hits, more })
}

/// Whatever has this number.
async fn numbered(db: &Database, number: i64) -> Result<Vec<Hit>, DbError> {
    let found = sqlx::query!(
        r#"select (select r.model_name || ' ' || r.precision || ' · ' || d.name from runs r join devices d on d.id = r.device_id
                   where r.id = $1) as run,
               (select d.name from sessions s join devices d on d.id = s.device_id where s.id = $1) as session,
               (select s.metric || ' · ' || s.model_name || ' ' || s.precision || ' · ' || d.name
                from series s join devices d on d.id = s.device_id where s.id = $1) as series,
               (select coalesce(outcome ->> 'summary', '') from gates where id = $1) as gate,
               (select title from alerts where id = $1) as alert"#,
        number
    )
    .fetch_one(db.pool())
    .await?;
    let hit = |kind, detail: Option<String>, href: String| Some(Hit { kind, name: number.to_string(), detail: detail?, href });
    let hits = [
        hit(HitKind::Run, found.run, link::run(RunId(number))),
        hit(HitKind::Session, found.session, link::session(SessionId(number))),
        hit(HitKind::Series, found.series, link::series(SeriesId(number))),
        hit(HitKind::Gate, found.gate, link::gate(GateId(number))),
        hit(HitKind::Alert, found.alert, link::alert(AlertId(number))),
    ];
    Ok(hits.into_iter().flatten().collect())
}

async fn saved_views(db: &Database, pattern: &str) -> Result<Vec<Hit>, DbError> {
    let rows = sqlx::query!(
        r#"select name, path from saved_views where name ilike $1 order by name collate "C" limit $2"#,
        pattern,
        HITS + 1
    )
    .fetch_all(db.pool())
    .await?;
    let hit = |name, path: String| Hit { kind: HitKind::SavedView, name, detail: path.clone(), href: path };
    Ok(rows.into_iter().map(|row| hit(row.name, row.path)).collect())
}

async fn devices(db: &Database, pattern: &str) -> Result<Vec<Hit>, DbError> {
    let rows = sqlx::query!(
        r#"select id, name, title from devices where name ilike $1 or title ilike $1 order by name collate "C" limit $2"#,
        pattern,
        HITS + 1
    )
    .fetch_all(db.pool())
    .await?;
    let hit = |id, name, detail| Hit { kind: HitKind::Device, name, detail, href: link::device(DeviceId(id)) };
    Ok(rows.into_iter().map(|row| hit(row.id, row.name, row.title)).collect())
}

/// The newest revision of each model; the index is read from one name to the next.
async fn models(db: &Database, pattern: &str) -> Result<Vec<Hit>, DbError> {
    let rows = sqlx::query!(
        r#"with recursive pairs as (
               (select name, precision from models where listed order by name, precision limit 1)
               union all
               select n.name, n.precision from pairs p cross join lateral (
                   select name, precision from models where listed and (name, precision) > (p.name, p.precision)
                   order by name, precision limit 1
               ) n
           )
           select p.name as "name!", p.precision as "precision!", m.id as "id!"
           from (select * from pairs where name ilike $1 order by name collate "C", precision limit $2) p
           cross join lateral (
               select id from models where listed and name = p.name and precision = p.precision
               order by added_at desc, id desc limit 1
           ) m"#,
        pattern,
        HITS + 1
    )
    .fetch_all(db.pool())
    .await?;
    let hit = |id, name, detail| Hit { kind: HitKind::Model, name, detail, href: link::revisions(ModelId(id)) };
    Ok(rows.into_iter().map(|row| hit(row.id, row.name, row.precision)).collect())
}

async fn engines(db: &Database, pattern: &str) -> Result<Vec<Hit>, DbError> {
    let rows = sqlx::query!(
        r#"select name, version, target from engines where name ilike $1 or version ilike $1
           order by name collate "C", added_at desc, id desc limit $2"#,
        pattern,
        HITS + 1
    )
    .fetch_all(db.pool())
    .await?;
    let hit = |name: String, version: String, target| Hit {
        kind: HitKind::Engine,
        name: format!("{name} {version}"),
        detail: target,
        href: link::ENGINES.into(),
    };
    Ok(rows.into_iter().map(|row| hit(row.name, row.version, row.target)).collect())
}
