//! Architectures against each other, from the newest runs.

mod choice;

use std::collections::{BTreeMap, HashMap};

use benchrack_dashboards::view::{CompareDevice, CompareRow, CompareView, DeviceRef, Dimension, Facet, Figure};
use benchrack_protocol::api::{Estimate, Metric, Run};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::ids::{ArtifactId, DeviceId, SeriesId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::OperatingPoint;
use benchrack_protocol::units::Bytes;
use benchrack_protocol::validity::Validity;

use super::super::column::cell;
use super::super::{Database, DbError, runs};
use super::subjects::{self, Subject, device_facet, text_facet, threads_facet};
use super::{facet, manifest, named_devices, query_string};
use crate::judge;
use choice::{Asked, Filter, MOST_ROWS, narrow};

pub use choice::Choice;

/// With more devices than this one is shown at a time: nobody reads twenty tables.
const MOST_DEVICES: usize = 16;

/// The page; none when the chosen device does not exist.
pub async fn view(db: &Database, choice: &Choice) -> Result<Option<CompareView>, DbError> {
    let measured = subjects::measured_devices(db).await?;
    let all = measured.len() <= MOST_DEVICES;
    let (mut shown, mut device) = match choice.device {
        Some(Asked::One(id)) => match measured.iter().find(|device| device.id == id) {
            Some(device) => (vec![device.clone()], Some(id)),
            None => match named_devices(db, &[id.0]).await? {
                unknown if unknown.is_empty() => return Ok(None),
                unmeasured => (unmeasured, Some(id)),
            },
        },
        Some(Asked::All) | None if all => (measured.clone(), None),
        Some(Asked::All) | None => (measured.iter().take(1).cloned().collect(), measured.first().map(|device| device.id)),
    };
    let ids: Vec<i64> = shown.iter().map(|device| device.id.0).collect();
    let newest = subjects::of_devices(db, &ids).await?;
    let models = text_facet("model", newest.iter().map(|subject| subject.model_name.as_str()), choice.model.as_deref());
    let known = match &choice.model {
        Some(model) => subjects::of_revisions(db, &ids, model).await?,
        None => newest,
    };
    let mut filter = Filter::new(choice);
    let mut fitting: Vec<&Subject> = known.iter().filter(|subject| filter.takes(subject)).collect();
    if choice.device.is_none() && shown.len() > 1 && fitting.len() > MOST_ROWS {
        shown.truncate(1);
        device = shown.first().map(|device| device.id);
        fitting.retain(|subject| device.is_some_and(|device| device.0 == subject.device_id));
    }
    let all_fitting = fitting.len();
    if choice.device != Some(Asked::All) {
        narrow(&mut fitting, &mut filter);
    }
    let left_out = u32::try_from(all_fitting - fitting.len()).unwrap_or(u32::MAX);
    let mut facets = facets(&measured, all, device, &known, &fitting, choice, &filter);
    facets.insert(1, models);
    let mut revisions: HashMap<i64, Option<String>> =
        fitting.iter().map(|subject| (subject.run_id, subject.revision.clone())).collect();
    let ids: Vec<i64> = fitting.iter().map(|subject| subject.run_id).collect();
    let mut rows = rows(db, &ids).await?;
    for found in &mut rows {
        found.row.revision = revisions.remove(&found.row.run.id.0).flatten();
    }
    let devices = tables(shown, rows, choice.base.as_deref());
    let budgets = choice.budgets();
    facets.extend([axis_facet("y", &devices, choice.y), axis_facet("x", &devices, choice.x)]);
    let parameters = [
        ("device", device.map(|id| id.to_string()).or_else(|| choice.device.map(|_| String::new()))),
        ("model", choice.model.clone()),
        ("precision", filter.precision),
        ("threads", filter.threads.map(|threads| threads.to_string())),
        ("engine", choice.engine.clone()),
        ("cores", filter.cores),
        ("frequency", filter.frequency),
        ("base", choice.base.clone()),
        ("y", choice.y.map(|dimension| dimension.to_string())),
        ("x", choice.x.map(|dimension| dimension.to_string())),
    ];
    let limits = budgets.iter().map(|budget| (budget.field, budget.limit.map(|limit| limit.to_string())));
    let query = query_string(parameters.into_iter().chain(limits));
    let model = choice.model.clone();
    Ok(Some(CompareView { model, facets, axes: choice.axes(), budgets, devices, left_out, base: choice.base.clone(), query }))
}

/// The choice of a figure to draw, among those that any row has.
fn axis_facet(name: &str, devices: &[CompareDevice], chosen: Option<Dimension>) -> Facet {
    let known = |dimension: &Dimension| devices.iter().flat_map(|device| &device.rows).any(|row| dimension.of(row).is_some());
    let names = Dimension::ALL.into_iter().filter(known).map(|dimension| dimension.name().to_owned());
    facet(name, true, names, chosen.map(Dimension::name))
}

fn facets(
    measured: &[DeviceRef],
    all: bool,
    device: Option<DeviceId>,
    known: &[Subject],
    fitting: &[&Subject],
    choice: &Choice,
    filter: &Filter<'_>,
) -> Vec<Facet> {
    let bases: Vec<String> = fitting.iter().map(|subject| subject.name()).collect();
    vec![
        device_facet(measured, all, device),
        text_facet("precision", known.iter().map(|subject| subject.precision.as_str()), filter.precision.as_deref()),
        threads_facet(known.iter().map(|subject| subject.threads), choice.threads),
        text_facet("engine", known.iter().map(|subject| subject.engine.as_str()), filter.engine),
        text_facet("cores", known.iter().map(|subject| subject.cores.as_str()), filter.cores.as_deref()),
        text_facet("frequency", known.iter().map(|subject| subject.frequency.as_str()), filter.frequency.as_deref()),
        text_facet("base", bases.iter().map(String::as_str), choice.base.as_deref()),
    ]
}

/// A run with what else its row shows; ratios come when its neighbours are known.
struct Found {
    row: CompareRow,
    engine: String,
    /// SHA-256 of the engine's build; none for the one inside the agent.
    build: Option<Vec<u8>>,
}

/// What a run's row shows beside the run itself.
struct Facts {
    model: i64,
    engine: String,
    build: Option<Vec<u8>>,
    knobs: String,
    series: Option<i64>,
    integer_kernels: Option<IntegerKernels>,
    kernels: String,
    executed: Vec<(Precision, u32)>,
    library: Option<Bytes>,
}

/// These runs as tables, device by device.
pub(super) async fn of_runs(db: &Database, devices: Vec<DeviceRef>, ids: &[i64]) -> Result<Vec<CompareDevice>, DbError> {
    Ok(tables(devices, rows(db, ids).await?, None))
}

async fn rows(db: &Database, ids: &[i64]) -> Result<Vec<Found>, DbError> {
    let runs = runs::some(db, ids).await?;
    let mut facts = facts(db, ids).await?;
    let mut models: Vec<i64> = facts.values().map(|facts| facts.model).collect();
    models.sort_unstable();
    models.dedup();
    let manifests = manifest::of(db, &models).await?;
    let row = |run: Run| {
        let gone = || DbError::row("runs", "model_id", run.id.0, "gone meanwhile");
        let facts = facts.remove(&run.id.0).ok_or_else(gone)?;
        let shown = manifests.get(&facts.model).ok_or_else(gone)?;
        let row = CompareRow {
            family: shown.family.clone(),
            series: facts.series.map(SeriesId),
            size: shown.size,
            parameters: shown.parameters,
            macs: shown.macs,
            fidelity: shown.fidelity.clone(),
            claimed_accuracy: shown.claimed_accuracy,
            integer_kernels: facts.integer_kernels,
            kernels: facts.kernels,
            executed: facts.executed,
            engine: facts.engine.clone(),
            knobs: facts.knobs,
            library: facts.library,
            speedup: absent(String::new()),
            relative: absent(String::new()),
            revision: None,
            run,
        };
        Ok(Found { row, engine: facts.engine, build: facts.build })
    };
    runs.into_iter().map(row).collect()
}

async fn facts(db: &Database, runs: &[i64]) -> Result<HashMap<i64, Facts>, DbError> {
    let rows = sqlx::query!(
        r#"select r.id as "id!", r.model_id as "model_id!", r.engine as "engine!", r.knobs as "knobs!",
               r.engine_artifact_id, e ->> 'integer_kernels' as integer_kernels, e ->> 'kernels' as kernels,
               (e -> 'executed')::text as executed, (n.build ->> 'installed_size')::bigint as library,
               x.series_id as "series_id?"
           from (select id, model_id, engine, engine_artifact_id, knobs, measurement -> 'engine' as e from runs where id = any($1)) r
           left join engines n on n.artifact_id = r.engine_artifact_id and n.name = r.engine
           left join run_metrics x on x.run_id = r.id and x.metric = 'latency'"#,
        runs
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let measured = cell("runs", "measurement", row.id);
            let facts = Facts {
                model: row.model_id,
                engine: row.engine,
                build: row.engine_artifact_id,
                knobs: row.knobs,
                series: row.series_id,
                integer_kernels: row.integer_kernels.as_deref().map(|w| measured.word(w)).transpose()?,
                kernels: row.kernels.unwrap_or_default(),
                executed: row.executed.as_deref().map(|list| measured.json(list)).transpose()?.unwrap_or_default(),
                library: row.library.map(|size| cell("engines", "build", row.id).number(size).map(Bytes)).transpose()?,
            };
            Ok((row.id, facts))
        })
        .collect()
}

