//! Which devices are meant: `soc=sm8550,android>=12,label=lab=seoul`.

use benchrack_protocol::api::Device;
use benchrack_protocol::budget::fits;
use benchrack_protocol::device::DeviceReport;

use crate::refusal::Refusal;

/// Terms that must all match; none matches every device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// A text, and whether it must not be the device's.
    Text { field: Text, not: bool, pattern: String },
    /// A version: numbers between dots.
    Number { field: Number, relation: Relation, value: Vec<u64> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Key,
    Name,
    Soc,
    Os,
    Model,
    Label,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Android,
    Cores,
    MemoryGb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    Greater,
}

const TEXTS: [(&str, Text); 6] = [
    ("name", Text::Name),
    ("soc", Text::Soc),
    ("os", Text::Os),
    ("model", Text::Model),
    ("label", Text::Label),
    ("key", Text::Key),
];
const NUMBERS: [(&str, Number); 3] = [("android", Number::Android), ("cores", Number::Cores), ("memory_gb", Number::MemoryGb)];
/// The longer ones first, because the shorter ones begin them.
const RELATIONS: [(&str, Relation); 6] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("!=", Relation::Unequal),
    ("<", Relation::Less),
    (">", Relation::Greater),
    ("=", Relation::Equal),
];

/// What a selector looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `identity.key`.
    pub key: &'a str,
    /// Name in the farm.
    pub name: &'a str,
    /// What the probes found.
    pub report: &'a DeviceReport,
    /// Labels.
    pub labels: &'a [String],
}

impl<'a> From<&'a Device> for Facts<'a> {
    fn from(device: &'a Device) -> Self {
        Self { key: &device.key, name: &device.name, report: &device.report, labels: &device.labels }
    }
}

impl Selector {
    /// Reads terms joined by commas, such as `soc=sm8550` or `android>=12`; `*` in a text stands for any text, case does not
    /// matter.
    ///
    /// # Errors
    /// An unknown key, a relation that the key does not have, or a term without one.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(term).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every term matches. A figure that the device does not give matches nothing, not even `*`.
    pub fn matches<'a>(&self, device: impl Into<Facts<'a>>) -> bool {
        let device = device.into();
        self.0.iter().all(|term| match term {
            Term::Text { field, not, pattern } => {
                let identity = &device.report.identity;
                let fits_it = |value: &str| fits(&pattern.to_lowercase(), &value.to_lowercase());
                let found = match field {
                    Text::Key => fits_it(device.key),
                    Text::Name => fits_it(device.name),
                    Text::Soc => identity.soc.value().is_some_and(|soc| fits_it(soc)),
                    Text::Os => fits_it(&identity.os),
                    Text::Model => identity.model.value().is_some_and(|model| fits_it(model)),
                    Text::Label => device.labels.iter().any(|label| fits_it(label)),
                };
                found != *not
            }
            Term::Number { field, relation, value } => {
                number(*field, device.report).is_some_and(|actual| holds(&actual, *relation, value))
            }
        })
    }
}

fn term(term: &str) -> Result<Term, Refusal> {
    let known = || TEXTS.map(|(name, _)| name).join(", ") + ", " + &NUMBERS.map(|(name, _)| name).join(", ");
    let at = term.find(['<', '>', '=', '!']);
    let found = at.and_then(|at| {
        let (key, rest) = term.split_at(at);
        let (sign, relation) = RELATIONS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        Some((key.trim(), *sign, *relation, rest.get(sign.len()..)?.trim()))
    });
    let Some((key, sign, relation, value)) = found else {
        return Err(Refusal::invalid(format!("devices: '{term}' is no term; write key=value with one of {}", known())));
    };
    if let Some((_, field)) = TEXTS.iter().find(|(name, _)| *name == key) {
        return match relation {
            Relation::Equal | Relation::Unequal => {
                Ok(Term::Text { field: *field, not: relation == Relation::Unequal, pattern: value.to_owned() })
            }
            _ => Err(Refusal::invalid(format!("devices: '{term}': {key} is a text and has no {sign}, only = and !="))),
        };
    }
    let Some((_, field)) = NUMBERS.iter().find(|(name, _)| *name == key) else {
        return Err(Refusal::invalid(format!("devices: '{key}' is not one of {}", known())));
    };
    let value =
        version(value).ok_or_else(|| Refusal::invalid(format!("devices: '{term}': '{value}' is no number such as 12 or 8.1")))?;
    Ok(Term::Number { field: *field, relation, value })
}

/// Numbers between dots.
fn version(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

fn number(field: Number, report: &DeviceReport) -> Option<Vec<u64>> {
    match field {
        Number::Android if report.identity.os == "android" => version(report.identity.os_release.value()?),
        Number::Android => None,
        Number::Cores => Some(vec![report.cpus_possible.value()?.iter().count() as u64]),
        // As phones are sold: the kernel keeps some of it for itself.
        Number::MemoryGb => Some(vec![(report.memory.total.value()?.0 as f64 / f64::from(1u32 << 30)).ceil() as u64]),
    }
}

/// Whether `actual` stands in this relation to `wanted`; what one of them leaves out is 0.
fn holds(actual: &[u64], relation: Relation, wanted: &[u64]) -> bool {
    let length = actual.len().max(wanted.len());
    let padded = |numbers: &[u64]| numbers.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
    let order = padded(actual).cmp(&padded(wanted));
    match relation {
        Relation::Less => order.is_lt(),
        Relation::AtMost => order.is_le(),
        Relation::Equal => order.is_eq(),
        Relation::Unequal => order.is_ne(),
        Relation::AtLeast => order.is_ge(),
        Relation::Greater => order.is_gt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_terms_are_refused_with_what_is_possible() {
        for wrong in ["pixel", "color=red", "soc=a,nonsense", "colour>3"] {
            let refusal = Selector::parse(wrong).unwrap_err();
            assert!(refusal.detail.contains("name, soc, os, model, label, key, android"), "{}", refusal.detail);
        }
        assert!(Selector::parse("soc>sm8550").unwrap_err().detail.contains("only = and !="));
        assert!(Selector::parse("android>=twelve").unwrap_err().detail.contains("no number"));
        assert_eq!(Selector::parse(" , ").unwrap(), Selector(Vec::new()));
    }

    #[test]
    fn versions_are_compared_as_numbers_not_as_text() {
        for (actual, relation, wanted, expected) in [
            ("12", Relation::AtLeast, "12", true),
            ("9", Relation::AtLeast, "12", false),
            ("8.1.0", Relation::Greater, "8.1", false),
            ("8.1", Relation::Less, "8.10", true),
            ("14", Relation::Unequal, "14", false),
            ("14", Relation::AtMost, "14.0", true),
        ] {
            let (actual, wanted) = (version(actual).unwrap(), version(wanted).unwrap());
            assert_eq!(holds(&actual, relation, &wanted), expected, "{actual:?} {relation:?} {wanted:?}");
        }
        assert_eq!(version("S"), None);
    }
}
