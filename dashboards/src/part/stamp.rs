//! Instants and lengths of time for people.

use askama::Template;
use askama::filters::HtmlSafe;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::text::{Texts, fill};

/// An instant, relative, with the absolute one beside it; the script turns that into the reader's zone.
#[derive(Template)]
#[template(ext = "html", source = r#"<time datetime="{{ machine }}" title="{{ absolute }}">{{ text }}</time>"#)]
pub(crate) struct Stamp {
    machine: String,
    absolute: String,
    text: String,
}

impl HtmlSafe for Stamp {}

impl Stamp {
    pub(super) fn new(at: OffsetDateTime, now: OffsetDateTime, t: &Texts) -> Self {
        let machine = at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default();
        Self { machine, absolute: instant(at), text: ago((now - at).whole_seconds(), at, t) }
    }
}

/// `2026-11-23 23:38:44 UTC`.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (date, hour, minute, second) = (at.date(), at.hour(), at.minute(), at.second());
    format!("{date} {hour:02}:{minute:02}:{second:02} UTC")
}

fn ago(seconds: i64, at: OffsetDateTime, t: &Texts) -> String {
    let c = &t.common;
    match seconds {
        // A device's clock may run ahead of the server's; what is far ahead is shown as it is.
        ..-60 => instant(at),
        -60..10 => c.just_now.into(),
        10..60 => fill(c.seconds_ago, &[&seconds]),
        60..3_600 => fill(c.minutes_ago, &[&(seconds / 60)]),
        3_600..86_400 => fill(c.hours_ago, &[&(seconds / 3_600)]),
        86_400..2_592_000 => fill(c.days_ago, &[&(seconds / 86_400)]),
        _ => at.to_offset(UtcOffset::UTC).date().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::text::texts;

    #[test]
    fn instants_are_counted_back_and_those_ahead_are_shown_as_they_are() {
        let now = datetime!(2026-11-24 00:00 UTC);
        let shown = |at| {
            let stamp = Stamp::new(at, now, texts(crate::Language::English));
            stamp.text
        };
        assert_eq!(shown(now), "just now");
        assert_eq!(shown(datetime!(2026-11-23 23:57 UTC)), "3 min ago");
        assert_eq!(shown(datetime!(2026-11-24 08:00 +9)), "1 h ago");
        assert_eq!(shown(datetime!(2026-01-02 00:00 UTC)), "2026-01-02");
        assert_eq!(shown(datetime!(2027-01-02 00:00 UTC)), "2027-01-02 00:00:00 UTC");
    }
}
