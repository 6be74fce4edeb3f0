//! The adapters of `config/adapters` on what the programs print. The texts below are written after the line formats of
//! the programs' sources and manuals, shortened; where a wording differs between versions there is one text for each.

use benchrack_protocol::model::ElementType;

use super::*;

fn adapter(name: &str) -> Adapter {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/adapters").join(name).with_extension("toml")).unwrap()
}

fn read(name: &str, text: &str) -> Said {
    Reader::new(&adapter(name)).unwrap().read(text).unwrap()
}

fn us(microseconds: f64) -> Option<Nanos> {
    Some(Nanos((microseconds * 1e3).round() as u64))
}

fn ms(milliseconds: f64) -> Option<Nanos> {
    us(milliseconds * 1e3)
}

#[test]
fn every_adapter_that_comes_with_benchrack_is_read_and_makes_a_command() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/adapters");
    let input = TensorSpec { name: "x".into(), element: ElementType::F32, shape: vec![1, 3, 224, 192] };
    let (model, alone) = (Path::new("/m/a b.onnx"), Path::new("/tmp/alone"));
    let words = Words { model, folder: alone, threads: 4, runs: 50, warmup: 5, input: Some(&input) };
    let mut shown = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let adapter = load(&path).unwrap();
        let call = arguments(&adapter, words).unwrap();
        let call: Vec<_> = call.iter().map(|argument| argument.to_str().unwrap()).collect();
        shown.push(format!("{}: {}", path.file_stem().unwrap().display(), call.join(" | ")));
    }
    shown.sort();
    insta::assert_snapshot!(shown.join("\n"), @r"
    litert-benchmark-model: --graph=/m/a b.onnx | --num_threads=4 | --num_runs=50 | --warmup_runs=5 | --min_secs=0 | --warmup_min_secs=0 | --use_xnnpack=true
    mnn-benchmark: /tmp/alone | 50 | 5 | 0 | 4
    mnn-v2basic: /m/a b.onnx | 50 | 0 | 0 | 4
    ncnn-benchncnn: 50 | 4 | 0 | -1 | 0 | param=/m/a b.onnx | shape=[192,224,3]
    onnxruntime-perf-test: -e | cpu | -I | -m | times | -r | 50 | -x | 4 | -y | 1 | -s | /m/a b.onnx
    openvino-benchmark-app: -m | /m/a b.onnx | -d | CPU | -api | sync | -nireq | 1 | -hint | none | -nstreams | 1 | -nthreads | 4 | -niter | 50 | -infer_precision | f32
    tract: /m/a b.onnx | -O | bench | -R | --max-loops | 50 | --warmup-loops | 5
    ");
}

#[test]
fn litert_counts_in_microseconds_and_the_warm_up_does_not_count() {
    let said = read(
        "litert-benchmark-model",
        "INFO: STARTING!\n\
         INFO: Graph: [m.tflite]\n\
         count=1 curr=339304\n\
         INFO: Running benchmark for at least 50 iterations.\n\
         count=50 first=266601 curr=266117 min=265907 max=268120 avg=266473 std=419\n\
         INFO: Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473\n\
         INFO: Memory footprint delta from the start of the tool (MB): init=4.5 overall=23.25\n",
    );
    assert_eq!(said.summary.count, Some(50));
    assert_eq!((said.summary.minimum, said.summary.maximum), (us(265907.0), us(268120.0)));
    assert_eq!((said.summary.mean, said.summary.deviation), (us(266473.0), us(419.0)));
    assert_eq!((said.load, said.first_inference), (us(20283.0), us(339304.0)));
    assert_eq!(said.peak_rss, Some(Bytes(23 * 1024 * 1024 + 256 * 1024)));
}

#[test]
fn litert_writes_large_numbers_with_exponents() {
    let said = read(
        "litert-benchmark-model",
        "count=4 first=1307311 curr=1304571 min=1304571 max=1307311 avg=1.30578e+06 std=1154 p5=1304571 median=1305610 p95=1307311\n\
         Inference timings in us: Init: 2.0283e+05, First inference: 1307311, Warmup (avg): 1.30731e+06, Inference (avg): 1.30578e+06\n",
    );
    assert_eq!(said.summary.mean, us(1_305_780.0));
    assert_eq!(said.summary.median, us(1_305_610.0));
    assert_eq!(said.load, us(202_830.0));
}

#[test]
fn ncnn_prints_one_line_for_the_model() {
    let said = read(
        "ncnn-benchncnn",
        "loop_count = 64\nnum_threads = 4\npowersave = 0\ngpu_device = -1\ncooling_down = 0\n\
         \u{20}         squeezenet  min =    2.93  max =    3.92  avg =    3.16\n",
    );
    assert_eq!(said.summary.count, Some(64));
    assert_eq!((said.summary.minimum, said.summary.maximum, said.summary.mean), (ms(2.93), ms(3.92), ms(3.16)));
}

#[test]
fn both_programs_of_mnn_are_read() {
    let said = read("mnn-v2basic", "Open Model m.mnn\nAvg= 12.300000 ms, OpSum = 12.1 ms min= 11.800000 ms, max= 14.250000 ms\n");
    assert_eq!((said.summary.mean, said.summary.minimum, said.summary.maximum), (ms(12.3), ms(11.8), ms(14.25)));
    let said = read(
        "mnn-benchmark",
        "MNN benchmark\nForward type: CPU thread=4 precision=2\n--------> Benchmarking... loop = 10, warmup = 5\n\
         [ - ] m.mnn                     max =    8.100 ms  min =    7.900 ms  avg =    8.000 ms\n",
    );
    assert_eq!((said.summary.mean, said.summary.minimum, said.summary.maximum), (ms(8.0), ms(7.9), ms(8.1)));
}

