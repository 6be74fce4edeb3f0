//! Our files on OpenVINO, whose low-precision pass rewrites what is around integers: it must take every family, and answer like
//! ONNX Runtime.

use std::process::Command;

use crate::families;
use crate::onnxruntime::python;

/// Prints a line for each file: the cosine between both engines' answers to one seeded picture, or why there is none.
const SCRIPT: &str = r#"
import sys
import numpy, onnxruntime
try:
    import openvino
except ImportError:
    sys.exit(77)
core = openvino.Core()
for path in sys.argv[1:]:
    try:
        other = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (entry,) = other.get_inputs()
        picture = numpy.random.default_rng(1).random(entry.shape, dtype=numpy.float32)
        (theirs,) = other.run(None, {entry.name: picture})
        ours = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(picture)[0]
        print(float((ours * theirs).sum() / numpy.sqrt((ours * ours).sum() * (theirs * theirs).sum())))
    except Exception as error:
        print(" ".join(str(error).split())[-300:])
"#;

#[test]
fn openvino_takes_every_family_in_both_precisions() {
    let Some(python) = python() else { return };
    let families = families();
    let output = Command::new(python).arg("-c").arg(SCRIPT).args(families.iter().map(|built| &built.path)).output().unwrap();
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: that Python has no openvino; run .ci/setup");
        return;
    }
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), families.len(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Rounding in another order moves an int8 answer by steps, and small pictures leave little to average over.
    let wrong: Vec<String> = (families.iter().zip(said.lines()))
        .filter(|(_, said)| !said.parse::<f64>().is_ok_and(|cosine| cosine > 0.95))
        .map(|(built, said)| format!("{} {}: {said}", built.manifest.name, built.manifest.precision))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
