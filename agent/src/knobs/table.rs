//! The registry as a table in Markdown: `docs/knobs.md` holds it, and a test keeps the two equal.

use super::form::Side;
use super::look::places;
use super::{Access, Form, Knob, Place, Value, When, all};

/// One row a knob, in the registry's order.
pub fn markdown() -> String {
    let mut table = String::from(
        "| knob | effect | where | written | read back as | turned | needs | source |\n|---|---|---|---|---|---|---|---|\n",
    );
    for knob in all() {
        let places: Vec<String> = places(knob.place).iter().map(|place| format!("`{place}`")).collect();
        let cells = [
            format!("`{}`", knob.name),
            format!("{}{}", knob.effect, harms(knob)),
            places.join("<br>"),
            written(knob.value),
            match knob.place {
                Place::Program { .. } => "cannot be asked".into(),
                _ => read_back(knob.form).into(),
            },
            turned(knob.when).into(),
            match knob.access {
                Access::Root => "root".into(),
                Access::Shell => "shell".into(),
            },
            knob.source.into(),
        ];
        table.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    table
}

fn harms(knob: &Knob) -> String {
    let denied = knob
        .denied
        .iter()
        .map(|denied| format!("; never where {} is {} ({})", denied.property, denied.values.join(" or "), denied.why));
    denied.collect()
}

fn written(value: Value) -> String {
    match value {
        Value::Fixed(value) => format!("`{value}`"),
        Value::Default(value) => format!("`{value}` or the value asked for"),
        Value::Target => "the operating point, kHz".into(),
        Value::Pairs => "`cpu:kHz` of each pinned CPU".into(),
        Value::ClusterTarget => "`cluster kHz`, each pinned cluster".into(),
        Value::ClusterSize => "number of CPUs of the cluster".into(),
        Value::Online => "all CPUs that are online".into(),
        Value::Highest(table) => format!("highest of `{table}`"),
    }
}

fn read_back(form: Form) -> &'static str {
    match form {
        Form::Exact => "the same text",
        Form::Number => "the same number",
        Form::Switch => "1/0, Y/N or on/off",
        Form::Percent => "percentage; `max` is 100",
        Form::CpuList => "the same CPUs",
        Form::CpuPairs => "pairs of all CPUs",
        Form::PpmLimit(Side::Min) => "`cluster: min_freq_idx = i, …`",
        Form::PpmLimit(Side::Max) => "`cluster: …, max_freq_idx = i`",
        Form::Force => "`force off`",
    }
}

fn turned(when: When) -> &'static str {
    match when {
        When::Offline => "when a CPU of the session is offline",
        When::Pins => "when a clock is pinned; the pin rests on it",
        When::Pinned => "when a clock is pinned",
        When::FixedPerformance => "by the plan `fixed-performance`",
        When::Asked => "when asked for",
        When::AskedWithCutOff => "when asked for, with a die sensor for the cut-off",
        When::Charging => "when charge is cut for energy",
    }
}
