//! Models known to the server.

use askama::Template;
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::packaging::Packaging;

use super::compare::fidelity;
use super::render;
use crate::format::{Scale, Unit};
use crate::part::{Ctx, Num, Tab};
use crate::table::Table;
use crate::view::{ModelPackage, ModelRow, ModelsView, PackageLoad};
use crate::{Chrome, Page, RenderError, link};

#[derive(Template)]
#[template(path = "models.html")]
struct Models<'a> {
    c: &'a Ctx<'a>,
    v: &'a ModelsView,
    /// Of size, parameters and multiply-adds.
    units: (&'static str, &'static str, &'static str),
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    row: &'a ModelRow,
    size: Num,
    parameters: Num,
    macs: Num,
    fidelity: Num,
    accuracy: Num,
    inputs: String,
    packages: Vec<Package<'a>>,
}

/// One packaging: its name, its size, and how long its newest load took.
struct Package<'a> {
    name: &'static str,
    size: Num,
    load: Option<(Num, &'a PackageLoad)>,
}

/// `1×3×224×224 f32`.
fn input(tensor: &TensorSpec) -> String {
    let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
    format!("{} {}", shape.join("×"), Table::word(&tensor.element))
}

fn packaged<'a>(package: &'a ModelPackage, c: &Ctx<'_>) -> Package<'a> {
    Package {
        name: c.t.common.packaging(package.packaging),
        size: match package.size {
            Some(size) => Num::plain(size.to_string()),
            None => Num::missing(c.t.common.not_in_manifest),
        },
        load: package.load.as_ref().map(|load| (Num::of(&load.time, Unit::Time), load)),
    }
}

impl Page for ModelsView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let query = self.of.map(|of| format!("of={of}")).unwrap_or_default();
        let c = Ctx::new(chrome, "", Tab::Models).at(link::MODELS, &query).with_csv();
        let c = &Ctx { title: c.t.common.models.into(), ..c };
        let size = Unit::Size.scale_for_all(self.rows.iter().map(|row| row.size.0 as f64));
        let count = |of: fn(&ModelRow) -> Option<u64>| {
            Unit::Count.scale_for_all(self.rows.iter().filter_map(of).map(|count| count as f64))
        };
        let (parameters, macs) = (count(|row| row.parameters), count(|row| row.macs));
        let optional = |value: Option<u64>, scale: Scale| match value {
            Some(value) => Num::plain(scale.number(value as f64)),
            None => Num::missing(c.t.common.not_in_manifest),
        };
        let rows = self.rows.iter().map(|row| {
            let ModelRow { size: bytes, inputs, fidelity: closeness, claimed_accuracy, precision, .. } = row;
            Row {
                row,
                size: Num::plain(size.number(bytes.0 as f64)),
                parameters: optional(row.parameters, parameters),
                macs: optional(row.macs, macs),
                fidelity: fidelity(closeness, *precision, c.t),
                accuracy: match claimed_accuracy {
                    Some(accuracy) => Num::plain(Unit::Share.show(*accuracy)),
                    None => Num::missing(c.t.common.not_in_manifest),
                },
                packages: row.packages.iter().map(|package| packaged(package, c)).collect(),
                inputs: inputs.iter().map(input).collect::<Vec<_>>().join(", "),
            }
        });
        let units = (size.symbol, parameters.symbol, macs.symbol);
        render(&Models { c, v: self, units, rows: rows.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "model",
            "name",
            "precision",
            "family",
            "revision",
            "sha256",
            "size_bytes",
            "parameters",
            "macs",
            "sqnr_db",
            "top1_agreement",
            "claimed_accuracy",
            "inputs",
            "opset",
            "runs",
            "superseded",
            "added_at",
            "origin",
            "licence",
            "zstd_bytes",
            "encrypted_then_zstd_bytes",
            "zstd_then_encrypted_bytes",
            "load_raw_ns",
            "load_zstd_ns",
            "load_encrypted_then_zstd_ns",
            "load_zstd_then_encrypted_ns",
        ];
        let mut table = Table::new(&heading);
        for row in &self.rows {
            let package = |packaging| row.packages.iter().find(|package| package.packaging == packaging);
            let packed = [Packaging::Zstd, Packaging::EncryptedThenZstd, Packaging::ZstdThenEncrypted];
            let sizes = packed.map(|of| Table::maybe(package(of).and_then(|package| package.size).map(|size| size.0)));
            let loads =
                Packaging::ALL.map(|of| Table::maybe(package(of).and_then(|one| one.load.as_ref()).map(|load| load.time.value)));
            let cells = [
                row.id.to_string(),
                Table::text(&row.name),
                row.precision.to_string(),
                Table::text(&row.family),
                Table::text(&row.revision),
                row.artifact.to_string(),
                row.size.0.to_string(),
                Table::maybe(row.parameters),
                Table::maybe(row.macs),
                Table::maybe(row.fidelity.as_ref().map(|fidelity| fidelity.sqnr_db)),
                Table::maybe(row.fidelity.as_ref().map(|fidelity| fidelity.top1_agreement)),
                Table::maybe(row.claimed_accuracy),
                row.inputs.iter().map(input).collect::<Vec<_>>().join(" "),
                row.opset.to_string(),
                row.runs.to_string(),
                row.superseded.to_string(),
                Table::time(row.added_at),
                Table::text(&row.origin),
                Table::text(&row.licence),
            ];
            table.row(cells.into_iter().chain(sizes).chain(loads))?;
        }
        table.finish().map(Some)
    }
}
