//! What is made of frames, packages and programs' own summaries, from report to page.

use benchrack_protocol::adapter::Summary;
use benchrack_protocol::api::{Estimate, Metric, Reported, Run, Scope};
use benchrack_protocol::packaging::{LoadTime, PackagedLoad, Packaging};
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, FrameTime, Frames, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::{Measurement, RunReport};
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_protocol::validity::{Reason, Validity};
use benchrack_server::judge::metrics;

use crate::farm::{Farm, with_farm};
use crate::sample::{figure, measurement, report};

const MS: u64 = 1_000_000;

/// Sends each measurement in a report of its own, and expects a refusal with these words and nothing stored.
pub async fn all_refused(cases: impl IntoIterator<Item = (Measurement, &'static str)>) {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        for (measured, words) in cases {
            let mut sent = report(1, "one", &lease.session, |_| Some(10 * MS));
            sent.runs[0] = RunReport::Measured(Box::new(measured));
            farm.leased(&lease, "report").json(&sent).send().await.refused(ProblemCode::Invalid, words);
        }
        assert_eq!(farm.scalar("select count(*) from runs").await, 0);
    })
    .await;
}

fn pipeline() -> Pipeline {
    Pipeline {
        source: FrameSource { format: PixelFormat::Nv21, width: 640, height: 480, orientation: Orientation::Rotate90, seed: 3 },
        fit: Fit::CentreCrop,
        filter: ResizeFilter::Bilinear,
        channels: ChannelOrder::Rgb,
        mean: [0.0; 3],
        std: [1.0; 3],
        layout: Layout::Nchw,
        post: PostProcessing::TopK { k: 5 },
    }
}

/// Frames of 10 ms in turn with frames of 12 ms: 2 and 7 or 9 ms, and 1 ms.
fn frames(count: u64) -> Frames {
    let time = |nth: u64| {
        let inference = Nanos((7 + nth % 2 * 2) * MS);
        FrameTime { conversion: Nanos(2 * MS), inference, post: Nanos(MS), total: Nanos(3 * MS + inference.0) }
    };
    Frames { pipeline: pipeline(), times: (0..count).map(time).collect() }
}

fn load(packaging: Packaging, unpack_ms: &[u64]) -> PackagedLoad {
    let loads = unpack_ms.iter().map(|&unpack| LoadTime { unpack: Nanos(unpack * MS), load: Nanos(40 * MS) }).collect();
    PackagedLoad { packaging, size: Bytes(1_000), loads }
}

fn summarised(summary: Summary) -> Measurement {
    Measurement {
        blocks: Vec::new(),
        load: Nanos(0),
        first_inference: Nanos(0),
        summary: Some(summary),
        ..measurement(10 * MS, 0)
    }
}

fn estimate(figures: &[(Metric, Estimate)], wanted: Metric) -> Estimate {
    figures.iter().find(|(metric, _)| *metric == wanted).unwrap_or_else(|| panic!("no {wanted:?} in {figures:?}")).1
}

#[test]
fn frames_are_judged_as_a_whole_and_by_part() {
    let measured = Measurement { frames: Some(frames(60)), ..measurement(10 * MS, 0) };
    let figures = metrics(&measured, Bytes(1)).unwrap();
    let ms = |metric| estimate(&figures, metric).value / MS as f64;
    assert_eq!((ms(Metric::FrameConversion), ms(Metric::FramePost), ms(Metric::FrameJitter)), (2.0, 1.0, 2.0));
    assert!((10.0..=12.0).contains(&ms(Metric::Frame)), "{}", ms(Metric::Frame));
    assert_eq!(ms(Metric::FrameP90), 12.0);
    let (frame, rate) = (estimate(&figures, Metric::Frame), estimate(&figures, Metric::FrameRate));
    assert!((rate.value * frame.value - 1e9).abs() < 1.0 && (rate.low * frame.high - 1e9).abs() < 1.0, "{rate:?}");
    assert_eq!(frame.level, None, "ten batches are enough for 95 %");
    let names: Vec<Metric> = figures.iter().map(|(metric, _)| *metric).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
}

