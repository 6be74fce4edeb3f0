//! Android's system properties, from `getprop`: lines `[key]: [value]`, values of which may span lines.

use std::collections::BTreeMap;

use benchrack_protocol::reading::{Missing, Reading};

use crate::sysfs::{Commands, SysErrorKind};

/// The properties, or why there are none; absent on a system that is not Android.
pub type Properties = Reading<BTreeMap<String, String>>;

/// Asks for all properties.
pub fn read(commands: &dyn Commands) -> Properties {
    match commands.run("getprop", &[]) {
        Ok(text) => {
            let properties = parse(&text);
            if properties.is_empty() {
                return Reading::missing(Missing::Invalid, "getprop printed no property");
            }
            Reading::of(properties)
        }
        Err(error) if error.kind == SysErrorKind::NotFound => Reading::missing(Missing::Absent, "no getprop"),
        Err(error) => error.into_reading(),
    }
}

/// Parses the list.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        if let Some((_, value)) = &mut open {
            value.push('\n');
            value.push_str(line);
        } else if let Some((key, value)) = line.strip_prefix('[').and_then(|line| line.split_once("]: [")) {
            open = Some((key.to_owned(), value.to_owned()));
        }
        if let Some((key, value)) = open.take_if(|(_, value)| value.ends_with(']')) {
            properties.insert(key, value.trim_end_matches(']').trim_end_matches('\r').to_owned());
        }
    }
    properties
}

/// One property; empty and redacted values are missing.
pub fn property(properties: &Properties, key: &str) -> Reading<String> {
    let value = |known: &BTreeMap<String, String>| known.get(key).cloned();
    match properties {
        Reading::Value { value: known } => match value(known) {
            Some(text) if text == "REDACTED" => Reading::missing(Missing::Denied, format!("{key} is redacted")),
            Some(text) if !text.trim().is_empty() && text != "unknown" => Reading::of(text.trim().to_owned()),
            _ => Reading::missing(Missing::Absent, format!("no property {key}")),
        },
        Reading::Missing { missing, detail } => Reading::missing(*missing, detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_over_several_lines_are_kept_whole() {
        let properties = parse("[a]: [1]\r\n[b]: [two\nlines]\n[c]: []\nnoise\n[d]: [x[0]]\n");
        assert_eq!(properties["a"], "1");
        assert_eq!(properties["b"], "two\nlines");
        assert_eq!(properties["c"], "");
        assert_eq!(properties.len(), 4);
        let read = Reading::of(properties);
        assert!(property(&read, "c").value().is_none());
        assert!(property(&read, "e").value().is_none());
    }
}
