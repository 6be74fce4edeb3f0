//! Names of ARM cores from MIDR_EL1 (implementer in bits 31–24, part in bits 15–4), and how strong a kind of core is.
//!
//! Part numbers are those of the vendors' technical reference manuals, as Linux lists them in
//! `arch/arm64/include/asm/cputype.h` and `arch/arm/include/asm/cputype.h`, and util-linux in `sys-utils/lscpu-arm.c`.
//! Designs of MediaTek, Google, Unisoc, Xiaomi and HiSilicon's phones bear ARM's numbers.

/// Which place a design is meant for in a chip of several kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// In-order cores, made to save energy.
    Little,
    /// Out-of-order cores.
    Big,
    /// The largest design of its generation.
    Prime,
}

use Strength::{Big, Little, Prime};

const ARM: u32 = 0x41;
const BROADCOM: u32 = 0x42;
const CAVIUM: u32 = 0x43;
const FUJITSU: u32 = 0x46;
const HISILICON: u32 = 0x48;
const NVIDIA: u32 = 0x4e;
const APM: u32 = 0x50;
const QUALCOMM: u32 = 0x51;
const SAMSUNG: u32 = 0x53;
const MARVELL: u32 = 0x56;
const APPLE: u32 = 0x61;
const MICROSOFT: u32 = 0x6d;
const PHYTIUM: u32 = 0x70;
const AMPERE: u32 = 0xc0;

