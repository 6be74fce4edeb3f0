//! Where converted pixels go in a model's input, and the last arithmetic on the way there.

use std::array;

use benchrack_protocol::pipeline::{ChannelOrder, Layout, Pipeline};

use super::FrameError;

/// Channels of a picture.
pub const CHANNELS: usize = 3;

/// Lines of converted pixels that are kept before they are written: where lines become columns, that many values beside
/// each other are written at a time, a cache line of f32.
pub const LINES: usize = 16;

/// Normalisation, channel order and layout, done in one pass.
#[derive(Debug, Clone)]
pub struct Destination {
    /// For red, green and blue: factor and summand of the normalisation.
    normalisation: [(f32, f32); CHANNELS],
    /// For red, green and blue: place of its first value.
    first: [usize; CHANNELS],
    /// From a pixel to the next in a line.
    pixel_step: usize,
    /// From a line to the next.
    line_step: usize,
}

impl Destination {
    /// For pictures of this size (width, height), whose lines come as columns when `swapped`.
    ///
    /// # Errors
    /// [`FrameError::Normalisation`] for numbers that give none.
    pub fn new(pipeline: &Pipeline, (width, height): (usize, usize), swapped: bool) -> Result<Self, FrameError> {
        for (field, values) in [("mean", &pipeline.mean), ("std", &pipeline.std)] {
            for (channel, &value) in values.iter().enumerate() {
                let why = match value {
                    _ if !value.is_finite() => "it must be a finite number",
                    _ if field == "std" && !(1.0 / value).is_finite() => "it divides, so it must not be 0",
                    _ => continue,
                };
                return Err(FrameError::Normalisation { field, channel, value, why });
            }
        }
        // The model's channel in which each of red, green and blue is.
        let channels: [usize; CHANNELS] = match pipeline.channels {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let (plane, pixel) = match pipeline.layout {
            Layout::Nchw => (width * height, 1),
            Layout::Nhwc => (1, CHANNELS),
        };
        let normalisation = channels.map(|channel| {
            let (mean, std) = (pipeline.mean[channel], pipeline.std[channel]);
            (1.0 / std, -mean / std)
        });
        let (pixel_step, line_step) = if swapped { (width * pixel, pixel) } else { (pixel, width * pixel) };
        Ok(Self { normalisation, first: channels.map(|channel| channel * plane), pixel_step, line_step })
    }

    /// Writes the first `lines` lines of a block, of which the first is the picture's line `line`.
    #[inline(always)]
    pub fn write(&self, tensor: &mut [f32], block: &Block, line: usize, lines: usize) {
        for channel in 0..CHANNELS {
            let (factor, summand) = self.normalisation[channel];
            let first = self.first[channel] + line * self.line_step;
            if self.line_step < self.pixel_step {
                for pixel in 0..block.pixels {
                    let target = &mut tensor[first + pixel * self.pixel_step..];
                    for (line, value) in target.iter_mut().step_by(self.line_step).take(lines).enumerate() {
                        *value = block.values[channel][line * block.pixels + pixel] * factor + summand;
                    }
                }
                continue;
            }
            for line in 0..lines {
                let target = &mut tensor[first + line * self.line_step..];
                let values = &block.values[channel][line * block.pixels..][..block.pixels];
                if self.pixel_step == 1 {
                    for (value, source) in target[..block.pixels].iter_mut().zip(values) {
                        *value = source * factor + summand;
                    }
                } else {
                    for (value, source) in target.iter_mut().step_by(self.pixel_step).zip(values) {
                        *value = source * factor + summand;
                    }
                }
            }
        }
    }
}

/// Some lines of converted pixels: planes of red, green and blue, 0 to 255.
#[derive(Debug, Clone)]
pub struct Block {
    /// Pixels in a line.
    pub pixels: usize,
    /// [`LINES`] lines for each channel.
    pub values: [Vec<f32>; CHANNELS],
}

impl Block {
    /// Of lines of so many pixels.
    pub fn new(pixels: usize) -> Self {
        Self { pixels, values: array::from_fn(|_| vec![0.0; pixels * LINES]) }
    }

    /// Red, green and blue of a line.
    #[inline(always)]
    pub fn line(&mut self, line: usize) -> [&mut [f32]; CHANNELS] {
        let (from, pixels) = (line * self.pixels, self.pixels);
        self.values.each_mut().map(|plane| &mut plane[from..][..pixels])
    }
}
