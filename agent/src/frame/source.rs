//! Seeded camera frames, bit for bit the same on every machine.
//!
//! The picture has what a conversion can get wrong: a red, a green, a blue and a white corner, all of different sizes, so
//! that it shows how it is turned and whether channels are exchanged; smooth slopes and sharp edges, and grain, as a
//! sensor gives it. Whole numbers only, so nothing is rounded differently elsewhere.

use benchrack_protocol::pipeline::{FrameSource, Orientation, PixelFormat};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::geometry::Axes;
use super::{FrameError, checked_size};

/// Discs in a picture.
const DISCS: usize = 12;

/// An 8-bit RGB picture, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue.
    pub pixels: Vec<[u8; 3]>,
}

/// Sides of a frame that a camera can give: width, height.
///
/// # Errors
/// [`FrameError::Size`], or [`FrameError::OddSides`] for NV21.
pub fn sides(source: &FrameSource) -> Result<(usize, usize), FrameError> {
    let side = |pixels: u32| usize::try_from(pixels).unwrap_or(usize::MAX);
    let (width, height) = (side(source.width), side(source.height));
    checked_size("source", width, height)?;
    if source.format == PixelFormat::Nv21 && (width % 2 != 0 || height % 2 != 0) {
        return Err(FrameError::OddSides { width: source.width, height: source.height });
    }
    Ok((width, height))
}

/// Bytes of a frame: four a pixel, or for NV21 one a pixel and half as many again.
pub fn frame_bytes(format: PixelFormat, width: usize, height: usize) -> usize {
    match format {
        PixelFormat::Abgr8888 | PixelFormat::Argb8888 => width * height * 4,
        PixelFormat::Nv21 => width * height * 3 / 2,
    }
}

/// The frame as the camera gives it: stored so that its orientation makes it upright again, without padding.
///
/// # Errors
/// As [`sides`].
pub fn frame(source: &FrameSource) -> Result<Vec<u8>, FrameError> {
    let (width, height) = sides(source)?;
    let (upright_width, upright_height) = Axes::of(source.orientation).turn((width, height));
    let stored = store(&picture(source.seed, upright_width, upright_height), source.orientation);
    Ok(encode(&stored, source.format))
}

/// The upright picture of a seed.
pub fn picture(seed: u64, width: usize, height: usize) -> Picture {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |bound: usize| rng.next_u32() as usize % bound.max(1);
    let longest = width.max(height);
    let discs: Vec<_> = (0..DISCS)
        .map(|_| {
            let radius = 1 + longest / 40 + below(longest / 8);
            (below(width), below(height), radius, [below(256), below(256), below(256)])
        })
        .collect();
    let shorter = width.min(height);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (right, bottom) = (width - 1 - x, height - 1 - y);
            let corner = |across: usize, down: usize, share: usize| across.max(down) < shorter / share;
            let disc = discs.iter().find(|(at_x, at_y, radius, _)| {
                let (across, down) = (x.abs_diff(*at_x), y.abs_diff(*at_y));
                across * across + down * down <= radius * radius
            });
            let colour = if corner(x, y, 3) {
                [230, 20, 25]
            } else if corner(right, y, 4) {
                [15, 215, 30]
            } else if corner(x, bottom, 5) {
                [25, 30, 240]
            } else if corner(right, bottom, 6) {
                [245, 245, 245]
            } else if let Some((_, _, _, colour)) = disc {
                *colour
            } else {
                [40 + 180 * x / width, 40 + 180 * y / height, 40 + 180 * (right + bottom) / (width + height)]
            };
            // Grain of -8 to 7.
            pixels.push(colour.map(|value| (value + below(16)).saturating_sub(8).min(255) as u8));
        }
    }
    Picture { width, height, pixels }
}

/// The picture as a camera that is held so would store it.
pub fn store(upright: &Picture, orientation: Orientation) -> Picture {
    let axes = Axes::of(orientation);
    let (width, height) = axes.turn((upright.width, upright.height));
    let mut pixels = vec![[0; 3]; upright.pixels.len()];
    for (place, pixel) in upright.pixels.iter().enumerate() {
        let (column, row) = axes.stored((place % upright.width, place / upright.width), (width, height));
        pixels[row * width + column] = *pixel;
    }
    Picture { width, height, pixels }
}