#[test]
fn few_frames_give_an_interval_that_says_how_little_it_is_worth() {
    let of = |count| metrics(&Measurement { frames: Some(frames(count)), ..measurement(10 * MS, 0) }, Bytes(1)).unwrap();
    let level = |count| estimate(&of(count), Metric::Frame).level;
    assert!(level(20).is_some_and(|level| (0.8..0.95).contains(&level)), "{:?}", level(20));
    assert_eq!(level(1), Some(0.0));
    assert_eq!(figure(&of(1), Metric::FrameJitter), None, "one frame has no neighbour");
}

#[test]
fn packages_are_loaded_in_the_median_and_the_file_itself_beside_its_single_load() {
    let packaged_loads = vec![load(Packaging::Raw, &[1, 2, 9]), load(Packaging::Zstd, &[5, 7, 6, 8, 30])];
    let measured = Measurement { packaged_loads, ..measurement(10 * MS, 0) };
    let figures = metrics(&measured, Bytes(1)).unwrap();
    let zstd = estimate(&figures, Metric::LoadZstd);
    assert_eq!((zstd.value, zstd.low, zstd.high), (47e6, 45e6, 70e6));
    assert!(zstd.level.is_some_and(|level| (level - 0.9375).abs() < 1e-9), "five loads hold the median with 93.75 %: {zstd:?}");
    assert_eq!(estimate(&figures, Metric::LoadRaw).value, 42e6);
    assert_eq!(figure(&figures, Metric::Load), Some(40e6), "a series of single loads stays one");
    assert_eq!(figure(&figures, Metric::LoadEncryptedThenZstd), None);
    assert_eq!(figure(&metrics(&measurement(10 * MS, 0), Bytes(1)).unwrap(), Metric::LoadRaw), None);
}

#[test]
fn the_99th_percentile_of_few_samples_does_not_claim_95_percent() {
    let figures = metrics(&measurement(10 * MS, 0), Bytes(1)).unwrap();
    assert_eq!(estimate(&figures, Metric::Latency).level, None);
    let p99 = estimate(&figures, Metric::LatencyP99);
    assert!(p99.level.is_some_and(|level| level < 0.95), "{p99:?}");
}

#[test]
fn a_programs_summary_gives_its_mean_and_no_latency() {
    let figures = metrics(&summarised(Summary { mean: Some(Nanos(266 * MS)), ..Summary::default() }), Bytes(7)).unwrap();
    let names: Vec<Metric> = figures.iter().map(|(metric, _)| *metric).collect();
    assert_eq!(names, [Metric::PeakRss, Metric::ModelSize, Metric::LatencyMean]);
    assert_eq!(estimate(&figures, Metric::LatencyMean), Estimate::exact(266e6));
}

/// Delivers a session whose first run is this.
pub async fn deliver(farm: &Farm, measured: Measurement) -> Run {
    let (_, lease) = farm.leased_session().await;
    let mut sent = report(1, "one", &lease.session, |_| Some(10 * MS));
    sent.runs[0] = RunReport::Measured(Box::new(measured));
    let reported: Reported = farm.leased(&lease, "report").json(&sent).send().await.ok();
    farm.get(&format!("/api/v1/runs/{}", reported.runs[0])).await
}

