//! `benchrack changepoints` on files as people have them.

use crate::farm;

/// Noise that repeats only after a prime number of points, a step of 10 % at point 60, and one spike.
fn values() -> Vec<f64> {
    let wobble = |at: usize| ((at * 7919 + at * at * 31) % 101) as f64 / 50.0 - 1.0;
    let mut values: Vec<f64> = (0..100).map(|at| if at < 60 { 50.0 } else { 55.0 } + wobble(at)).collect();
    values[20] = 400.0;
    values
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    farm::run(farm::benchrack().arg("changepoints").args(arguments))
}

#[test]
fn a_step_is_found_in_json_csv_and_text_and_a_spike_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let values = values();
    let lines = |line: &dyn Fn((usize, &f64)) -> String| values.iter().enumerate().map(line).collect::<Vec<_>>().join("\n");
    let json = file("a.json", serde_json::json!({"name": "latency", "values": values}).to_string());
    let table = file("b.csv", format!("commit,run,ms\n{}", lines(&|(at, value)| format!("c{at},{at},{value}"))));
    let text = file("c.txt", lines(&|(_, value)| value.to_string()));

    let (code, stdout, stderr) = run(&["--json", "--column", "ms", &json, &table]);
    assert_eq!(code, 0, "{stderr}");
    let answers: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    for answer in answers.as_array().unwrap() {
        assert_eq!(answer["changepoints"], serde_json::json!([60]), "{answer}");
        assert_eq!(answer["outliers"], serde_json::json!([20]), "{answer}");
        let relative = answer["changes"][0]["relative"].as_f64().unwrap();
        assert!((relative - 0.1).abs() < 0.02, "{answer}");
    }
    assert_eq!(answers[0]["name"], "latency");

    let (code, stdout, _) = run(&["--fail-on-change", &text]);
    assert_eq!(code, 1);
    for part in ["100 points, 1 change;", "step", "+9.4 %", "spikes, which moved nothing, at 20"] {
        assert!(stdout.contains(part), "{part:?}: {stdout}");
    }
    let constant = file("d.txt", "7\n".repeat(30));
    assert_eq!(run(&["--fail-on-change", &constant]).0, 0);
}

#[test]
fn a_file_that_is_no_series_is_named_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.csv");
    std::fs::write(&path, "commit,ms\na,1\nb,fast\n").unwrap();
    let path = path.to_str().unwrap();
    let (code, _, stderr) = run(&["--column", "ms", path]);
    assert_eq!(code, 2);
    assert!(stderr.contains(path) && stderr.contains("line 3, column 2: \"fast\" is no number"), "{stderr}");
    let (code, _, stderr) = run(&["/nonexistent.json"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("/nonexistent.json"), "{stderr}");
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("--fail-on-change") && help.contains("benchrack changepoints history.json"), "{help}");
}
