//! From a model's first output to the answer that an app shows.

mod segmentation;
mod top_k;

use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::pipeline::{Pipeline, PostProcessing};
use pulp::Arch;

use super::{FrameError, describe};
use segmentation::Segmentation;
pub use segmentation::{Mask, NO_CLASS};
pub use top_k::Class;
use top_k::TopK;

/// A pipeline's post-processing, with all its buffers.
pub struct Post {
    arch: Arch,
    kind: Kind,
}

enum Kind {
    TopK(TopK),
    Segmentation(Box<Segmentation>),
    Nothing,
}

/// What an app would show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<'a> {
    /// The most probable classes, the best first.
    Classes(&'a [Class]),
    /// A class for each pixel of the upright frame.
    Mask(&'a Mask),
    /// The pipeline asks for nothing.
    Nothing,
}

impl Post {
    /// Prepares the post-processing of a pipeline for a model with these outputs, of which it reads the first, and a
    /// picture of this width and height as its input.
    ///
    /// # Errors
    /// [`FrameError::Output`] when the first output is not what the post-processing works on.
    pub fn new(pipeline: &Pipeline, outputs: &[TensorSpec], picture: (usize, usize)) -> Result<Self, FrameError> {
        let misfit = |post, needs| FrameError::Output { post, needs, output: describe(outputs.get(..1).unwrap_or_default()) };
        let output = outputs.first().filter(|output| output.element == ElementType::F32);
        let kind = match pipeline.post {
            PostProcessing::None => Kind::Nothing,
            PostProcessing::TopK { k } => {
                let needs = || misfit("top_k", format!("one score of f32 for each of at least {} classes", k.max(1)));
                let top = output.and_then(|output| TopK::new(k, &output.shape)).ok_or_else(needs)?;
                Kind::TopK(top)
            }
            PostProcessing::Segmentation => {
                let output = output.ok_or_else(|| misfit("segmentation", segmentation::NEEDS.into()))?;
                let made = Segmentation::new(pipeline, &output.shape, picture)?;
                Kind::Segmentation(Box::new(made.ok_or_else(|| misfit("segmentation", segmentation::NEEDS.into()))?))
            }
        };
        Ok(Self { arch: Arch::new(), kind })
    }

    /// The answer for one frame's output. Allocates nothing.
    ///
    /// # Errors
    /// [`FrameError::NotFinite`] for scores that are no numbers.
    ///
    /// # Panics
    /// When the output has another length than the specification said.
    pub fn answer(&mut self, output: &[f32]) -> Result<Answer<'_>, FrameError> {
        match &mut self.kind {
            Kind::Nothing => Ok(Answer::Nothing),
            Kind::TopK(top) => top.classes(output).map(Answer::Classes),
            Kind::Segmentation(segmentation) => segmentation.mask(self.arch, output).map(Answer::Mask),
        }
    }
}