/// One table for each device that has rows, with ratios, fastest first.
fn tables(devices: Vec<DeviceRef>, rows: Vec<Found>, base: Option<&str>) -> Vec<CompareDevice> {
    let mut by_device: BTreeMap<DeviceId, Vec<Found>> = BTreeMap::new();
    for found in rows {
        by_device.entry(found.row.run.device).or_default().push(found);
    }
    devices
        .into_iter()
        .filter_map(|device| {
            let mut found = by_device.remove(&device.id)?;
            name_builds(&mut found);
            Some(CompareDevice { device, rows: with_ratios(found, base) })
        })
        .collect()
}

/// Where a subject ran: only runs of the same setting are set against each other.
type Setting = (String, Option<Vec<u8>>, u16, OperatingPoint, String);

impl Found {
    fn setting(&self) -> Setting {
        let (run, build) = (&self.row.run, self.build.clone());
        (self.engine.clone(), build, run.threads, run.operating_point.clone(), self.row.knobs.clone())
    }

    fn name(&self) -> String {
        self.named(self.row.run.precision)
    }

    /// The same model and revision in another precision.
    fn named(&self, precision: Precision) -> String {
        subjects::named(&self.row.run.model, &precision.to_string(), self.row.revision.as_deref())
    }
}

/// Engines of which several builds were measured are named with their version, and where that is one too with their file.
fn name_builds(found: &mut [Found]) {
    let mut builds: BTreeMap<String, BTreeMap<Option<Vec<u8>>, String>> = BTreeMap::new();
    for one in found.iter() {
        builds.entry(one.engine.clone()).or_default().insert(one.build.clone(), one.row.run.engine.clone());
    }
    for Found { row, engine, build } in found {
        let Some(builds) = builds.get(engine).filter(|builds| builds.len() > 1) else { continue };
        if builds.values().filter(|version| **version == row.run.engine).count() > 1
            && let Some(file) = build.as_deref().and_then(|build| Some(ArtifactId(build.try_into().ok()?)))
        {
            row.run.engine = format!("{} · {}", row.run.engine, file.short());
        }
        row.engine.clone_from(&row.run.engine);
    }
}

