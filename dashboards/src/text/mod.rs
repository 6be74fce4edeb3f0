//! Every word of the pages, in English and Korean, in one place. One file for each page; what several pages say is in
//! `common`. `{}` stands for a value, filled by [`fill`] in order.

use crate::chrome::Language;

pub(crate) use sentence::{Piece, plainly, said};

/// Makes a struct of texts and its two tables from lines `key: "English", "한국어";`.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $english:literal, $korean:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $key: &'static str,)*
        }

        impl $name {
            pub(super) const ENGLISH: Self = Self { $($key: $english,)* };
            pub(super) const KOREAN: Self = Self { $($key: $korean,)* };
            /// English and Korean of every text, for tests.
            #[cfg(test)]
            pub(super) const PAIRS: &[(&'static str, &'static str, &'static str)] = &[$((stringify!($key), $english, $korean),)*];
        }
    };
}

mod alert;
mod chart;
mod common;
mod compare;
mod device;
mod engine;
mod gate;
mod home;
mod model;
pub(crate) mod point;
mod run;
mod search;
mod sentence;
mod series;
mod study;

/// All texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) language: Language,
    pub(crate) alert: alert::Alerts,
    pub(crate) common: common::Common,
    pub(crate) chart: chart::Charts,
    pub(crate) compare: compare::Compare,
    pub(crate) device: device::Devices,
    pub(crate) engine: engine::Engines,
    pub(crate) gate: gate::Gates,
    pub(crate) home: home::Home,
    pub(crate) model: model::Models,
    pub(crate) point: point::Points,
    pub(crate) run: run::Runs,
    pub(crate) search: search::Search,
    pub(crate) series: series::Series,
    pub(crate) study: study::Studies,
}

static ENGLISH: Texts = Texts {
    language: Language::English,
    alert: alert::Alerts::ENGLISH,
    common: common::Common::ENGLISH,
    chart: chart::Charts::ENGLISH,
    compare: compare::Compare::ENGLISH,
    device: device::Devices::ENGLISH,
    engine: engine::Engines::ENGLISH,
    gate: gate::Gates::ENGLISH,
    home: home::Home::ENGLISH,
    model: model::Models::ENGLISH,
    point: point::Points::ENGLISH,
    run: run::Runs::ENGLISH,
    search: search::Search::ENGLISH,
    series: series::Series::ENGLISH,
    study: study::Studies::ENGLISH,
};

static KOREAN: Texts = Texts {
    language: Language::Korean,
    alert: alert::Alerts::KOREAN,
    common: common::Common::KOREAN,
    chart: chart::Charts::KOREAN,
    compare: compare::Compare::KOREAN,
    device: device::Devices::KOREAN,
    engine: engine::Engines::KOREAN,
    gate: gate::Gates::KOREAN,
    home: home::Home::KOREAN,
    model: model::Models::KOREAN,
    point: point::Points::KOREAN,
    run: run::Runs::KOREAN,
    search: search::Search::KOREAN,
    series: series::Series::KOREAN,
    study: study::Studies::KOREAN,
};

/// The texts of a language.
pub(crate) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}

/// Puts the values in the places of `{}`, in order.
pub(crate) fn fill(text: &str, values: &[&dyn std::fmt::Display]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (nth, part) in parts.enumerate() {
        if let Some(value) = values.get(nth) {
            filled += &value.to_string();
        }
        filled += part;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_text_and_the_same_places() {
        let all = [
            alert::Alerts::PAIRS,
            common::Common::PAIRS,
            chart::Charts::PAIRS,
            compare::Compare::PAIRS,
            device::Devices::PAIRS,
            engine::Engines::PAIRS,
            gate::Gates::PAIRS,
            home::Home::PAIRS,
            model::Models::PAIRS,
            point::Points::PAIRS,
            run::Runs::PAIRS,
            search::Search::PAIRS,
            series::Series::PAIRS,
            study::Studies::PAIRS,
        ];
        for (key, english, korean) in all.into_iter().flatten() {
            assert!(!english.is_empty() && !korean.is_empty(), "{key}");
            assert_eq!(english.matches("{}").count(), korean.matches("{}").count(), "{key}");
        }
    }

    #[test]
    fn values_are_filled_in_order_and_taken_literally() {
        assert_eq!(fill("{} of {}", &[&"{}", &2]), "{} of 2");
        assert_eq!(fill("none", &[]), "none");
    }
}