#[test]
fn both_wordings_of_onnxruntime_are_read() {
    let old = "Session creation time cost: 0.21345 s\nFirst inference time cost: 196 ms\nTotal inference time cost: 3.115 s\n\
         Total inference requests: 50\nAverage inference time cost: 62.3 ms\nTotal inference run time: 3.1161 s\n\
         Number of inferences per second: 16.0\nAvg CPU usage: 99 %\nPeak working set size: 123456789 bytes\n\
         Min Latency: 0.0598 s\nMax Latency: 0.0958 s\nP50 Latency: 0.0612 s\nP90 Latency: 0.0701 s\nP95 Latency: 0.08 s\n\
         P99 Latency: 0.0912 s\nP999 Latency: 0.0958 s\n";
    let new = old.replace("Average inference time cost: 62.3 ms", "Average inference time cost total: 62.300000 ms");
    for text in [old, &new] {
        let said = read("onnxruntime-perf-test", text);
        assert_eq!((said.load, said.first_inference), (ms(213.45), ms(196.0)));
        assert_eq!((said.summary.count, said.summary.mean), (Some(50), ms(62.3)));
        assert_eq!((said.summary.median, said.summary.p90, said.summary.p99), (ms(61.2), ms(70.1), ms(91.2)));
        assert_eq!(said.peak_rss, Some(Bytes(123_456_789)));
    }
}

#[test]
fn colours_around_numbers_are_no_part_of_them() {
    let said = read("tract", "Bench ran \u{1b}[1;32m50\u{1b}[0m times, \u{1b}[1m25.336\u{1b}[0m ms/i.\n");
    assert_eq!((said.summary.count, said.summary.mean), (Some(50), ms(25.336)));
}

/// This one was printed by the program of PyPI's openvino 2026.4.1 for a model of 25 microseconds; the second differs as
/// its source says for slower models.
#[test]
fn openvino_changes_its_unit_below_a_millisecond() {
    let quick = "[ INFO ] Build ................................. 2026.4.1-22982-e213a147257-releases/2026/4\n\
         [ INFO ] Compile model took 489.78 ms\n[ INFO ] First inference took 20.06 ms\n\
         [ INFO ] Count:            20 iterations\n[ INFO ] Duration:         3.60 ms\n[ INFO ] Latency:\n\
         [ INFO ]    Median:        25.01 us\n[ INFO ]    Average:       166.38 us\n[ INFO ]    Min:           24.48 us\n\
         [ INFO ]    Max:           2720.64 us\n[ INFO ] Throughput:   5556.14 FPS\n";
    let said = read("openvino-benchmark-app", quick);
    assert_eq!((said.load, said.first_inference), (ms(489.78), ms(20.06)));
    assert_eq!((said.summary.count, said.summary.median, said.summary.mean), (Some(20), us(25.01), us(166.38)));
    assert_eq!((said.summary.minimum, said.summary.maximum), (us(24.48), us(2720.64)));
    assert_eq!(said.version.as_deref(), Some("2026.4.1-22982-e213a147257-releases/2026/4"));
    let said = read("openvino-benchmark-app", &quick.replace("25.01 us", "25.01 ms"));
    assert_eq!(said.summary.median, ms(25.01));
}

#[test]
fn what_is_not_printed_is_unknown_and_what_is_no_number_is_an_error() {
    assert_eq!(read("tract", "Segmentation fault\n"), Said::default());
    let reader = Reader::new(&adapter("litert-benchmark-model")).unwrap();
    for text in
        ["count=2 min=nan max=1 avg=1", "count=2 min=-5 max=1 avg=1", "count=2 min=abc max=1 avg=1", "count=2 min=1e999 max=1"]
    {
        let error = reader.read(text).unwrap_err().to_string();
        assert!(error.contains("Minimum"), "{text}: {error}");
    }
}

#[test]
fn an_adapter_that_makes_no_sense_is_refused_by_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    let head = "arguments = []\nformats = ['onnx']\n";
    for (text, word) in [
        ("figures = [{ figure = 'mean', unit = 'ms', pattern = '(' }]", "Mean"),
        ("figures = [{ figure = 'mean', unit = 'ms', pattern = 'x' }]", "group"),
        ("figures = [{ figure = 'mean', unit = 'B', pattern = '(x)' }]", "Bytes"),
        ("figures = [{ figure = 'average', unit = 'ms', pattern = '(x)' }]", "no adapter"),
        ("figure = []", "no adapter"),
    ] {
        std::fs::write(&file, format!("{head}{text}")).unwrap();
        let error = load(&file).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
    assert!(load(&folder.path().join("absent.toml")).unwrap_err().to_string().contains("absent.toml"));
}

#[test]
fn words_that_nobody_knows_are_named() {
    let words = Words { model: Path::new("m"), folder: Path::new("f"), threads: 1, runs: 1, warmup: 1, input: None };
    let call = |argument: &str| {
        let adapter = Adapter { arguments: vec![argument.into()], formats: vec![], figures: vec![], version: None };
        arguments(&adapter, words).map_err(|error| error.to_string())
    };
    assert_eq!(call("--m={model},{threads}").unwrap(), ["--m=m,1"]);
    assert!(call("{thread}").unwrap_err().contains("{thread}"));
    assert!(call("{model").unwrap_err().contains("does not close"));
    assert!(call("{width}").unwrap_err().contains("no input of four dimensions"));
}
