//! Builds of engines.

use askama::Template;

use super::render;
use crate::format::Unit;
use crate::part::{Ctx, Num, Tab};
use crate::table::Table;
use crate::text::fill;
use crate::view::{EngineRow, EnginesView};
use crate::{Chrome, Page, RenderError, link};

#[derive(Template)]
#[template(path = "engines.html")]
struct Engines<'a> {
    c: &'a Ctx<'a>,
    v: &'a EnginesView,
    /// Of the sizes.
    unit: &'static str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    row: &'a EngineRow,
    installed: Num,
    file: Num,
    kind: &'static str,
    digest: String,
    used: String,
}

impl Page for EnginesView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Engines).at(link::ENGINES, "").with_csv();
        let c = &Ctx { title: c.t.common.engines.into(), ..c };
        let t = &c.t.engine;
        let sizes = self.rows.iter().map(|row| row.engine.build.installed_size.0 as f64);
        let scale = Unit::Size.scale_for_all(sizes);
        let rows = self.rows.iter().map(|row| {
            let build = &row.engine.build;
            Row {
                row,
                installed: Num::plain(scale.number(build.installed_size.0 as f64)),
                file: Num::plain(scale.number(build.size.0 as f64)),
                kind: if build.engine.adapter.is_some() { t.program } else { t.library },
                digest: build.engine.build.map(|build| build.to_string()).unwrap_or_default(),
                used: match row.runs {
                    0 => t.unused.into(),
                    runs => fill(t.used_on, &[&runs, &row.devices.join(", ")]),
                },
            }
        });
        render(&Engines { c, v: self, unit: scale.symbol, rows: rows.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "engine",
            "name",
            "version",
            "target",
            "licence",
            "installed_bytes",
            "file_bytes",
            "kind",
            "sha256",
            "origin",
            "runs",
            "devices",
            "added_at",
            "last_used_at",
        ];
        let mut table = Table::new(&heading);
        for EngineRow { engine, runs, devices, last_used_at } in &self.rows {
            let build = &engine.build;
            table.row([
                engine.id.to_string(),
                Table::text(&build.engine.name),
                Table::text(&build.version),
                Table::text(&build.target),
                Table::text(&build.licence),
                build.installed_size.0.to_string(),
                build.size.0.to_string(),
                if build.engine.adapter.is_some() { "program" } else { "library" }.into(),
                Table::maybe(build.engine.build),
                Table::text(&build.origin),
                runs.to_string(),
                Table::text(&devices.join(" ")),
                Table::time(engine.added_at),
                last_used_at.map(Table::time).unwrap_or_default(),
            ])?;
        }
        table.finish().map(Some)
    }
}
