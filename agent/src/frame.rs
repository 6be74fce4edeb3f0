//! A camera's frame and what an app does with it around an inference: pure code, so that it can be checked bit by bit.
//!
//! [`source`] makes frames from seeds, [`conversion`] turns one into a model's input, [`post`] turns a model's output into
//! an answer. Whatever depends only on the pipeline is computed once, when it is made; a frame allocates nothing.
//!
//! The inner loops are plain loops over slices, compiled twice on x86-64 and chosen at run time (by [`pulp`]): for the
//! baseline, and for AVX2. NEON belongs to every 64-bit ARM.

pub mod conversion;
mod destination;
pub mod geometry;
mod lines;
pub mod post;
pub mod source;
mod taps;

use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::pipeline::Layout;

pub use conversion::Conversion;
pub use post::Post;

/// Sides of frames and pictures, in pixels; the longest is beyond any phone's camera.
pub const SIDES: std::ops::RangeInclusive<usize> = 1..=16_384;

/// A pipeline that cannot be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// A frame or a picture of no possible size.
    #[error("{what} of {width} x {height} pixels: its sides must be {} to {} pixels", SIDES.start(), SIDES.end())]
    Size {
        /// Whose sides.
        what: &'static str,
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// NV21 has one pair of chroma values for two by two pixels.
    #[error("source.format nv21 needs even sides, not {width} x {height}")]
    OddSides {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Normalisation with these numbers gives no numbers.
    #[error("{field}[{channel}] cannot be {value}: {why}")]
    Normalisation {
        /// `mean` or `std`.
        field: &'static str,
        /// Which channel.
        channel: usize,
        /// As given.
        value: f32,
        /// What it must be.
        why: &'static str,
    },
    /// The model does not take pictures, or not in this form.
    #[error("the pipeline makes one f32 picture in {layout}, which does not fit the model's inputs: {inputs}")]
    Input {
        /// As the pipeline says: `1 x 3 x height x width (nchw)`.
        layout: &'static str,
        /// What the model takes.
        inputs: String,
    },
    /// The post-processing does not fit the model's first output.
    #[error("post-processing {post} needs {needs}, but the model's first output is {output}")]
    Output {
        /// `top_k` or `segmentation`.
        post: &'static str,
        /// What it works on.
        needs: String,
        /// What the model gives.
        output: String,
    },
    /// Answers cannot be made of these.
    #[error("the model's first output holds {value}, so the frame has no answer")]
    NotFinite {
        /// NaN or an infinity.
        value: f32,
    },
}

/// Width and height of the picture that a model takes.
///
/// # Errors
/// [`FrameError::Input`] unless it takes exactly one tensor of f32, one picture of three channels in this layout.
pub fn picture_size(layout: Layout, inputs: &[TensorSpec]) -> Result<(usize, usize), FrameError> {
    let misfit = || FrameError::Input {
        layout: match layout {
            Layout::Nchw => "1 x 3 x height x width (nchw)",
            Layout::Nhwc => "1 x height x width x 3 (nhwc)",
        },
        inputs: describe(inputs),
    };
    let [TensorSpec { element: ElementType::F32, shape, .. }] = inputs else { return Err(misfit()) };
    match (layout, shape.as_slice()) {
        (Layout::Nchw, &[1, 3, height, width]) | (Layout::Nhwc, &[1, height, width, 3]) => Ok((width, height)),
        _ => Err(misfit()),
    }
}

/// `data: f32 1 x 3 x 224 x 224`.
fn describe(tensors: &[TensorSpec]) -> String {
    let one = |tensor: &TensorSpec| {
        let element = format!("{:?}", tensor.element).to_lowercase();
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        format!("{}: {element} {}", tensor.name, shape.join(" x "))
    };
    if tensors.is_empty() { "none of a known shape".into() } else { tensors.iter().map(one).collect::<Vec<_>>().join(", ") }
}

fn checked_size(what: &'static str, width: usize, height: usize) -> Result<(), FrameError> {
    if SIDES.contains(&width) && SIDES.contains(&height) { Ok(()) } else { Err(FrameError::Size { what, width, height }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(element: ElementType, shape: &[usize]) -> TensorSpec {
        TensorSpec { name: "data".into(), element, shape: shape.to_vec() }
    }

    #[test]
    fn only_one_picture_of_floats_in_the_layout_fits() {
        let planes = tensor(ElementType::F32, &[1, 3, 20, 30]);
        let pixels = tensor(ElementType::F32, &[1, 20, 30, 3]);
        assert_eq!(picture_size(Layout::Nchw, std::slice::from_ref(&planes)), Ok((30, 20)));
        assert_eq!(picture_size(Layout::Nhwc, std::slice::from_ref(&pixels)), Ok((30, 20)));
        let bytes = tensor(ElementType::U8, &[1, 3, 20, 30]);
        let batch = tensor(ElementType::F32, &[2, 3, 20, 30]);
        let flat = tensor(ElementType::F32, &[1, 1800]);
        for wrong in [vec![pixels], vec![bytes], vec![batch], vec![flat], vec![planes.clone(), planes], vec![]] {
            let error = picture_size(Layout::Nchw, &wrong).unwrap_err().to_string();
            assert!(error.contains("nchw") && (error.contains("data: ") || wrong.is_empty()), "{error}");
        }
    }
}
