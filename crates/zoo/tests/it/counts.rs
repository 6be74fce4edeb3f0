//! Parameters and multiply-adds against figures that others counted.

use benchrack_zoo::{CATALOGUE, describe, find};

/// Name in the reference table, its variant and input, and the name here.
const REFERENCE: &[(&str, &str, &str, &str)] = &[
    ("squeezenet", "v1.1", "1x3x224x224", "squeezenet-1.1"),
    ("mobilenet_v1", "1.0", "1x3x224x224", "mobilenet-v1-1.0-224"),
    ("resnet", "18 (v1)", "1x3x224x224", "resnet-18"),
];

/// Parameters and multiply-adds, counted by hand-written layers of torchvision 0.29.2 and pytorchcv 0.0.74 models (convolutions,
/// transposed convolutions and fully-connected layers; without bias, normalisation, pools).
const COUNTED: &[(&str, u64, u64)] = &[
    ("squeezenet-1.1", 1_235_496, 349_151_936),
    ("mobilenet-v1-1.0-224", 4_231_976, 568_740_352),
    ("mobilenet-v1-0.5-160", 1_331_592, 76_524_800),
    ("resnet-18", 11_689_512, 1_814_073_344),
];

#[test]
fn parameters_and_multiply_adds_equal_independent_counts() {
    for &(name, parameters, macs) in COUNTED {
        let description = describe(find(name).unwrap()).unwrap();
        assert_eq!((description.parameters, description.macs), (parameters, macs), "{name}");
    }
}

#[test]
fn every_architecture_has_an_independent_count() {
    for architecture in CATALOGUE {
        assert!(COUNTED.iter().any(|(name, ..)| *name == architecture.name), "no count for {}", architecture.name);
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
        let [arch, variant, input, parameters, macs, source] = cells[..] else { panic!("'{row}' has other columns") };
        let known = REFERENCE.iter().find(|known| (known.0, known.1, known.2) == (arch, variant, input));
        if let (Some(known), true) = (known, source.starts_with("measured")) {
            let description = describe(find(known.3).unwrap()).unwrap();
            assert_eq!(
                (description.parameters.to_string(), description.macs.to_string()),
                (parameters.into(), macs.into()),
                "{row}"
            );
            checked += 1;
        }
    }
    assert_eq!(checked, REFERENCE.len(), "rows of the table that this test names are gone");
}
