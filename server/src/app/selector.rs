//! Which devices are meant: `soc=sm8550,os=android`.

use benchrack_protocol::api::Device;

use crate::refusal::Refusal;

/// Terms that must all match; none matches every device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<(Field, String)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Key,
    Name,
    Soc,
    Os,
    Model,
}

const KEYS: [(&str, Field); 5] =
    [("name", Field::Name), ("soc", Field::Soc), ("os", Field::Os), ("model", Field::Model), ("key", Field::Key)];

impl Selector {
    /// Reads `key=value` terms joined by commas; `*` in a value stands for any text, case does not matter.
    ///
    /// # Errors
    /// An unknown key, or a term without `=`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let term = |term: &str| {
            let known = || KEYS.map(|(name, _)| name).join(", ");
            let (key, value) = term.split_once('=').ok_or_else(|| {
                Refusal::invalid(format!("devices: '{term}' is no term; write key=value with one of {}", known()))
            })?;
            let key = key.trim();
            let found = KEYS.iter().find(|(name, _)| *name == key);
            let (_, found) = found.ok_or_else(|| Refusal::invalid(format!("devices: '{key}' is not one of {}", known())))?;
            Ok((*found, value.trim().to_owned()))
        };
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(term).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every term matches. A figure that the device does not give matches nothing, not even `*`.
    pub fn matches(&self, device: &Device) -> bool {
        let identity = &device.report.identity;
        self.0.iter().all(|(key, pattern)| {
            let value = match key {
                Field::Key => Some(&device.key),
                Field::Name => Some(&device.name),
                Field::Soc => identity.soc.value(),
                Field::Os => Some(&identity.os),
                Field::Model => identity.model.value(),
            };
            value.is_some_and(|value| matches_pattern(&pattern.to_lowercase(), &value.to_lowercase()))
        })
    }
}

/// `*` stands for any text, also none.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("pixel*", "pixel 8", true),
            ("*8", "pixel 8", true),
            ("p*l*8", "pixel 8", true),
            ("*", "", true),
            ("pixel", "pixel 8", false),
            ("*9", "pixel 8", false),
            ("a*a", "a", false),
            ("**x", "x", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn wrong_terms_are_refused_with_the_known_keys() {
        for wrong in ["pixel", "color=red", "soc=a,nonsense"] {
            let refusal = Selector::parse(wrong).unwrap_err();
            assert!(refusal.detail.contains("name, soc, os, model, key"), "{}", refusal.detail);
        }
        assert_eq!(Selector::parse(" , ").unwrap(), Selector(Vec::new()));
    }

    proptest! {
        #[test]
        fn a_text_with_holes_matches_itself(parts in prop::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-c]{0,4}") {
            prop_assert!(matches_pattern(&parts.join("*"), &parts.join(&fill)));
        }
    }
}
