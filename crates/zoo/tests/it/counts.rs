//! Parameters and multiply-adds against figures that others counted.

use benchrack_zoo::{CATALOGUE, describe, find};

/// Name in the reference table, its variant, and the name here.
const REFERENCE: &[(&str, &str, &str)] = &[
    ("squeezenet", "v1.0", "squeezenet-1.0"),
    ("squeezenet", "v1.1", "squeezenet-1.1"),
    ("squishednet", "base: squeezenet v1.1 with a 10-class head", "squeezenet-1.1-10classes"),
    ("mobilenet_v1", "1.0", "mobilenet-v1-1.0-224"),
    ("mobilenet_v1", "0.75", "mobilenet-v1-0.75-224"),
    ("mobilenet_v1", "0.5", "mobilenet-v1-0.5-224"),
    ("mobilenet_v1", "0.25", "mobilenet-v1-0.25-224"),
    ("mobilenet_v2", "1.0", "mobilenet-v2-1.0-224"),
    ("mobilenet_v3", "small 1.0", "mobilenet-v3-small-1.0"),
    ("mobilenet_v3", "large 1.0", "mobilenet-v3-large-1.0"),
    ("shufflenet_v1", "1x g=1", "shufflenet-v1-g1"),
    ("shufflenet_v1", "1x g=2", "shufflenet-v1-g2"),
    ("shufflenet_v1", "1x g=3", "shufflenet-v1-g3"),
    ("shufflenet_v1", "1x g=4", "shufflenet-v1-g4"),
    ("shufflenet_v1", "1x g=8", "shufflenet-v1-g8"),
    ("shufflenet_v1", "0.5x g=3", "shufflenet-v1-0.5-g3"),
    ("shufflenet_v2", "0.5x", "shufflenet-v2-0.5"),
    ("shufflenet_v2", "1.0x", "shufflenet-v2-1.0"),
    ("shufflenet_v2", "1.5x", "shufflenet-v2-1.5"),
    ("shufflenet_v2", "2.0x", "shufflenet-v2-2.0"),
    ("nasnet_a", "mobile 4@1056", "nasnet-a-mobile"),
    ("enet", "19 classes", "enet-640x360"),
    ("resnet", "18 (v1)", "resnet-18"),
    ("resnet", "50 (v1.5, stride in 3x3)", "resnet-50"),
    ("resnet_v2", "50 (pre-activation, stride in 3x3)", "resnet-v2-50"),
];

/// Parameters and multiply-adds, counted by hand-written layers of torchvision 0.29.2 and pytorchcv 0.0.74 models (convolutions,
/// transposed convolutions and fully-connected layers; without bias, normalisation, pools).
const COUNTED: &[(&str, u64, u64)] = &[
    ("squeezenet-1.0", 1_248_424, 818_924_576),
    ("squeezenet-1.1", 1_235_496, 349_151_936),
    ("mobilenet-v1-1.0-224", 4_231_976, 568_740_352),
    ("mobilenet-v1-0.75-224", 2_585_560, 325_400_448),
    ("mobilenet-v1-0.5-224", 1_331_592, 149_497_088),
    ("mobilenet-v1-0.25-224", 470_072, 41_030_272),
    ("mobilenet-v2-1.0-224", 3_504_872, 300_774_272),
    ("mobilenet-v3-small-1.0", 2_542_856, 56_510_400),
    ("mobilenet-v3-large-1.0", 5_483_032, 216_589_760),
    ("nasnet-a-mobile", 5_289_978, 568_234_858),
    ("enet-640x360", 358_060, 1_811_116_800),
    ("squeezenet-1.1-10classes", 727_626, 263_489_216),
    ("shufflenet-v1-g1", 1_531_936, 143_078_976),
    ("shufflenet-v1-g2", 1_733_848, 140_836_512),
    ("shufflenet-v1-g3", 1_865_728, 137_460_672),
    ("shufflenet-v1-g4", 1_968_344, 134_339_776),
    ("shufflenet-v1-g8", 2_434_768, 138_365_952),
    ("shufflenet-v1-0.5-g3", 718_324, 37_589_856),
    ("shufflenet-v2-0.5", 1_366_792, 40_476_448),
    ("shufflenet-v2-1.0", 2_278_604, 144_907_992),
    ("shufflenet-v2-1.5", 3_503_624, 295_759_392),
    ("shufflenet-v2-2.0", 7_393_996, 583_253_464),
    ("resnet-18", 11_689_512, 1_814_073_344),
    ("resnet-50", 25_557_032, 4_089_184_256),
    ("resnet-v2-50", 25_549_352, 4_089_184_256),
    ("mobilenet-v1-0.5-160", 1_331_592, 76_524_800),
];

