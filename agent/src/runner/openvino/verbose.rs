//! What oneDNN prints of each kernel that runs (`ONEDNN_VERBOSE=1`): comma-separated fields, those of oneDNN 3 being
//! `onednn_verbose,v1,primitive,exec,engine,primitive,implementation,prop_kind,memory_descriptors,attributes,auxiliary,
//! problem_desc,exec_time`, with the time in milliseconds.

use std::io::Write;

use benchrack_protocol::model::Precision;
use benchrack_protocol::units::Nanos;

use super::super::aside::Seen;

/// A line between two inferences, so that kernels of the compilation and of each inference can be told apart.
const MARK: &str = "benchrack inference";

/// Prints the mark. oneDNN prints through the C library, which has its own buffer; it flushes after each line, so the
/// order holds.
pub fn mark() {
    let mut output = std::io::stdout().lock();
    // Without a reader nobody misses the mark.
    let _ = writeln!(output, "{MARK}").and_then(|()| output.flush());
}

/// Kernels of one inference with their mean time over all but the first, or of the first where it is the only one.
pub fn parse(text: &str, inferences: u32) -> Vec<Seen> {
    let rounds: Vec<Vec<Seen>> = text.split(MARK).skip(1).map(|round| round.lines().filter_map(kernel).collect()).collect();
    let measured = if inferences == 0 { rounds.get(..1) } else { rounds.get(1..) }.unwrap_or_default();
    let Some(first) = measured.first() else { return Vec::new() };
    let mut seen = first.clone();
    for (place, seen) in seen.iter_mut().enumerate() {
        let total: u64 = measured.iter().filter_map(|round| round.get(place)).map(|kernel| kernel.time.0).sum();
        seen.time = Nanos(total / measured.len() as u64);
    }
    seen
}

fn kernel(line: &str) -> Option<Seen> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let [_, _, "primitive", "exec", _, primitive, implementation, _, memory, ..] = fields.as_slice() else { return None };
    let milliseconds: f64 = fields.last()?.parse().ok()?;
    let problem = fields.iter().rev().nth(1).copied().unwrap_or_default();
    Some(Seen {
        name: problem.to_owned(),
        operator: format!("{primitive} {implementation}"),
        arithmetic: arithmetic(primitive, memory),
        time: Nanos((milliseconds.max(0.0) * 1e6) as u64),
    })
}

/// Of convolutions and matrix products, by the types of the source and the weights: `src:u8::blocked:acdb::f0 wei:s8:…`.
fn arithmetic(primitive: &str, memory: &str) -> Option<Precision> {
    if !["convolution", "deconvolution", "inner_product", "matmul"].contains(&primitive) {
        return None;
    }
    let kind = |name: &str| {
        let descriptor = memory.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix(':'))?;
        descriptor.split(':').next()
    };
    match (kind("src")?, kind("wei")?) {
        ("u8" | "s8", "u8" | "s8") => Some(Precision::Int8),
        ("f16", _) => Some(Precision::Fp16),
        ("f32", "f32") => Some(Precision::Fp32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as OpenVINO 2026.4 prints them, attributes shortened: a reorder of the compilation, then two inferences.
    const SAID: &str = "onednn_verbose,v1,info,cpu,isa:Intel AVX-512\n\
        onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:s8::blocked:ab::f0 dst:s8::blocked:ab::f0,,,10x16,0.002\n\
        benchrack inference\n\
        onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,src:u8::blocked:acdb::f0 wei:s8:ap:blocked:AcdB::f8 dst:u8::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,mb1_ic3oc16,0.9\n\
        onednn_verbose,v1,primitive,exec,cpu,matmul,brg:avx512_core,undef,src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,,1x8:8x4,0.5\n\
        benchrack inference\n\
        onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,src:u8::blocked:acdb::f0 wei:s8:ap:blocked:AcdB::f8 dst:u8::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,mb1_ic3oc16,0.1\n\
        onednn_verbose,v1,primitive,exec,cpu,matmul,brg:avx512_core,undef,src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,,1x8:8x4,0.25\n";

    #[test]
    fn kernels_of_the_compilation_and_of_the_warm_up_do_not_count() {
        let seen = parse(SAID, 1);
        let shown: Vec<_> = seen.iter().map(|seen| (seen.operator.as_str(), seen.arithmetic, seen.time)).collect();
        assert_eq!(
            shown,
            [
                ("convolution brg_conv_fwd:avx512_core_vnni", Some(Precision::Int8), Nanos(100_000)),
                ("matmul brg:avx512_core", Some(Precision::Fp32), Nanos(250_000)),
            ]
        );
        assert_eq!(seen[0].name, "mb1_ic3oc16");
        assert_eq!(parse(SAID, 0)[0].time, Nanos(900_000));
        assert_eq!(parse("", 1), []);
    }
}
