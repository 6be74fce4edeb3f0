//! The studies that come with the program, and those of a file.

use std::path::Path;

use benchrack_protocol::study::{EVERY, Study};

use crate::exit::{Blame, Failure, usage};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each study of `config/studies`; compiled in, so that the binary alone is enough.
        pub const BUILT_IN: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../config/studies/", $name, ".toml")))),*
        ];
    };
}

built_in![
    "architectures",
    "squeezenet-against-mobilenet-against-nasnet",
    "int8-against-fp32",
    "input-size-against-latency",
    "depth-multiplier",
    "pruning-and-low-rank",
    "fully-connected-against-global-average-pooling",
    "3x3-against-1x3-3x1",
    "encryption-against-compression",
    "first-inference-against-steady",
];

/// All studies that come with the program.
pub fn all() -> Result<Vec<Study>, Failure> {
    let read =
        |(name, text): &(&str, &str)| toml::from_str(text).infrastructure(format!("the compiled-in study {name} cannot be read"));
    BUILT_IN.iter().map(read).collect()
}

/// The study of this name, or of this file.
pub fn named(name: &str) -> Result<Study, Failure> {
    let study: Study = match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => toml::from_str(text).infrastructure(format!("the compiled-in study {name} cannot be read"))?,
        None if Path::new(name).extension().is_some_and(|extension| extension == "toml") => {
            let text = std::fs::read_to_string(name).usage(format!("cannot read the study {name}"))?;
            toml::from_str(&text).usage(format!("{name} is not a study"))?
        }
        None => {
            let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(usage(format!("there is no study '{name}'; known are {}, or name a .toml file", known.join(", "))));
        }
    };
    study.validate().usage(format!("the study {name} cannot be answered"))?;
    Ok(study)
}

/// The models of a study that the zoo builds; others must be on the server already.
pub fn zoo_models(study: &Study) -> Vec<String> {
    let architectures = benchrack_zoo::CATALOGUE.iter().map(|architecture| architecture.name);
    let wanted = |name: &&str| study.suite.models.iter().any(|model| model == name || model == EVERY);
    architectures.filter(wanted).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_a_study_of_its_name_that_can_be_answered() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/studies"));
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(files, BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect());
        for study in all().unwrap() {
            study.validate().unwrap_or_else(|error| panic!("{}: {error}", study.name));
            benchrack_server::judge::enough_blocks(&study).unwrap_or_else(|error| panic!("{}: {error}", study.name));
            assert!(files.contains(&study.name) && study.suite.name == study.name, "{}", study.name);
        }
    }

    #[test]
    fn every_model_that_a_study_names_is_in_the_zoo() {
        let zoo: BTreeSet<&str> = benchrack_zoo::CATALOGUE.iter().map(|architecture| architecture.name).collect();
        for study in all().unwrap() {
            let sides = study.checks().flat_map(|(_, check)| check.sides().map(|side| side.model.clone()).collect::<Vec<_>>());
            let named: BTreeSet<String> = sides.chain(study.suite.models.clone()).filter(|model| model != EVERY).collect();
            let unknown: Vec<&String> = named.iter().filter(|model| !zoo.contains(model.as_str())).collect();
            assert!(unknown.is_empty(), "{} names {unknown:?}, which the zoo does not build", study.name);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_are_known() {
        let failure = named("int8").unwrap_err();
        assert!(failure.exit == crate::exit::Exit::Usage && failure.error.to_string().contains("int8-against-fp32"));
    }
}
