//! A model file as a person names it: with the manifest beside it, or with one made by looking into the file.

use std::path::Path;

use benchrack_client::Client;
use benchrack_protocol::api::{Model, NewModel};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::Manifest;
use benchrack_zoo::Built;

use crate::exit::{Blame, Failure, usage};

/// Shapes that a person gives for inputs whose file leaves dimensions open: `input=1x3x224x224`.
#[derive(Debug, Clone)]
pub struct InputShape {
    name: String,
    shape: Vec<usize>,
}

impl std::str::FromStr for InputShape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is no input shape such as input=1x3x224x224");
        let (name, shape) = text.split_once('=').ok_or_else(wrong)?;
        let shape =
            shape.split('x').map(|size| size.trim().parse().ok().filter(|&size| size > 0)).collect::<Option<Vec<usize>>>();
        Ok(Self { name: name.trim().into(), shape: shape.ok_or_else(wrong)? })
    }
}

/// The manifest of a model file: the JSON beside it where there is one, else what the file itself says.
///
/// The JSON must be of these very bytes: a manifest of an older build would check outputs against the wrong reference.
pub fn manifest_of(file: &Path, shapes: &[InputShape]) -> Result<Manifest, Failure> {
    let beside = file.with_extension("json");
    if !beside.is_file() {
        let shapes: Vec<(String, Vec<usize>)> = shapes.iter().map(|input| (input.name.clone(), input.shape.clone())).collect();
        return benchrack_zoo::inspect(file, &shapes).usage(format!("{} cannot be used", file.display()));
    }
    let text = std::fs::read(&beside).usage(format!("cannot read the manifest {}", beside.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).usage(format!("{} is not a manifest; remove it to go without", beside.display()))?;
    let bytes = std::fs::read(file).usage(format!("cannot read {}", file.display()))?;
    let actual = ArtifactId::of(&bytes);
    if actual != manifest.artifact {
        return Err(usage(format!(
            "{} is the manifest of another file (digest {}, {} has {}); make it anew or remove it",
            beside.display(),
            manifest.artifact.short(),
            file.display(),
            actual.short()
        )));
    }
    Ok(manifest)
}

/// Uploads the file and gives it its manifest.
pub async fn add(client: &Client, file: &Path, manifest: Manifest, revision: &str) -> Result<Model, Failure> {
    client.upload_artifact(file).await?;
    Ok(client.add_model(&NewModel { manifest, revision: revision.into() }).await?)
}

/// Adds models that the zoo has built, but those that the server has already.
pub async fn add_built(client: &Client, built: Vec<Built>) -> Result<(), Failure> {
    let known = client.models().await?;
    for Built { path, manifest, .. } in built {
        // The whole manifest: what is known of a file may have grown since it was added.
        if !known.iter().any(|model| model.manifest == manifest) {
            add(client, &path, manifest, "zoo").await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_shapes_are_read_and_nonsense_is_refused() {
        let shape: InputShape = "data=1x3x224x224".parse().unwrap();
        assert_eq!((shape.name.as_str(), shape.shape), ("data", vec![1, 3, 224, 224]));
        for wrong in ["", "data", "data=", "data=1x0", "data=axb"] {
            assert!(wrong.parse::<InputShape>().is_err(), "{wrong}");
        }
    }
}
