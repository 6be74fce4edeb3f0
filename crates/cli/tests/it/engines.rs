//! `benchrack engines`: builds of engines, from a file to the list.

use benchrack_protocol::api::Engine;

use crate::farm::{self, Server};

#[test]
fn a_library_is_added_with_what_its_header_says_and_listed() {
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let library = folder.path().join("libengine.so.2.5.1");
    // An ELF file is an ELF file; no agent loads it here.
    std::fs::copy(env!("CARGO_BIN_EXE_benchrack"), &library).unwrap();
    let mut add = server.command();
    let (code, stdout, stderr) =
        farm::run(add.args(["engines", "add", "--name", "engine", "--licence", "MIT", "--json"]).arg(&library));
    assert_eq!(code, 0, "{stderr}");
    let added: Vec<Engine> = serde_json::from_str(&stdout).unwrap();
    let build = &added[0].build;
    assert_eq!((build.version.as_str(), build.engine.name.as_str()), ("2.5.1", "engine"));
    assert!(build.target.starts_with(std::env::consts::ARCH), "{}", build.target);
    assert_eq!(build.size.0, std::fs::metadata(&library).unwrap().len());
    let (code, stdout, _) = farm::run(server.command().args(["engines", "list"]));
    assert_eq!(code, 0);
    for words in ["in an app", "engine", "2.5.1", &build.target, "library"] {
        assert!(stdout.contains(words), "{words} is not in {stdout}");
    }
}

#[test]
fn what_is_no_engine_is_refused_with_what_to_do() {
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let script = folder.path().join("script.sh");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let add = |arguments: &[&str]| {
        let mut command = server.command();
        command.args(["engines", "add", "--name", "engine", "--licence", "MIT"]).args(arguments).arg(&script);
        farm::run(&mut command)
    };
    let (code, _, stderr) = add(&[]);
    assert!(code == 2 && stderr.contains("--target"), "{code} {stderr}");
    let (code, _, stderr) = add(&["--target", "x86_64-linux-gnu"]);
    assert!(code == 2 && stderr.contains("--version"), "{code} {stderr}");
    let (code, _, stderr) = add(&["--target", "x86_64-linux-gnu", "--version", "1", "--entry", "lib/engine.so"]);
    assert!(code == 2 && stderr.contains("tar archive"), "{code} {stderr}");
    let (code, _, stderr) = add(&["--target", "linux", "--version", "1"]);
    assert!(code == 2 && stderr.contains("architecture, system and C library"), "{code} {stderr}");
    let (code, _, stderr) = farm::run(server.command().args(["engines", "fetch", "onnxruntime", "--target", "sparc-linux-gnu"]));
    assert!(code == 2 && stderr.contains("known are x86_64-linux-gnu"), "{code} {stderr}");
}

#[test]
fn a_local_gate_on_another_engine_asks_for_its_library() {
    let model = farm::models().join("mobilenet-v1-0.5-160.fp32.onnx");
    let mut gate = farm::benchrack();
    gate.args(["gate", "--local", "--engine", "onnxruntime", "--baseline"]).arg(&model).arg("--candidate").arg(&model);
    let (code, _, stderr) = farm::run(&mut gate);
    assert!(code == 2 && stderr.contains("--library"), "{code} {stderr}");
}

#[test]
fn a_demo_does_not_go_on_without_a_library_that_was_named() {
    let folder = farm::folder();
    let mut demo = farm::benchrack();
    demo.args(["demo", "--exit", "--port", "0", "--data-dir"]).arg(folder.path().join("data"));
    let (code, _, stderr) = farm::run(demo.env("BENCHRACK_ONNXRUNTIME_LIBRARY", folder.path().join("none.so")));
    assert!(code == 2 && stderr.contains("BENCHRACK_ONNXRUNTIME_LIBRARY"), "{code} {stderr}");
}
