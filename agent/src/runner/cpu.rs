//! The widest instruction set of this CPU that inference kernels are written for. An engine that picks its kernels at run
//! time and does not name them picks by this.

/// `avx512_vnni`, `neon+dotprod+i8mm`, …
pub fn kernel_family() -> String {
    let names = features();
    if names.is_empty() { std::env::consts::ARCH.into() } else { names.join("+") }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let highest = if std::is_x86_feature_detected!("avx512vnni") {
        "avx512_vnni"
    } else if std::is_x86_feature_detected!("avx512bw") {
        "avx512"
    } else if std::is_x86_feature_detected!("avxvnni") {
        "avx2_vnni"
    } else if std::is_x86_feature_detected!("avx2") {
        "avx2"
    } else if std::is_x86_feature_detected!("avx") {
        "avx"
    } else {
        "sse2"
    };
    vec![highest]
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let has = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    has.into_iter().filter_map(|(name, present)| present.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
