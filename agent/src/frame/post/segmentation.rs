//! The class with the highest score for each pixel, enlarged to the upright frame.
//!
//! The scores are compared at the model's resolution and the classes enlarged, to the nearest: an app that enlarges the
//! scores first has smoother edges for some hundred times the work.

use benchrack_protocol::pipeline::{Layout, Pipeline};
use pulp::{Arch, NullaryFnOnce};

use crate::frame::FrameError;
use crate::frame::geometry::{Axes, Part};
use crate::frame::source::sides;

/// Value of pixels that the model did not see, because they were cut off.
pub const NO_CLASS: u8 = 255;

/// What the output must be.
pub const NEEDS: &str = "one score of f32 for each of 1 to 255 classes and each pixel, in the pipeline's layout";

/// A class number for each pixel of the upright frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Class numbers, [`NO_CLASS`] beyond the part that the model saw.
    pub classes: Vec<u8>,
}

/// Argmax and enlargement for outputs of one shape.
pub struct Segmentation {
    layout: Layout,
    classes: usize,
    /// Width and height of the output.
    size: (usize, usize),
    part: Part,
    /// For each column of the part the output's column.
    columns: Vec<usize>,
    small: Vec<u8>,
    mask: Mask,
}

impl Segmentation {
    /// For an output of this shape; none when it is no picture of scores.
    pub fn new(pipeline: &Pipeline, shape: &[usize], picture: (usize, usize)) -> Result<Option<Self>, FrameError> {
        let (classes, height, width) = match (pipeline.layout, shape) {
            (Layout::Nchw, &[1, classes, height, width]) | (Layout::Nhwc, &[1, height, width, classes]) => {
                (classes, height, width)
            }
            _ => return Ok(None),
        };
        if !(1..=usize::from(NO_CLASS)).contains(&classes) || width == 0 || height == 0 {
            return Ok(None);
        }
        let upright = Axes::of(pipeline.source.orientation).turn(sides(&pipeline.source)?);
        let part = Part::of(pipeline.fit, upright, picture);
        let mask = Mask { width: upright.0, height: upright.1, classes: vec![NO_CLASS; upright.0 * upright.1] };
        let columns = (0..part.width).map(|column| nearest(column, part.width, width)).collect();
        let small = vec![0; width * height];
        Ok(Some(Self { layout: pipeline.layout, classes, size: (width, height), part, columns, small, mask }))
    }

    /// The mask of one frame.
    pub fn mask(&mut self, arch: Arch, scores: &[f32]) -> Result<&Mask, FrameError> {
        assert_eq!(scores.len(), self.classes * self.small.len(), "scores of the output");
        match self.layout {
            Layout::Nchw => arch.dispatch(Planes { scores, small: &mut self.small })?,
            Layout::Nhwc => best_of_pixels(scores, self.classes, &mut self.small)?,
        }
        self.enlarge();
        Ok(&self.mask)
    }

    fn enlarge(&mut self) {
        let Part { left, top, width, height } = self.part;
        let mut last = None;
        for row in 0..height {
            let begin = (top + row) * self.mask.width + left;
            let from = nearest(row, height, self.size.1);
            if last == Some(from) {
                let above = begin - self.mask.width;
                self.mask.classes.copy_within(above..above + width, begin);
                continue;
            }
            last = Some(from);
            let small = &self.small[from * self.size.0..][..self.size.0];
            for (class, &column) in self.mask.classes[begin..][..width].iter_mut().zip(&self.columns) {
                *class = small[column];
            }
        }
    }
}

/// The old sample of `old` in which the centre of the new one of `new` lies.
fn nearest(index: usize, new: usize, old: usize) -> usize {
    ((2 * index + 1) * old / (2 * new)).min(old - 1)
}

/// Pixels whose best scores are kept at a time.
const TOGETHER: usize = 256;

/// Argmax over planes of scores; inlined into the code for one instruction set.
struct Planes<'a> {
    scores: &'a [f32],
    small: &'a mut [u8],
}

impl NullaryFnOnce for Planes<'_> {
    type Output = Result<(), FrameError>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let plane = self.small.len();
        for (place, classes) in self.small.chunks_mut(TOGETHER).enumerate() {
            let (begin, count) = (place * TOGETHER, classes.len());
            let (mut best, mut best_class) = ([0.0f32; TOGETHER], [0u32; TOGETHER]);
            best[..count].copy_from_slice(&self.scores[begin..][..count]);
            for (class, scores) in (0u32..).zip(self.scores.chunks_exact(plane)).skip(1) {
                let pixels = best[..count].iter_mut().zip(&mut best_class[..count]).zip(&scores[begin..][..count]);
                for ((best, best_class), &score) in pixels {
                    let better = score > *best;
                    *best = if better { score } else { *best };
                    *best_class = if better { class } else { *best_class };
                }
            }
            if let Some(&value) = best[..count].iter().find(|best| !best.is_finite()) {
                return Err(FrameError::NotFinite { value });
            }
            for (class, &best) in classes.iter_mut().zip(&best_class) {
                // There are at most 255 classes.
                *class = best as u8;
            }
        }
        Ok(())
    }
}

fn best_of_pixels(scores: &[f32], classes: usize, small: &mut [u8]) -> Result<(), FrameError> {
    for (class, scores) in small.iter_mut().zip(scores.chunks_exact(classes)) {
        let (mut best, mut best_class) = (scores[0], 0);
        for (class, &score) in (0u8..).zip(scores).skip(1) {
            if score > best {
                (best, best_class) = (score, class);
            }
        }
        if !best.is_finite() {
            return Err(FrameError::NotFinite { value: best });
        }
        *class = best_class;
    }
    Ok(())
}