#[tokio::test]
async fn a_run_without_samples_is_stored_as_summary_only_and_counts_nowhere() {
    with_farm(async |farm| {
        let summary = Summary { count: Some(50), mean: Some(Nanos(266 * MS)), ..Summary::default() };
        let run = deliver(farm, summarised(summary)).await;
        let reasons: Vec<Reason> = run.validity.as_ref().unwrap().reasons().iter().map(|doubt| doubt.reason).collect();
        assert!(
            matches!(run.validity, Some(Validity::Degraded { .. })) && reasons == [Reason::SummaryOnly],
            "{:?}",
            run.validity
        );
        assert_eq!((figure(&run.metrics, Metric::LatencyMean), figure(&run.metrics, Metric::Latency)), (Some(266e6), None));
        let counting = format!("select count(*) from run_metrics where run_id = {} and counts", run.id);
        assert_eq!(farm.scalar(&counting).await, 0);
        let page = farm.ask(Scope::Read, axum::http::Method::GET, &format!("/runs/{}", run.id)).send().await.text();
        assert!(page.contains("What the program printed") && page.contains("266"), "{page}");
        let compare = farm.ask(Scope::Read, axum::http::Method::GET, "/compare").send().await.text();
        assert!(compare.contains("summary only"));
    })
    .await;
}

#[tokio::test]
async fn frames_and_packages_are_stored_and_shown() {
    with_farm(async |farm| {
        let packaged_loads = vec![load(Packaging::Raw, &[1, 2, 3]), load(Packaging::ZstdThenEncrypted, &[9, 9, 10, 9, 9])];
        let measured = Measurement { frames: Some(frames(60)), packaged_loads, ..measurement(10 * MS, 0) };
        let run = deliver(farm, measured.clone()).await;
        let stored: Measurement = farm.get(&format!("/api/v1/runs/{}/measurement", run.id)).await;
        assert_eq!(stored, measured);
        let packed = run.metrics.iter().find(|(metric, _)| *metric == Metric::LoadZstdThenEncrypted).unwrap().1;
        assert_eq!(packed.level, Some(0.9375), "the level comes back from the database");
        let path = format!("/runs/{}", run.id);
        let page = farm.ask(Scope::Read, axum::http::Method::GET, &path).send().await.text();
        for words in ["NV21 640 × 480, rotate90", "frames.svg", "compressed, then encrypted", "fps"] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        let svg = farm.ask(Scope::Read, axum::http::Method::GET, &format!("{path}/frames.svg")).send().await;
        assert_eq!(svg.status, 200);
        let models: serde_json::Value = farm.get("/models/view.json").await;
        let packages = models["rows"][0]["packages"].as_array().unwrap();
        assert_eq!(packages.len(), 2, "the file itself and the one package: {packages:?}");
        assert_eq!(packages[1]["load"]["time"]["value"].as_f64(), Some(49e6));
    })
    .await;
}

#[tokio::test]
async fn measurements_that_cannot_be_are_refused_with_the_field() {
    let summary = Summary { mean: Some(Nanos(MS)), ..Summary::default() };
    let mut idle = frames(2);
    idle.times[1].total = Nanos(0);
    let cases = [
        (Measurement { blocks: Vec::new(), ..measurement(10 * MS, 0) }, "runs[0].blocks is empty"),
        (Measurement { summary: Some(summary.clone()), ..measurement(10 * MS, 0) }, "has blocks beside it"),
        (summarised(Summary { count: Some(3), ..Summary::default() }), "holds no latency"),
        (summarised(Summary { p90: Some(Nanos(0)), ..summary }), "runs[0].summary.p90 is 0"),
        (Measurement { frames: Some(frames(0)), ..measurement(10 * MS, 0) }, "frames.times is empty"),
        (Measurement { frames: Some(idle), ..measurement(10 * MS, 0) }, "times[1].total is 0"),
        (
            Measurement { packaged_loads: vec![load(Packaging::Zstd, &[])], ..measurement(10 * MS, 0) },
            "packaged_loads[0].loads is empty",
        ),
        (
            Measurement { packaged_loads: vec![load(Packaging::Zstd, &[1]); 2], ..measurement(10 * MS, 0) },
            "packaged_loads[1].packaging is zstd",
        ),
    ];
    all_refused(cases).await;
}
