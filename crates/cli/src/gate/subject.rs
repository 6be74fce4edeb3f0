//! What a gate compares: files, or revisions of a model that the farm has.

use std::path::{Path, PathBuf};

use benchrack_client::Client;
use benchrack_protocol::api::Model;
use benchrack_protocol::model::{Manifest, Precision};

use crate::exit::{Failure, usage};
use crate::model_file::{self, InputShape};

/// One side.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What is known of it.
    pub manifest: Manifest,
    /// Its file here; none when the farm has it.
    pub file: Option<PathBuf>,
}

/// A side as it is named: a file, or `NAME[:PRECISION][@REVISION]` of a model that the farm has.
pub async fn choose(text: &str, shapes: &[InputShape], farm: Option<&Client>) -> Result<Chosen, Failure> {
    let path = Path::new(text);
    if path.exists() || path.extension().is_some_and(|extension| extension == "onnx") {
        return Ok(Chosen { manifest: model_file::manifest_of(path, shapes)?, file: Some(path.to_owned()) });
    }
    let Some(farm) = farm else {
        return Err(usage(format!("there is no file '{text}'; models by name are those of a server, not of --local")));
    };
    let models = farm.models().await?;
    let found = find(&models, &Name::parse(text)?)?;
    Ok(Chosen { manifest: found.manifest.clone(), file: None })
}

/// The stored baseline of a candidate: the newest revision of its model that is another file, to be measured again beside
/// it.
pub async fn stored_baseline(candidate: &Chosen, farm: &Client) -> Result<Chosen, Failure> {
    let models = farm.models().await?;
    let Manifest { name, precision, artifact, .. } = &candidate.manifest;
    let same = |model: &&Model| model.manifest.name == *name && model.manifest.precision == *precision;
    let mut revisions = models.iter().filter(same).peekable();
    if revisions.peek().is_none() {
        return Err(usage(format!(
            "the farm has no {name} {precision} to compare with: name one with --baseline, or add it with `benchrack models add`"
        )));
    }
    let other = revisions.find(|model| model.manifest.artifact != *artifact);
    let other = other.or_else(|| models.iter().find(same));
    match other {
        Some(model) => Ok(Chosen { manifest: model.manifest.clone(), file: None }),
        None => Err(usage(format!("the farm has no {name} {precision}"))),
    }
}

/// `NAME[:PRECISION][@REVISION]`.
#[derive(Debug, PartialEq)]
struct Name<'a> {
    name: &'a str,
    precision: Option<Precision>,
    revision: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Result<Self, Failure> {
        let (rest, revision) = text.split_once('@').map_or((text, None), |(rest, revision)| (rest, Some(revision)));
        let (name, precision) = match rest.split_once(':') {
            None => (rest, None),
            Some((name, word)) => {
                let quoted = serde_json::Value::String(word.to_owned());
                let precision = serde_json::from_value(quoted)
                    .map_err(|_| usage(format!("'{word}' in '{text}' is no precision such as fp32 or int8")))?;
                (name, Some(precision))
            }
        };
        Ok(Self { name, precision, revision })
    }
}

/// The newest revision that fits; of several precisions one must be named.
fn find<'a>(models: &'a [Model], wanted: &Name<'_>) -> Result<&'a Model, Failure> {
    let of_name: Vec<&Model> = models.iter().filter(|model| model.manifest.name == wanted.name).collect();
    if of_name.is_empty() {
        let mut known: Vec<&str> = models.iter().map(|model| model.manifest.name.as_str()).collect();
        known.dedup();
        return Err(usage(format!(
            "there is no file '{0}', and the farm has no model of this name; it has {1}",
            wanted.name,
            if known.is_empty() { "none".into() } else { known.join(", ") }
        )));
    }
    let fits = |model: &&&Model| {
        wanted.precision.is_none_or(|precision| model.manifest.precision == precision)
            && wanted.revision.is_none_or(|revision| {
                model.revision == revision || (revision.len() >= 6 && model.manifest.artifact.to_string().starts_with(revision))
            })
    };
    let mut found = of_name.iter().filter(fits);
    let Some(first) = found.next() else {
        let known: Vec<String> = of_name
            .iter()
            .map(|model| format!("{}:{}@{}", model.manifest.name, model.manifest.precision, shown(model)))
            .collect();
        return Err(usage(format!("the farm has no such revision of {}; it has {}", wanted.name, known.join(", "))));
    };
    if found.any(|model| model.manifest.precision != first.manifest.precision) {
        return Err(usage(format!("{0} is there in several precisions: name one, such as {0}:fp32", wanted.name)));
    }
    Ok(first)
}

fn shown(model: &Model) -> String {
    if model.revision.is_empty() { model.manifest.artifact.short() } else { model.revision.clone() }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::ids::{ArtifactId, ModelId};
    use benchrack_protocol::units::Bytes;

    use super::*;

    fn model(name: &str, precision: Precision, revision: &str) -> Model {
        let artifact = ArtifactId::of(revision.as_bytes());
        Model {
            id: ModelId(1),
            manifest: Manifest::of_unknown(name, precision, artifact, Bytes(1)),
            revision: revision.into(),
            added_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn revisions_are_found_by_name_precision_and_revision_or_digest() {
        let models = [
            model("app", Precision::Fp32, "v2"),
            model("app", Precision::Fp32, "v1"),
            model("app", Precision::Int8, "v3"),
            model("other", Precision::Fp32, "x"),
        ];
        let revision = |text: &str| find(&models, &Name::parse(text).unwrap()).map(|model| model.revision.as_str());
        assert_eq!(revision("app:fp32").unwrap(), "v2");
        assert_eq!(revision("app@v1").unwrap(), "v1");
        assert_eq!(revision("other").unwrap(), "x");
        let digest = ArtifactId::of(b"v1").short();
        assert_eq!(revision(&format!("app@{digest}")).unwrap(), "v1");
        for (text, said) in [("app", "several precisions"), ("app@v9", "app:fp32@v2"), ("nothing", "it has app, other")] {
            let error = revision(text).unwrap_err().error.to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(Name::parse("app:fp99").is_err());
    }
}
