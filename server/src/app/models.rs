//! Models: a manifest for a stored file.

use benchrack_protocol::api::{Model, NewModel};
use benchrack_protocol::model::Manifest;

use super::{App, check_text};
use crate::db;
use crate::db::models::Listed;
use crate::refusal::Refusal;

impl App {
    /// Adds a model revision, or finds it again.
    ///
    /// # Errors
    /// Unknown artifact; invalid manifest, with the field.
    pub async fn add_model(&self, new: &NewModel) -> Result<Model, Refusal> {
        self.check_manifest("manifest", &new.manifest).await?;
        if new.revision.chars().count() > 200 || new.revision.chars().any(char::is_control) {
            return Err(Refusal::invalid("revision is longer than 200 characters or holds a control character"));
        }
        Ok(db::models::add(self.db().pool(), &new.manifest, &new.revision, Listed::Yes, self.now()).await?)
    }

    /// Whether a manifest makes sense and its file is stored.
    pub(super) async fn check_manifest(&self, at: &str, manifest: &Manifest) -> Result<(), Refusal> {
        let wrong = |text: String| Err(Refusal::invalid(format!("{at}.{text}")));
        check_text(&format!("{at}.name"), &manifest.name, 120)?;
        // Suites name models in lists where `*` means all, and addresses carry the name.
        if manifest.name.chars().any(|c| c.is_whitespace() || matches!(c, '*' | '/' | ',' | '=')) {
            return wrong(format!("name is '{}': no white space, '*', '/', ',' or '='", manifest.name));
        }
        check_text(&format!("{at}.family"), &manifest.family, 120)?;
        if !manifest.generators.is_empty() && manifest.generators.len() != manifest.inputs.len() {
            return wrong(format!(
                "generators are {}, inputs {}: one for each",
                manifest.generators.len(),
                manifest.inputs.len()
            ));
        }
        let tensors = manifest.inputs.iter().chain(&manifest.outputs);
        if let Some(tensor) = tensors.into_iter().find(|tensor| tensor.shape.contains(&0)) {
            return wrong(format!("tensor '{}' has a dimension of 0", tensor.name));
        }
        for reference in &manifest.references {
            if !reference.positions.is_empty() && reference.positions.len() != reference.values.len() {
                return wrong(format!(
                    "references of '{}': {} positions and {} values",
                    reference.output,
                    reference.positions.len(),
                    reference.values.len()
                ));
            }
        }
        if manifest.claimed_accuracy.is_some_and(|accuracy| !(0.0..=1.0).contains(&accuracy)) {
            return wrong("claimed_accuracy is not a share from 0 to 1".into());
        }
        match db::artifacts::size(self.db(), manifest.artifact).await? {
            None => Err(Refusal::unknown_reference(format!(
                "{at}.artifact: {} is not stored here; upload it first with PUT /api/v1/artifacts/{}",
                manifest.artifact, manifest.artifact
            ))),
            Some(size) if size != manifest.size => {
                wrong(format!("size is {} bytes, the stored file has {}", manifest.size.0, size.0))
            }
            Some(_) => Ok(()),
        }
    }
}
