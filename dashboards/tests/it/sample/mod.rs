//! Hand-written views with figures of a likely shape: two real devices and a twin, good runs and bad ones, and names
//! that want to break out of their element.

mod alerts;
mod compare;
mod farm;
mod measurement;
mod others;
mod points;
mod study;

pub use alerts::*;
use benchrack_dashboards::{Account, Chrome, Language, Preferences, Theme};
pub use compare::*;
pub use farm::*;
pub use measurement::*;
pub use others::*;
pub use points::*;
pub use study::*;
use time::OffsetDateTime;
use time::macros::datetime;

/// Calls the macro with the name of every sample, each the name of a function here.
macro_rules! every_page {
    ($call:ident) => {
        $call!(
            home,
            quiet_home,
            rack,
            device,
            bare_device,
            device_points,
            device_slow,
            device_without_energy,
            compare,
            compare_budgets,
            compare_devices,
            compare_engines,
            compare_revisions,
            compare_empty,
            compare_invalid,
            run_valid,
            run_invalid,
            run_failed,
            run_many,
            run_frames,
            run_energy,
            run_no_energy,
            run_summary,
            session,
            session_empty,
            series,
            series_by_order,
            series_together,
            series_many,
            series_empty,
            series_one,
            series_list,
            series_list_empty,
            gate,
            gate_open,
            gates,
            gates_empty,
            alerts,
            alerts_empty,
            alert,
            alert_drift,
            alert_exact,
            self_test,
            self_test_empty,
            study,
            study_open,
            studies,
            studies_empty,
            models,
            models_empty,
            engines,
            engines_empty,
            search,
            search_nothing,
            login,
            error
        )
    };
}
pub(crate) use every_page;

pub const NOW: OffsetDateTime = datetime!(2026-11-24 09:30:12 UTC);

/// A name by somebody with bad intentions.
pub const HOSTILE: &str = "<script>alert('1')</script>\" onload=\"x";
/// A name that reads from right to left.
pub const RIGHT_TO_LEFT: &str = "\u{202e}هاتف تجريبي\u{202c}";
/// A name longer than any column.
pub const LONG: &str =
    "mobilenet-v3-small-minimalistic-1.0-224-with-squeeze-and-excite-and-a-very-long-suffix-of-somebody-s-experiment-0042";

pub fn chrome(path: &str) -> Chrome {
    Chrome {
        preferences: Preferences::default(),
        now: NOW,
        version: "0.1.0".into(),
        path: path.into(),
        account: Account::Token("room 4".into()),
        may_submit: true,
    }
}

pub fn korean(path: &str) -> Chrome {
    Chrome { preferences: Preferences { theme: Theme::Dark, language: Language::Korean }, ..chrome(path) }
}

/// A number from 0 to 1 that depends on nothing but its arguments.
pub fn noise(seed: u64, nth: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ nth.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^= state >> 31;
    state = state.wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^= state >> 29;
    (state >> 11) as f64 / (1_u64 << 53) as f64
}