const CORES: &[(u32, u32, &str, Strength)] = &[
    (ARM, 0xc05, "Cortex-A5", Little),
    (ARM, 0xc07, "Cortex-A7", Little),
    (ARM, 0xc08, "Cortex-A8", Little),
    (ARM, 0xc09, "Cortex-A9", Big),
    (ARM, 0xc0d, "Cortex-A12", Big),
    (ARM, 0xc0e, "Cortex-A17", Big),
    (ARM, 0xc0f, "Cortex-A15", Big),
    (ARM, 0xd01, "Cortex-A32", Little),
    (ARM, 0xd02, "Cortex-A34", Little),
    (ARM, 0xd03, "Cortex-A53", Little),
    (ARM, 0xd04, "Cortex-A35", Little),
    (ARM, 0xd05, "Cortex-A55", Little),
    (ARM, 0xd06, "Cortex-A65", Little),
    (ARM, 0xd07, "Cortex-A57", Big),
    (ARM, 0xd08, "Cortex-A72", Big),
    (ARM, 0xd09, "Cortex-A73", Big),
    (ARM, 0xd0a, "Cortex-A75", Big),
    (ARM, 0xd0b, "Cortex-A76", Big),
    (ARM, 0xd0c, "Neoverse-N1", Big),
    (ARM, 0xd0d, "Cortex-A77", Big),
    (ARM, 0xd0e, "Cortex-A76AE", Big),
    (ARM, 0xd40, "Neoverse-V1", Prime),
    (ARM, 0xd41, "Cortex-A78", Big),
    (ARM, 0xd42, "Cortex-A78AE", Big),
    (ARM, 0xd43, "Cortex-A65AE", Little),
    (ARM, 0xd44, "Cortex-X1", Prime),
    (ARM, 0xd46, "Cortex-A510", Little),
    (ARM, 0xd47, "Cortex-A710", Big),
    (ARM, 0xd48, "Cortex-X2", Prime),
    (ARM, 0xd49, "Neoverse-N2", Big),
    (ARM, 0xd4a, "Neoverse-E1", Little),
    (ARM, 0xd4b, "Cortex-A78C", Big),
    (ARM, 0xd4c, "Cortex-X1C", Prime),
    (ARM, 0xd4d, "Cortex-A715", Big),
    (ARM, 0xd4e, "Cortex-X3", Prime),
    (ARM, 0xd4f, "Neoverse-V2", Prime),
    (ARM, 0xd80, "Cortex-A520", Little),
    (ARM, 0xd81, "Cortex-A720", Big),
    (ARM, 0xd82, "Cortex-X4", Prime),
    (ARM, 0xd83, "Neoverse-V3AE", Prime),
    (ARM, 0xd84, "Neoverse-V3", Prime),
    (ARM, 0xd85, "Cortex-X925", Prime),
    (ARM, 0xd87, "Cortex-A725", Big),
    (ARM, 0xd88, "Cortex-A520AE", Little),
    (ARM, 0xd89, "Cortex-A720AE", Big),
    (ARM, 0xd8a, "C1-Nano", Little),
    (ARM, 0xd8b, "C1-Pro", Big),
    (ARM, 0xd8c, "C1-Ultra", Prime),
    (ARM, 0xd8e, "Neoverse-N3", Big),
    (ARM, 0xd8f, "Cortex-A320", Little),
    (ARM, 0xd90, "C1-Premium", Prime),
    (QUALCOMM, 0x001, "Oryon", Big),
    (QUALCOMM, 0x002, "Oryon (second generation)", Big),
    (QUALCOMM, 0x00f, "Scorpion", Big),
    (QUALCOMM, 0x02d, "Scorpion", Big),
    (QUALCOMM, 0x04d, "Krait", Big),
    (QUALCOMM, 0x06f, "Krait", Big),
    (QUALCOMM, 0x201, "Kryo", Big),
    (QUALCOMM, 0x205, "Kryo", Big),
    (QUALCOMM, 0x211, "Kryo", Big),
    (QUALCOMM, 0x800, "Kryo 2xx Gold (Cortex-A73)", Big),
    (QUALCOMM, 0x801, "Kryo 2xx Silver (Cortex-A53)", Little),
    (QUALCOMM, 0x802, "Kryo 3xx Gold (Cortex-A75)", Big),
    (QUALCOMM, 0x803, "Kryo 3xx Silver (Cortex-A55)", Little),
    (QUALCOMM, 0x804, "Kryo 4xx Gold (Cortex-A76)", Big),
    (QUALCOMM, 0x805, "Kryo 4xx Silver (Cortex-A55)", Little),
    (QUALCOMM, 0xc00, "Falkor", Big),
    (QUALCOMM, 0xc01, "Saphira", Big),
    (SAMSUNG, 0x001, "Exynos M1/M2", Big),
    (SAMSUNG, 0x002, "Exynos M3", Big),
    (SAMSUNG, 0x003, "Exynos M4", Big),
    (SAMSUNG, 0x004, "Exynos M5", Big),
    (NVIDIA, 0x000, "Denver", Big),
    (NVIDIA, 0x003, "Denver 2", Big),
    (NVIDIA, 0x004, "Carmel", Big),
    (HISILICON, 0xd01, "TaiShan v110", Big),
    (HISILICON, 0xd02, "TaiShan v120", Big),
    (HISILICON, 0xd40, "Cortex-A76 (HiSilicon)", Big),
    (APPLE, 0x022, "Icestorm (M1)", Little),
    (APPLE, 0x023, "Firestorm (M1)", Big),
    (APPLE, 0x024, "Icestorm (M1 Pro)", Little),
    (APPLE, 0x025, "Firestorm (M1 Pro)", Big),
    (APPLE, 0x028, "Icestorm (M1 Max)", Little),
    (APPLE, 0x029, "Firestorm (M1 Max)", Big),
    (APPLE, 0x020, "Icestorm (A14)", Little),
    (APPLE, 0x021, "Firestorm (A14)", Big),
    (APPLE, 0x030, "Blizzard (A15)", Little),
    (APPLE, 0x031, "Avalanche (A15)", Big),
    (APPLE, 0x032, "Blizzard (M2)", Little),
    (APPLE, 0x033, "Avalanche (M2)", Big),
    (APPLE, 0x034, "Blizzard (M2 Pro)", Little),
    (APPLE, 0x035, "Avalanche (M2 Pro)", Big),
    (APPLE, 0x038, "Blizzard (M2 Max)", Little),
    (APPLE, 0x039, "Avalanche (M2 Max)", Big),
    (BROADCOM, 0x00f, "Brahma-B15", Big),
    (BROADCOM, 0x100, "Brahma-B53", Little),
    (BROADCOM, 0x516, "ThunderX2", Big),
    (CAVIUM, 0x0a0, "ThunderX", Big),
    (CAVIUM, 0x0a1, "ThunderX 88xx", Big),
    (CAVIUM, 0x0a2, "ThunderX 81xx", Big),
    (CAVIUM, 0x0a3, "ThunderX 83xx", Big),
    (CAVIUM, 0x0af, "ThunderX2 99xx", Big),
    (FUJITSU, 0x001, "A64FX", Big),
    (APM, 0x000, "X-Gene", Big),
    (MARVELL, 0x131, "Feroceon 88FR131", Little),
    (MARVELL, 0x581, "PJ4", Big),
    (MARVELL, 0x584, "PJ4B-MP", Big),
    (MICROSOFT, 0xd49, "Azure Cobalt 100", Big),
    (PHYTIUM, 0x660, "FTC660", Big),
    (PHYTIUM, 0x661, "FTC661", Big),
    (PHYTIUM, 0x662, "FTC662", Big),
    (PHYTIUM, 0x663, "FTC663", Big),
    (PHYTIUM, 0x862, "FTC862", Big),
    (AMPERE, 0xac3, "Ampere-1", Big),
    (AMPERE, 0xac4, "Ampere-1A", Big),
];

/// In how many clusters of one chip a design is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clusters {
    /// It is the only one: its chips have no second cluster.
    Only,
    /// In one, beside clusters of other designs.
    One,
}

/// Cores of a cluster before the generation that mixes designs in one.
pub const MOST_IN_A_CLUSTER: usize = 4;

/// Designs that exist in 32-bit chips only, whose kernels take `core_siblings_list` from MPIDR: it is the cluster.
const ARMV7: &[(u32, u32)] = &[
    (ARM, 0xc05),
    (ARM, 0xc07),
    (ARM, 0xc08),
    (ARM, 0xc09),
    (ARM, 0xc0d),
    (ARM, 0xc0e),
    (ARM, 0xc0f),
    (QUALCOMM, 0x00f),
    (QUALCOMM, 0x02d),
    (QUALCOMM, 0x04d),
    (QUALCOMM, 0x06f),
];

