//! Colours, once: the pages' style sheet takes them as variables, a chart's own file as literals.
//!
//! Data wear the colours of Okabe and Ito, "Color Universal Design" (2008), which people with any common colour vision
//! tell apart, darkened or lightened until they stand out 3:1 from the page as WCAG 2.2 (1.4.11) asks; every colour also
//! goes with a shape of its own. Texts keep 4.5:1 (1.4.3). A test holds both.

/// Name of the variable without `--`, shade on light, shade on dark.
pub(crate) const PALETTE: &[(&str, &str, &str)] = &[
    ("paper", "#ffffff", "#14171a"),
    ("surface", "#f6f7f9", "#1b1f24"),
    ("ink", "#1a1d21", "#e9ecef"),
    ("muted", "#59616a", "#a5aeb8"),
    ("line", "#dde1e6", "#31373e"),
    ("grid", "#e9ecef", "#262b31"),
    ("axis", "#98a1ab", "#5f6871"),
    ("accent", "#0b5cad", "#7fbcff"),
    ("accent-soft", "#e6f0fa", "#12304d"),
    ("good", "#00694b", "#45d1a4"),
    ("good-soft", "#e0f3ec", "#10332a"),
    ("bad", "#b3261e", "#ff9a91"),
    ("bad-soft", "#fce9e7", "#421a18"),
    ("doubt", "#825200", "#f3bd57"),
    ("doubt-soft", "#fdf0d8", "#372a10"),
    ("shade", "#f2f4f6", "#1c2126"),
    ("band", "#d5ecdf", "#17392e"),
    ("span", "#d3e6f7", "#1a3c5a"),
    ("guide", "#66707b", "#8f99a4"),
    ("bar", "#b5d3ee", "#265074"),
    ("bar-best", "#0b5cad", "#7fbcff"),
    ("s0", "#0072b2", "#4ba7e3"),
    ("s1", "#cf5a00", "#f28c40"),
    ("s2", "#008a64", "#2cc49a"),
    ("s3", "#b4568c", "#e49fc7"),
    ("s4", "#a06e00", "#efb225"),
    ("s5", "#2a87bd", "#a3daf9"),
    ("s6", "#3d434a", "#c9d0d7"),
    ("s7", "#7f7900", "#ebe04a"),
];

const CHART_RULES: &str = include_str!("../assets/chart.css");

/// The variables for a page: by the reader's system, or by `data-theme` on the root element.
pub(crate) fn variables() -> String {
    let mut css = String::from(
        ":root{color-scheme:light dark;\n\
         }\n:root[data-theme=\"light\"]{color-scheme:light}\n:root[data-theme=\"dark\"]{color-scheme:dark}\n:root{\n",
    );
    for (name, light, dark) in PALETTE {
        css += &format!("--{name}:light-dark({light},{dark});\n");
    }
    css + "}\n"
}

/// Rules for a chart's own file, with literals in place of variables: not every viewer of SVG knows variables.
pub(crate) fn file_style() -> String {
    format!("{}@media (prefers-color-scheme:dark){{\n{}}}\n", plain_style(false), plain_style(true))
}

/// The same for one ground, without conditions.
pub(crate) fn plain_style(dark: bool) -> String {
    let shade = |(name, light, night): &(&str, &'static str, &'static str)| {
        (format!("var(--{name})"), if dark { *night } else { *light })
    };
    PALETTE.iter().map(shade).fold(CHART_RULES.to_owned(), |rules, (variable, value)| rules.replace(&variable, value))
}

/// Rules for the charts inside a page.
pub(crate) fn chart_rules() -> &'static str {
    CHART_RULES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn shades(name: &str) -> [&'static str; 2] {
        let (_, light, dark) = PALETTE.iter().find(|(known, ..)| *known == name).unwrap();
        [light, dark]
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn texts_and_data_stand_out_from_what_they_lie_on() {
        let texts = ["ink", "muted", "accent", "good", "bad", "doubt"];
        let pairs = texts
            .iter()
            .flat_map(|text| ["paper", "surface", "shade"].map(|ground| (*text, ground, 4.5)))
            .chain([
                ("good", "good-soft", 4.5),
                ("bad", "bad-soft", 4.5),
                ("doubt", "doubt-soft", 4.5),
                ("accent", "accent-soft", 4.5),
            ])
            .chain(["good-soft", "bad-soft", "doubt-soft", "accent-soft"].map(|ground| ("ink", ground, 4.5)))
            .chain(["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "guide"].map(|mark| (mark, "paper", 3.0)))
            .chain(["s0", "s6", "ink"].map(|mark| (mark, "span", 3.0)))
            .chain([("ink", "bar", 3.0)]);
        for (front, ground, least) in pairs {
            for (front_shade, ground_shade) in shades(front).into_iter().zip(shades(ground)) {
                let ratio = contrast(front_shade, ground_shade);
                assert!(ratio >= least, "{front} {front_shade} on {ground} {ground_shade}: {ratio:.2} < {least}");
            }
        }
    }

    #[test]
    fn every_variable_that_a_rule_uses_exists() {
        for rules in [CHART_RULES, include_str!("../assets/benchrack.css")] {
            for part in rules.split("var(--").skip(1) {
                let name = part.split([')', ',']).next().unwrap();
                assert!(PALETTE.iter().any(|(known, ..)| *known == name), "--{name}");
            }
        }
        assert!(!file_style().contains("var("));
    }
}
