//! Charts and badges as PNG: of the right size, coloured as the palette says, with their texts.

use std::collections::BTreeSet;

use benchrack_dashboards::picture::{SCALE, Shade, png};
use benchrack_dashboards::{Language, Page};
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};

use crate::sample::{self, every_page};

fn decoded(svg: &str, shade: Shade) -> Pixmap {
    Pixmap::decode_png(&png(svg, shade).unwrap()).unwrap()
}

/// Red, green and blue.
fn color(pixel: &PremultipliedColorU8) -> [u8; 3] {
    [pixel.red(), pixel.green(), pixel.blue()]
}

fn count(picture: &Pixmap, wanted: [u8; 3]) -> usize {
    picture.pixels().iter().filter(|pixel| color(pixel) == wanted).count()
}

/// Width and height in user units.
fn size(svg: &str) -> [u32; 2] {
    let document = roxmltree::Document::parse(svg).unwrap();
    ["width", "height"].map(|name| document.root_element().attribute(name).unwrap().parse().unwrap())
}

#[test]
fn every_kind_of_chart_is_a_picture_of_its_size_in_its_colours() {
    let charts = [
        (sample::gate().chart_svg("forest", Language::English), [179, 38, 30], [255, 154, 145]),
        (sample::series().chart_svg("series", Language::English), [0, 114, 178], [75, 167, 227]),
        (sample::compare().chart_svg("latency-macs-1", Language::English), [0, 114, 178], [75, 167, 227]),
        (sample::run_valid().chart_svg("samples", Language::English), [0, 114, 178], [75, 167, 227]),
        (sample::series_empty().chart_svg("series", Language::English), [26, 29, 33], [233, 236, 239]),
    ];
    for (svg, on_light, on_dark) in charts {
        let svg = svg.unwrap().unwrap();
        let [width, height] = size(&svg);
        let [light, dark] = [Shade::Light, Shade::Dark].map(|shade| decoded(&svg, shade));
        for (picture, paper, ink) in [(&light, [255; 3], on_light), (&dark, [20, 23, 26], on_dark)] {
            assert_eq!([picture.width(), picture.height()], [width, height].map(|units| units * u32::from(SCALE)));
            assert!(picture.pixels().iter().all(|pixel| pixel.alpha() == 255), "it has a ground of its own");
            assert!(count(picture, paper) > picture.pixels().len() / 4, "{svg:.300}");
            assert!(count(picture, ink) > 40, "{ink:?} is not in {svg:.300}");
            // What no rule reaches is black; the palette has none.
            assert_eq!(count(picture, [0; 3]), 0, "{svg:.300}");
        }
    }
}

/// One letter alone.
fn drawn(letter: char) -> Vec<u8> {
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"30\"><text font-family=\"sans-serif,Roboto\" \
         font-size=\"20\" x=\"2\" y=\"24\">&#{};</text></svg>",
        u32::from(letter)
    );
    decoded(&svg, Shade::Light).data().to_vec()
}

#[test]
fn a_letter_that_the_font_does_not_have_is_a_box_and_no_text_of_ours_has_one() {
    let missing = drawn('한');
    assert!(missing.iter().any(|byte| *byte != 0), "nothing is drawn for it");
    assert_eq!(missing, drawn('中'));
    let mut letters = BTreeSet::new();
    let mut read = |view: &dyn Fn(&str) -> Option<String>, names: Vec<String>| {
        for svg in names.iter().filter_map(|name| view(name)) {
            let document = roxmltree::Document::parse(&svg).unwrap();
            let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
            letters.extend(texts.filter_map(|node| node.text()).flat_map(str::chars).filter(|letter| !letter.is_whitespace()));
        }
    };
    macro_rules! each {
        ($($name:ident),*) => {$({
            let view = sample::$name();
            read(&|name| view.chart_svg(name, Language::English).unwrap(), view.charts());
        })*};
    }
    every_page!(each);
    // Names of devices are anybody's: one here is Arabic, between marks of its direction.
    let ours = letters.iter().filter(|letter| !matches!(**letter, '\u{590}'..='\u{6ff}' | '\u{202a}'..='\u{202e}'));
    let boxes: Vec<_> = ours.filter(|one| drawn(**one) == missing).collect();
    assert!(letters.len() > 40 && boxes.is_empty(), "drawn as boxes: {boxes:?}");
}

#[test]
fn a_badge_is_a_picture_with_both_its_texts() {
    let svg = sample::gate().badge_svg(Language::English).unwrap();
    let picture = decoded(&svg, Shade::Light);
    let [width, height] = size(&svg);
    assert_eq!([picture.width(), picture.height()], [width, height].map(|units| units * u32::from(SCALE)));
    let (left, right): (Vec<_>, Vec<_>) =
        picture.pixels().iter().enumerate().partition(|(at, _)| at % (2 * width) as usize <= width as usize);
    for half in [left, right] {
        assert!(half.iter().filter(|(_, pixel)| color(pixel) == [255; 3]).count() > 20, "a half says nothing");
    }
}

#[test]
fn what_is_no_drawing_is_an_error() {
    for broken in ["", "<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4000000\" height=\"4000000\"/>"] {
        assert!(png(broken, Shade::Light).unwrap_err().to_string().contains("picture"), "{broken}");
    }
}