fn with_ratios(mut found: Vec<Found>, base: Option<&str>) -> Vec<CompareRow> {
    let latencies: HashMap<(String, Setting), Result<Estimate, String>> =
        found.iter().map(|found| ((found.name(), found.setting()), counting_latency(&found.row.run))).collect();
    for found in &mut found {
        let run = &found.row.run;
        let own = counting_latency(run);
        let of = |name: String| latencies.get(&(name, found.setting()));
        let speedup = match run.precision {
            Precision::Fp32 => Reading::missing(Missing::NotAsked, "this is the fp32 file"),
            Precision::Fp16 | Precision::Int8 => {
                let partner = of(found.named(Precision::Fp32));
                let nobody = || absent("no fp32 run of this model, engine, threads and operating point".into());
                partner.map_or_else(nobody, |partner| ratio(partner, &own))
            }
        };
        let relative = match base {
            None => Reading::missing(Missing::NotAsked, "no base is chosen"),
            Some(base) if found.name() == base => match own {
                Ok(_) => Reading::of(Estimate::exact(1.0)),
                Err(why) => absent(why),
            },
            Some(base) => {
                let nobody = || absent(format!("no run of {base} with this engine, threads and operating point"));
                of(base.to_owned()).map_or_else(nobody, |partner| ratio(&own, partner))
            }
        };
        (found.row.speedup, found.row.relative) = (speedup, relative);
    }
    let mut rows: Vec<CompareRow> = found.into_iter().map(|found| found.row).collect();
    let order = |row: &CompareRow| latency(&row.run).map_or(f64::INFINITY, |latency| latency.value);
    rows.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| a.run.label.cmp(&b.run.label)).then(a.run.id.cmp(&b.run.id)));
    rows
}

fn latency(run: &Run) -> Option<Estimate> {
    run.metrics.iter().find(|(metric, _)| *metric == Metric::Latency).map(|(_, estimate)| *estimate)
}

/// The latency of a run that counts; otherwise why it does not.
fn counting_latency(run: &Run) -> Result<Estimate, String> {
    let name = format!("run {} of {} {}", run.id, run.model, run.precision);
    match (&run.validity, latency(run)) {
        (Some(Validity::Valid), Some(latency)) => Ok(latency),
        (Some(validity), Some(_)) => Err(format!("{name} is {}", validity.word())),
        _ => Err(format!("{name} has no latency")),
    }
}

fn ratio(of: &Result<Estimate, String>, to: &Result<Estimate, String>) -> Figure {
    match (of, to) {
        (Ok(of), Ok(to)) => judge::ratio(of, to).map_or_else(|| absent("a latency is not above zero".into()), Reading::of),
        (Err(why), _) | (_, Err(why)) => absent(why.clone()),
    }
}

fn absent(why: String) -> Figure {
    Reading::missing(Missing::Unavailable, why)
}
