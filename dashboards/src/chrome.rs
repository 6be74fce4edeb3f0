//! What surrounds every page: who looks at it, when, in which language and colours.

use time::OffsetDateTime;

/// The frame of one answer. Made by the server for each request.
#[derive(Debug, Clone, PartialEq)]
pub struct Chrome {
    /// Colours and language of the reader.
    pub preferences: Preferences,
    /// The server's clock: "3 min ago" is counted from here.
    pub now: OffsetDateTime,
    /// The server's version.
    pub version: String,
    /// Path and query of this request, to come back to after changing preferences or logging in.
    pub path: String,
    /// Who is logged in.
    pub account: Account,
    /// Whether decisions about alerts and saved views are taken from this reader: their scope is `submit` or `admin`.
    pub may_submit: bool,
}

/// Who looks at the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// This server asks nobody to log in.
    Open,
    /// Nobody yet.
    Anonymous,
    /// The token of this name.
    Token(String),
}

/// A reader's choices, kept in cookies and sent to `/preferences`, so that they work without script.
///
/// `GET /preferences?theme=dark&back=/compare` (or `lang=ko`) answers 303 to [`local_path`]`(back)` with
/// [`Preferences::cookies`] of the request as one `Set-Cookie` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// Colours.
    pub theme: Theme,
    /// Language.
    pub language: Language,
}

/// Colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the reader's system has it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

const THEME_COOKIE: &str = "benchrack_theme";
const LANGUAGE_COOKIE: &str = "benchrack_lang";

impl Theme {
    /// As in the query, the cookie and `<html data-theme>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Auto, Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name)
    }
}

impl Language {
    /// BCP 47 tag, as in the query, the cookie and `<html lang>`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    fn tagged(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        [Self::English, Self::Korean].into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

impl Preferences {
    /// From the request's `Cookie` and `Accept-Language` headers; anything unknown counts as not said.
    pub fn of_request(cookie: Option<&str>, accept_language: Option<&str>) -> Self {
        let cookies = cookie.unwrap_or_default();
        let named = |name: &str| {
            cookies
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        Self {
            theme: named(THEME_COOKIE).and_then(Theme::named).unwrap_or_default(),
            language: named(LANGUAGE_COOKIE)
                .and_then(Language::tagged)
                .or_else(|| accept_language.and_then(preferred))
                .unwrap_or_default(),
        }
    }

    /// `Set-Cookie` values for the parameters of `/preferences`; unknown values set nothing.
    pub fn cookies(theme: Option<&str>, language: Option<&str>) -> Vec<String> {
        let theme = theme.and_then(Theme::named).map(|theme| (THEME_COOKIE, theme.name()));
        let language = language.and_then(Language::tagged).map(|language| (LANGUAGE_COOKIE, language.tag()));
        let cookie = |(name, value)| format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        theme.into_iter().chain(language).map(cookie).collect()
    }
}

/// The first language we have, by the header's order of weights (RFC 9110 §12.5.4).
fn preferred(header: &str) -> Option<Language> {
    let mut wishes: Vec<(f64, Language)> = header
        .split(',')
        .filter_map(|wish| {
            let mut parts = wish.trim().split(';');
            let language = Language::tagged(parts.next()?.trim())?;
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            (weight > 0.0).then_some((weight, language))
        })
        .collect();
    wishes.sort_by(|a, b| b.0.total_cmp(&a.0));
    wishes.first().map(|(_, language)| *language)
}

/// The path if it stays on this server, else `/`: what a redirect after login or `/preferences` may follow.
pub fn local_path(path: &str) -> &str {
    let local = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.chars().all(|c| !c.is_control() && c != '\\' && c.is_ascii());
    if local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_win_over_the_browsers_language() {
        let chosen = Preferences::of_request(Some("a=b; benchrack_theme=dark; benchrack_lang=en"), Some("ko-KR,ko;q=0.9"));
        assert_eq!(chosen, Preferences { theme: Theme::Dark, language: Language::English });
        let browser = Preferences::of_request(None, Some("fr;q=0.9, en;q=0.3, ko-KR;q=0.8"));
        assert_eq!(browser.language, Language::Korean);
        let odd = Preferences::of_request(Some("benchrack_theme=<script>; benchrack_lang"), Some("q=;;,ko;q=0"));
        assert_eq!(odd, Preferences::default());
    }

    #[test]
    fn a_preference_is_read_back_from_its_cookie() {
        let set = Preferences::cookies(Some("light"), Some("ko"));
        let sent: Vec<&str> = set.iter().filter_map(|cookie| cookie.split(';').next()).collect();
        let read = Preferences::of_request(Some(&sent.join("; ")), None);
        assert_eq!(read, Preferences { theme: Theme::Light, language: Language::Korean });
        assert!(Preferences::cookies(Some("pink"), Some("xx")).is_empty());
    }

    #[test]
    fn redirects_stay_on_this_server() {
        assert_eq!(local_path("/compare?device=1&x=a%20b"), "/compare?device=1&x=a%20b");
        for foreign in ["", "compare", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/é"]
        {
            assert_eq!(local_path(foreign), "/", "{foreign:?}");
        }
    }
}
