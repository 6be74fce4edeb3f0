//! Where a stored frame's pixels lie once it is upright, and which part of it a model sees.

use benchrack_protocol::pipeline::{Fit, Orientation};

/// How the axes of the upright picture lie in the stored frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// The upright picture's rows are the stored frame's columns.
    pub swapped: bool,
    /// The stored frame's rows are run through from right to left.
    pub mirror_x: bool,
    /// The stored frame's columns are run through from bottom to top.
    pub mirror_y: bool,
}

impl Axes {
    /// Of an orientation: the table of Exif 2.32, tag 0x0112, which says where the stored frame's first row and first
    /// column are in the upright picture.
    pub fn of(orientation: Orientation) -> Self {
        let (mirror_x, mirror_y) = match orientation {
            Orientation::Upright | Orientation::Transpose => (false, false),
            Orientation::MirrorHorizontal | Orientation::Rotate270 => (true, false),
            Orientation::Rotate180 | Orientation::Transverse => (true, true),
            Orientation::MirrorVertical | Orientation::Rotate90 => (false, true),
        };
        Self { swapped: orientation.swaps_sides(), mirror_x, mirror_y }
    }

    /// Sides of the upright picture of a stored frame of this width and height, or the other way round.
    pub fn turn<T>(self, (width, height): (T, T)) -> (T, T) {
        if self.swapped { (height, width) } else { (width, height) }
    }

    /// Column and row in a stored frame of `width` x `height` of the upright picture's pixel at (`x`, `y`).
    pub fn stored(self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
        let (column, row) = self.turn((x, y));
        (if self.mirror_x { width - 1 - column } else { column }, if self.mirror_y { height - 1 - row } else { row })
    }
}

/// A part of the upright picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Part {
    /// The part of an upright picture of `whole` (width, height) that is fitted into `target`.
    ///
    /// A centred part has its length rounded to whole pixels, and where an odd number is cut off, one more at the right
    /// or the bottom.
    pub fn of(fit: Fit, (width, height): (usize, usize), (to_width, to_height): (usize, usize)) -> Self {
        let whole = Self { left: 0, top: 0, width, height };
        /// `length * by / of`, rounded, at least 1.
        fn scaled(length: usize, by: usize, of: usize) -> usize {
            ((2 * length * by + of) / (2 * of)).max(1)
        }
        match fit {
            Fit::Stretch => whole,
            Fit::CentreCrop if width * to_height > height * to_width => {
                let part = scaled(height, to_width, to_height).min(width);
                Self { left: (width - part) / 2, width: part, ..whole }
            }
            Fit::CentreCrop => {
                let part = scaled(width, to_height, to_width).min(height);
                Self { top: (height - part) / 2, height: part, ..whole }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the letters of the stored frame "AB/CD/EF" are once upright, by hand.
    #[test]
    fn each_orientation_puts_pixels_where_exif_says() {
        let stored = ["AB", "CD", "EF"];
        let expected = ["AB/CD/EF", "BA/DC/FE", "FE/DC/BA", "EF/CD/AB", "ACE/BDF", "ECA/FDB", "FDB/ECA", "BDF/ACE"];
        for (orientation, expected) in Orientation::ALL.into_iter().zip(expected) {
            let axes = Axes::of(orientation);
            let (width, height) = axes.turn((2, 3));
            let row = |y| -> String {
                let letter = |x| {
                    let (column, row) = axes.stored((x, y), (2, 3));
                    char::from(stored[row].as_bytes()[column])
                };
                (0..width).map(letter).collect()
            };
            let upright: Vec<String> = (0..height).map(row).collect();
            assert_eq!(upright.join("/"), expected, "{orientation:?}");
        }
    }

    #[test]
    fn a_centred_part_has_the_targets_proportions() {
        let part = |whole, target| Part::of(Fit::CentreCrop, whole, target);
        assert_eq!(part((1280, 720), (224, 224)), Part { left: 280, top: 0, width: 720, height: 720 });
        assert_eq!(part((720, 1280), (224, 224)), Part { left: 0, top: 280, width: 720, height: 720 });
        assert_eq!(part((1280, 720), (640, 360)), Part { left: 0, top: 0, width: 1280, height: 720 });
        assert_eq!(part((10, 9), (2, 2)), Part { left: 0, top: 0, width: 9, height: 9 });
        assert_eq!(part((5, 16_000), (16_000, 1)), Part { left: 0, top: 7999, width: 5, height: 1 });
        assert_eq!(Part::of(Fit::Stretch, (10, 9), (2, 2)), Part { left: 0, top: 0, width: 10, height: 9 });
    }
}