/// Designs of 64 bits whose clusters have a second-level cache for all and at most four cores, as DynamIQ's do not.
const BEFORE_DYNAMIQ: &[(u32, u32)] = &[
    (ARM, 0xd03),
    (ARM, 0xd04),
    (ARM, 0xd07),
    (ARM, 0xd08),
    (ARM, 0xd09),
    (QUALCOMM, 0x201),
    (QUALCOMM, 0x205),
    (QUALCOMM, 0x211),
    (QUALCOMM, 0x800),
    (QUALCOMM, 0x801),
    (SAMSUNG, 0x001),
    (SAMSUNG, 0x002),
    (NVIDIA, 0x000),
    (NVIDIA, 0x003),
];

/// Whether a design is of 32 bits.
pub fn is_armv7(midr: u32) -> bool {
    ARMV7.contains(&fields(midr))
}

/// Whether a cluster of a design may have more than [`MOST_IN_A_CLUSTER`] cores. A design that this build does not know is
/// newer than it.
pub fn may_exceed_four(midr: u32) -> bool {
    !is_armv7(midr) && !BEFORE_DYNAMIQ.contains(&fields(midr))
}

/// The bits of an identity that name the design.
pub const DESIGN: u32 = 0xff00_fff0;

/// Designs of which no phone's chip has two clusters. Those from before big.LITTLE (Cortex-A7 with A15, 2012) have no
/// coherent way to a second cluster; later large ones of this list were sold in one cluster each, until Kirin 980 and
/// Snapdragon 855 (2018) had two of the Cortex-A76. Servers' designs are of one kind.
const IN_ONE_CLUSTER: &[(u32, u32, Clusters)] = &[
    (ARM, 0xc05, Clusters::Only),
    (ARM, 0xc08, Clusters::Only),
    (ARM, 0xc09, Clusters::Only),
    (QUALCOMM, 0x00f, Clusters::Only),
    (QUALCOMM, 0x02d, Clusters::Only),
    (QUALCOMM, 0x04d, Clusters::Only),
    (QUALCOMM, 0x06f, Clusters::Only),
    (ARM, 0xc0d, Clusters::One),
    (ARM, 0xc0e, Clusters::One),
    (ARM, 0xc0f, Clusters::One),
    (ARM, 0xd07, Clusters::One),
    (ARM, 0xd08, Clusters::One),
    (ARM, 0xd09, Clusters::One),
    (ARM, 0xd0a, Clusters::One),
    (ARM, 0xd0c, Clusters::One),
    (ARM, 0xd40, Clusters::One),
    (ARM, 0xd49, Clusters::One),
    (ARM, 0xd4f, Clusters::One),
    (QUALCOMM, 0x800, Clusters::One),
    (QUALCOMM, 0x802, Clusters::One),
    (SAMSUNG, 0x001, Clusters::One),
    (SAMSUNG, 0x002, Clusters::One),
    (SAMSUNG, 0x003, Clusters::One),
    (SAMSUNG, 0x004, Clusters::One),
    (NVIDIA, 0x000, Clusters::One),
    (NVIDIA, 0x003, Clusters::One),
];

/// Whether a design is in one cluster of a chip only; none where it may be in several, or nobody says.
pub fn clusters(midr: u32) -> Option<Clusters> {
    let design = fields(midr);
    IN_ONE_CLUSTER.iter().find(|known| (known.0, known.1) == design).map(|known| known.2)
}

/// Implementer and part of an identity.
pub fn fields(midr: u32) -> (u32, u32) {
    (midr >> 24, (midr >> 4) & 0xfff)
}

/// Name of the core; unknown ones by their numbers, which is still an identity.
pub fn name(midr: u32) -> String {
    let (implementer, part) = fields(midr);
    match CORES.iter().find(|core| (core.0, core.1) == (implementer, part)) {
        Some((_, _, name, _)) => (*name).into(),
        None => format!("implementer {implementer:#04x} part {part:#05x}"),
    }
}

/// The core's place; none for a core that this build does not know.
pub fn strength(midr: u32) -> Option<Strength> {
    let (implementer, part) = fields(midr);
    CORES.iter().find(|core| (core.0, core.1) == (implementer, part)).map(|core| core.3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_are_named_and_unknown_ones_keep_their_numbers() {
        assert_eq!(name(0x410f_d034), "Cortex-A53");
        assert_eq!(name(0x51af_8014), "Kryo 2xx Silver (Cortex-A53)");
        assert_eq!(name(0x410f_fff0), "implementer 0x41 part 0xfff");
        assert_eq!(strength(0x411f_d4e0), Some(Prime));
        assert_eq!(strength(0), None);
    }

    #[test]
    fn no_part_is_listed_twice() {
        let mut parts: Vec<_> = CORES.iter().map(|core| (core.0, core.1)).collect();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), CORES.len());
    }
}
