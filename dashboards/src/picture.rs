//! Charts and badges as PNG, for where SVG is not shown: chats, pull requests, documents.
//!
//! The picture is drawn from the SVG that there is, with the font in `assets/font` and no other, so that it is the same
//! wherever the server runs. A letter that the font does not have is drawn as a crossed box.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::{RenderError, palette};

/// Pixels for each user unit: sharp on screens of double density.
pub const SCALE: u16 = 2;

/// On what ground a picture stands; an SVG has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shade {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(include_bytes!("../assets/font/roboto.ttf").to_vec());
    Arc::new(fonts)
});

/// Far more than any chart has: pixels that a picture may have, four bytes each.
const MOST_PIXELS: u64 = 40_000_000;

/// A chart or badge of this crate as `image/png`, [`SCALE`] times as large.
///
/// # Errors
///
/// [`RenderError::Picture`] for what is no SVG, and for one that is too large to be held as pixels.
pub fn png(svg: &str, shade: Shade) -> Result<Vec<u8>, RenderError> {
    let svg = svg.replacen(&palette::file_style(), &palette::plain_style(shade == Shade::Dark), 1);
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let tree = Tree::from_str(&svg, &options).map_err(|source| RenderError::Picture(source.into()))?;
    let scale = f32::from(SCALE);
    let [width, height] = [tree.size().width(), tree.size().height()].map(|units| (units * scale).ceil() as u32);
    let few = u64::from(width) * u64::from(height) <= MOST_PIXELS;
    let pixmap = few.then(|| Pixmap::new(width, height)).flatten();
    let mut pixmap = pixmap.ok_or_else(|| RenderError::Picture(format!("{width} by {height} pixels cannot be drawn").into()))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|source| RenderError::Picture(source.into()))
}