/// Parameters and multiply-adds of variants that nobody publishes, computed layer by layer with the papers' formulas in a few lines of
/// arithmetic that share nothing with this crate.
const COMPUTED: &[(&str, u64, u64)] = &[
    ("squeezenet-1.0-sr0.25", 1_967_080, 1_383_656_480),
    ("squeezenet-1.0-sr0.5", 3_404_392, 2_513_120_288),
    ("squeezenet-1.0-sr0.75", 4_841_704, 3_642_584_096),
    ("squeezenet-1.0-sr0.5-e25", 2_421_352, 1_728_293_920),
    ("squeezenet-1.0-sr0.5-e75", 4_387_432, 3_297_946_656),
    ("mobilenet-v1-0.5-160-plus5", 1_367_688, 80_032_000),
    ("squeezenet-1.1-192", 1_235_496, 252_017_344),
    ("squeezenet-1.1-160", 1_235_496, 170_693_312),
    ("squeezenet-1.1-128", 1_235_496, 105_179_840),
    ("squishednet-1", 613_794, 227_918_228),
    ("squishednet-2", 454_242, 165_387_580),
    ("squishednet-3", 326_754, 125_692_212),
    ("squishednet-4", 237_650, 89_157_708),
    ("enet-512x512", 358_060, 2_060_648_448),
    ("alexnet-224-pruned80", 61_100_840, 714_188_480),
    ("mobilenet-v1-1.0-224-pruned80", 4_231_976, 568_740_352),
    ("alexnet-224-rank25", 28_594_984, 681_682_624),
    ("mobilenet-v1-1.0-224-rank25", 2_574_888, 282_937_856),
    ("trunk-3x3-gap", 1_436_760, 271_575_040),
    ("trunk-1x3-3x1-gap", 1_177_336, 216_524_800),
    ("trunk-3x3-fc", 38_839_384, 308_969_472),
];

/// Parameters, and multiply-adds in millions, as the metadata of torchvision 0.29.2's weights round them; Inception v3 there has an
/// auxiliary classifier of 3,326,696 parameters, which is taken away here.
const ROUNDED: &[(&str, u64, u64)] = &[
    ("alexnet-224", 61_100_840, 714),
    ("vgg-16", 138_357_544, 15_470),
    ("densenet-121", 7_978_856, 2_834),
    ("inception-v3", 23_834_568, 5_713),
    ("resnext-50", 25_028_904, 4_230),
];

/// Multiply-adds in millions, as tensorflow/models' slim mobilenet_v1.md rounds them; parameters do not depend on the picture.
const SLIM: &[(&str, u64, u64)] = &[
    ("mobilenet-v1-1.0-192", 4_231_976, 418),
    ("mobilenet-v1-1.0-160", 4_231_976, 291),
    ("mobilenet-v1-1.0-128", 4_231_976, 186),
];

#[test]
fn parameters_and_multiply_adds_equal_independent_counts() {
    for &(name, parameters, macs) in COUNTED.iter().chain(COMPUTED) {
        let description = describe(find(name).unwrap()).unwrap();
        assert_eq!((description.parameters, description.macs), (parameters, macs), "{name}");
    }
    let rounded = |table: &[(&str, u64, u64)], unit: u64| {
        for &(name, parameters, macs) in table {
            let description = describe(find(name).unwrap()).unwrap();
            assert_eq!((description.parameters, (description.macs + unit / 2) / unit), (parameters, macs), "{name}");
        }
    };
    rounded(ROUNDED, 1_000_000);
    rounded(SLIM, 1_000_000);
}

#[test]
fn every_architecture_has_an_independent_count() {
    for architecture in CATALOGUE {
        assert!(
            [COUNTED, COMPUTED, ROUNDED, SLIM].concat().iter().any(|(name, ..)| *name == architecture.name),
            "no count for {}",
            architecture.name
        );
    }
}

#[test]
fn shares_of_layers_add_up() {
    for architecture in CATALOGUE {
        let description = describe(architecture).unwrap();
        let share: f64 = description.layers.iter().map(|layer| layer.share).sum();
        assert!((share - 1.0).abs() < 1e-9, "{}", architecture.name);
    }
}

#[test]
fn measured_rows_of_the_reference_table_are_met() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/zoo-reference.tsv");
    let Ok(text) = std::fs::read_to_string(table) else {
        eprintln!("SKIPPED: no reference table at {table}; the counts in this file are checked anyway");
        return;
    };
    let mut checked = 0;
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [arch, variant, _input, parameters, macs, source] = cells[..] else { panic!("'{row}' has other columns") };
        let known = REFERENCE.iter().find(|known| (known.0, known.1) == (arch, variant));
        if !source.starts_with("measured") && !source.starts_with("computed") {
            continue;
        }
        let Some(known) = known else { panic!("the zoo has no model for the row '{row}'") };
        let description = describe(find(known.2).unwrap()).unwrap();
        assert_eq!((description.parameters.to_string(), description.macs.to_string()), (parameters.into(), macs.into()), "{row}");
        checked += 1;
    }
    assert_eq!(checked, REFERENCE.len(), "rows of the table that this test names are gone");
}
