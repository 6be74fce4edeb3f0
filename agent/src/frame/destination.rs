//! Where converted pixels go in a model's input, and the last arithmetic on the way there.

use benchrack_protocol::pipeline::{ChannelOrder, Layout, Pipeline};

use super::FrameError;
use super::lines::{CHANNELS, rgb};

/// Lines of resized pixels that are kept before they are written, where lines become columns: that many values are beside
/// each other in the tensor, a cache line of f32.
const TURNED_LINES: usize = 16;

/// Pixels that are spread over planes together.
const TOGETHER: usize = 16;

/// Colour, normalisation, channel order, layout and swapped sides, done in one pass.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Whether the resized pixels are Y, V, U and not colours of the model.
    pub yuv: bool,
    /// Whether the model's first channel is the pixels' third.
    pub reversed: bool,
    /// For each of the model's channels: factor and summand of the normalisation.
    normalisation: [(f32, f32); CHANNELS],
    layout: Layout,
    /// Pixels of the picture.
    pixels: usize,
    /// Pixels of the picture from a pixel of a line to the next.
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
        let normalisation = [0, 1, 2].map(|channel| {
            let (mean, std) = (pipeline.mean[channel], pipeline.std[channel]);
            (1.0 / std, -mean / std)
        });
        Ok(Self {
            yuv: false,
            reversed: pipeline.channels == ChannelOrder::Bgr,
            normalisation,
            layout: pipeline.layout,
            pixels: width * height,
            pixel_step: if swapped { width } else { 1 },
            line_step: if swapped { 1 } else { width },
        })
    }

    /// Writes the first `lines` lines of a block, of which the first is the picture's line `line`.
    #[inline(always)]
    pub fn write(&self, tensor: &mut [f32], block: &Block, line: usize, lines: usize) {
        if block.pixel_step == 1 {
            for (number, source) in block.pixels.chunks_exact(block.line_step).take(lines).enumerate() {
                self.write_run(tensor, source, (line + number) * self.line_step);
            }
        } else {
            for (number, source) in block.pixels.chunks_exact(block.pixel_step).enumerate() {
                self.write_run(tensor, &source[..lines], line + number * self.pixel_step);
            }
        }
    }

    /// Pixels that are beside each other in the picture as well, from its pixel `first` on.
    #[inline(always)]
    fn write_run(&self, tensor: &mut [f32], source: &[Pixel], first: usize) {
        match self.layout {
            Layout::Nchw => {
                let (one, others) = tensor.split_at_mut(self.pixels);
                let (two, three) = others.split_at_mut(self.pixels);
                let end = first + source.len();
                let (one, two, three) = (&mut one[first..end], &mut two[first..end], &mut three[first..end]);
                match (self.yuv, self.reversed) {
                    (true, false) => planes::<true, false>(source, one, two, three, &self.normalisation),
                    (true, true) => planes::<true, true>(source, one, two, three, &self.normalisation),
                    (false, false) => planes::<false, false>(source, one, two, three, &self.normalisation),
                    (false, true) => planes::<false, true>(source, one, two, three, &self.normalisation),
                }
            }
            Layout::Nhwc => {
                let target = &mut tensor.as_chunks_mut().0[first..][..source.len()];
                for (target, pixel) in target.iter_mut().zip(source) {
                    *target = self.finished(pixel);
                }
            }
        }
    }

    #[inline(always)]
    fn finished(&self, pixel: &Pixel) -> [f32; CHANNELS] {
        match (self.yuv, self.reversed) {
            (true, false) => finished::<true, false>(pixel, &self.normalisation),
            (true, true) => finished::<true, true>(pixel, &self.normalisation),
            (false, false) => finished::<false, false>(pixel, &self.normalisation),
            (false, true) => finished::<false, true>(pixel, &self.normalisation),
        }
    }
}

/// Spreads pixels over planes. Whole vectors are made in arrays of their own first: nothing overlaps those, so the compiler
/// can turn pixels into planes by shuffling registers.
#[inline(always)]
fn planes<const YUV: bool, const REVERSED: bool>(
    source: &[Pixel],
    one: &mut [f32],
    two: &mut [f32],
    three: &mut [f32],
    normalisation: &[(f32, f32); CHANNELS],
) {
    // Colours take registers of their own: with them the shuffles would spill.
    let (sources, rest) = if YUV { (&[][..], source) } else { source.as_chunks::<TOGETHER>() };
    let whole = sources.len() * TOGETHER;
    let (ones, rest_of_one) = one.split_at_mut(whole);
    let (twos, rest_of_two) = two.split_at_mut(whole);
    let (threes, rest_of_three) = three.split_at_mut(whole);
    let (ones, twos, threes) = (ones.as_chunks_mut().0, twos.as_chunks_mut().0, threes.as_chunks_mut().0);
    for (((pixels, one), two), three) in sources.iter().zip(ones).zip(twos).zip(threes) {
        let mut values = [[0.0; TOGETHER]; CHANNELS];
        for place in 0..TOGETHER {
            [values[0][place], values[1][place], values[2][place]] = finished::<YUV, REVERSED>(&pixels[place], normalisation);
        }
        [*one, *two, *three] = values;
    }
    for (((pixel, one), two), three) in rest.iter().zip(rest_of_one).zip(rest_of_two).zip(rest_of_three) {
        [*one, *two, *three] = finished::<YUV, REVERSED>(pixel, normalisation);
    }
}

/// The model's channels of a resized pixel.
#[inline(always)]
fn finished<const YUV: bool, const REVERSED: bool>(
    &[first, second, third, _]: &Pixel,
    normalisation: &[(f32, f32); CHANNELS],
) -> [f32; CHANNELS] {
    let [red, green, blue] = if YUV { rgb(first, second, third) } else { [first, second, third] };
    let [(factor, summand), (factor2, summand2), (factor3, summand3)] = *normalisation;
    let (one, three) = if REVERSED { (blue, red) } else { (red, blue) };
    [one * factor + summand, green * factor2 + summand2, three * factor3 + summand3]
}

/// A resized pixel: three values and one that is not used, so that it is moved as one vector.
pub type Pixel = [f32; CHANNELS + 1];

/// Some lines of resized pixels, in the order in which they are written.
#[derive(Debug, Clone)]
pub struct Block {
    /// In the order of the tensor.
    pub pixels: Vec<Pixel>,
    /// Lines that it holds.
    pub lines: usize,
    /// From a pixel of a line to the next.
    pub pixel_step: usize,
    /// From a line to the next.
    pub line_step: usize,
}

impl Block {
    /// Of lines of so many pixels.
    pub fn new(pixels: usize, swapped: bool) -> Self {
        let (lines, pixel_step, line_step) = if swapped { (TURNED_LINES, TURNED_LINES, 1) } else { (1, 1, pixels) };
        Self { pixels: vec![[0.0; CHANNELS + 1]; pixels * lines], lines, pixel_step, line_step }
    }
}