/// The bytes of a stored picture. NV21 wants even sides; a last odd row or column has no chroma of its own.
pub fn encode(picture: &Picture, format: PixelFormat) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame_bytes(format, picture.width, picture.height));
    match format {
        PixelFormat::Abgr8888 => bytes.extend(picture.pixels.iter().flat_map(|&[red, green, blue]| [red, green, blue, 255])),
        PixelFormat::Argb8888 => bytes.extend(picture.pixels.iter().flat_map(|&[red, green, blue]| [blue, green, red, 255])),
        PixelFormat::Nv21 => {
            bytes.extend(picture.pixels.iter().map(|pixel| luma(pixel.map(i32::from), 1)));
            for y in (0..picture.height - 1).step_by(2) {
                for x in (0..picture.width - 1).step_by(2) {
                    let at = |x: usize, y: usize| picture.pixels[y * picture.width + x].map(i32::from);
                    let four = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                    let sum =
                        four.into_iter().fold([0; 3], |sum, pixel| [sum[0] + pixel[0], sum[1] + pixel[1], sum[2] + pixel[2]]);
                    bytes.extend(chroma(sum, 4));
                }
            }
        }
    }
    bytes
}

// RGB to Y'CbCr of ITU-R BT.601 with the full range of 0 to 255, as JFIF 1.02 (ITU-T T.871) writes it, in 16-bit fixed
// point. Android's cameras give this range: `ImageFormat.NV21` and `YUV_420_888` frames have the data space
// `DATASPACE_JFIF` ("the standard encoding for JPEG") unless a recorder asks for another.

/// Y of a sum of `count` pixels.
fn luma([red, green, blue]: [i32; 3], count: i32) -> u8 {
    divided(19_595 * red + 38_470 * green + 7_471 * blue, 0, count)
}

/// V (Cr) and U (Cb) of a sum of `count` pixels, in NV21's order.
fn chroma([red, green, blue]: [i32; 3], count: i32) -> [u8; 2] {
    [
        divided(32_768 * red - 27_439 * green - 5_329 * blue, 128, count),
        divided(-11_059 * red - 21_709 * green + 32_768 * blue, 128, count),
    ]
}

/// Out of the fixed point: rounded, moved, kept within a byte.
fn divided(fixed: i32, offset: i32, count: i32) -> u8 {
    let unit = 65_536 * count;
    ((fixed + unit / 2).div_euclid(unit) + offset).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::ids::ArtifactId;

    use super::*;

    fn source(format: PixelFormat, orientation: Orientation) -> FrameSource {
        FrameSource { format, width: 64, height: 48, orientation, seed: 7 }
    }

    #[test]
    fn generated_frames_never_change() {
        let digest = |format| ArtifactId::of(&frame(&source(format, Orientation::Rotate90)).unwrap()).short();
        let all = [PixelFormat::Abgr8888, PixelFormat::Argb8888, PixelFormat::Nv21].map(digest).join(" ");
        insta::assert_snapshot!(all, @"8fa04858aff3 6bb56b00589d 8f33bada5b55");
    }

    #[test]
    fn corners_tell_how_a_frame_is_turned() {
        let stored = store(&picture(3, 48, 64), Orientation::Rotate90);
        assert_eq!((stored.width, stored.height), (64, 48));
        // Turned clockwise to be upright, the stored bottom left comes to the top left, which is red.
        let [red, green, blue] = stored.pixels[47 * 64 + 1];
        assert!(red > 200 && green < 40 && blue < 40, "{red} {green} {blue}");
        let [red, green, blue] = stored.pixels[1];
        assert!(red < 40 && green > 200 && blue < 40, "the stored top left comes to the top right: {red} {green} {blue}");
    }

    #[test]
    fn colours_have_the_codes_that_the_standard_gives_them() {
        // Table of ITU-R BT.601 colours in full range: red, green, blue, white, grey as Y, Cr, Cb.
        for (rgb, y, cr, cb) in [
            ([255, 0, 0], 76, 255, 85),
            ([0, 255, 0], 150, 21, 44),
            ([0, 0, 255], 29, 107, 255),
            ([255, 255, 255], 255, 128, 128),
            ([128, 128, 128], 128, 128, 128),
        ] {
            assert_eq!((luma(rgb, 1), chroma(rgb, 1)), (y, [cr, cb]), "{rgb:?}");
            assert_eq!(chroma(rgb.map(|value| 4 * value), 4), [cr, cb], "{rgb:?}");
        }
    }

    #[test]
    fn frames_that_no_camera_gives_are_refused() {
        let sized = |format, width, height| sides(&FrameSource { width, height, ..source(format, Orientation::Upright) });
        assert!(matches!(sized(PixelFormat::Abgr8888, 0, 4), Err(FrameError::Size { .. })));
        assert!(matches!(sized(PixelFormat::Abgr8888, 4, 20_000), Err(FrameError::Size { .. })));
        assert!(matches!(sized(PixelFormat::Nv21, 5, 4), Err(FrameError::OddSides { .. })));
        assert_eq!(sized(PixelFormat::Argb8888, 5, 3), Ok((5, 3)));
    }
}
