//! Whole frames of a loaded model's pipeline, timed part by part.

use benchrack_protocol::pipeline::{FrameTime, Pipeline};
use benchrack_protocol::runner::{FailureReason, Reply};

use super::Refusal;
use super::engine::Engine;
use super::model::elapsed;
use crate::clock::{Suspended, raw};
use crate::frame::{Conversion, FrameError, Post, picture_size, source};

/// A pipeline with the camera's frame and every buffer it needs, made for one model.
pub struct FrameLoop {
    frame: Vec<u8>,
    conversion: Conversion,
    post: Post,
    /// The converted frame, for engines that want their input copied.
    picture: Vec<f32>,
}

impl FrameLoop {
    /// Makes the frame and the buffers.
    ///
    /// # Errors
    /// [`FailureReason::Unsupported`] when the pipeline is impossible or does not fit the model's input or output.
    pub fn new(pipeline: &Pipeline, engine: &dyn Engine) -> Result<Self, Refusal> {
        let size = picture_size(pipeline.layout, engine.inputs()).map_err(misfit)?;
        let conversion = Conversion::new(pipeline, size).map_err(misfit)?;
        let outputs: Vec<_> = engine.outputs().iter().take(1).filter_map(|output| output.spec.clone()).collect();
        let post = Post::new(pipeline, &outputs, size).map_err(misfit)?;
        let frame = source::frame(&pipeline.source).map_err(misfit)?;
        let picture = vec![0.0; conversion.values()];
        Ok(Self { frame, conversion, post, picture })
    }

    /// Runs and measures `n` frames one after another; between two of them only the engine rests.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with the engine's words, or when an output gives no answer.
    pub fn run(&mut self, engine: &mut dyn Engine, n: u32) -> Result<Reply, Refusal> {
        let mut times = Vec::with_capacity(usize::try_from(n).unwrap_or(0));
        let before = Suspended::since_boot();
        for _ in 0..n {
            engine.rest();
            let begun = raw();
            let parts = self.frame(engine)?;
            times.push(FrameTime { total: elapsed(begun), ..parts });
        }
        Ok(Reply::Framed { times, suspended: Suspended::between(before, Suspended::since_boot()) })
    }

    /// One frame's parts; its total is the caller's, by readings of its own.
    fn frame(&mut self, engine: &mut dyn Engine) -> Result<FrameTime, Refusal> {
        let Self { frame, conversion, post, picture } = self;
        let begun = raw();
        if !engine.write_input(0, &mut |input| conversion.convert(frame, input))? {
            conversion.convert(frame, picture);
            engine.set_input(0, picture)?;
        }
        let (conversion, begun) = (elapsed(begun), raw());
        engine.infer()?;
        let (inference, begun) = (elapsed(begun), raw());
        let output = engine.output(0)?;
        let answer = post.answer(&output).map_err(unanswered)?;
        std::hint::black_box(&answer);
        Ok(FrameTime { conversion, inference, post: elapsed(begun), total: Default::default() })
    }
}

fn misfit(error: FrameError) -> Refusal {
    Refusal::new(FailureReason::Unsupported, format!("the manifest's pipeline cannot be run: {error}"))
}

fn unanswered(error: FrameError) -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, error.to_string())
}
