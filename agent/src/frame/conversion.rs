//! From a camera's bytes to a model's input: crop, resize, turn, colour, normalise, lay out.
//!
//! The order does as little work as possible. Only the part that the model sees is read. It is resized as it is stored,
//! first between lines, then within each line. Mirrored axes cost nothing, because they are read backwards; everything
//! else, colour, normalisation, channel order, layout and swapped sides, happens in one pass when the resized pixels are
//! written into the tensor. Values stay f32 from the blend on: nothing is rounded to 8 bits on the way.
//!
//! NV21's planes are resized before they become RGB, each at its own resolution, so bilinear interpolation is that of a
//! GPU which samples a camera's texture: chroma lies in the middle of its two by two pixels and is interpolated as well.
//! With the nearest pixel and with the mean this is exactly what converting every pixel first would give (but for colours
//! beyond RGB).

use std::ops::Range;

use benchrack_protocol::pipeline::{Pipeline, PixelFormat, ResizeFilter};
use pulp::{Arch, NullaryFnOnce};

use super::destination::{Block, Destination, Pixel};
use super::geometry::{Axes, Part};
use super::lines::{CHANNELS, Lines, PACKED, gather};
use super::source::{frame_bytes, sides};
use super::taps::{Stretch, Taps};
use super::{FrameError, checked_size};

/// A pipeline's conversion, with all its tables and buffers.
pub struct Conversion {
    arch: Arch,
    bytes: usize,
    values: usize,
    axes: Axes,
    seen: (Range<usize>, Range<usize>),
    reader: Reader,
    destination: Destination,
    block: Block,
}

/// How a frame's bytes become lines of pixels: R, G, B or B, G, R or Y, V, U, as they are stored.
enum Reader {
    Packed(Plane<PACKED>),
    Nv21 {
        luma: Plane<1>,
        chroma: Plane<2>,
        /// Bytes of the first plane.
        chroma_from: usize,
    },
}

/// A plane of a frame, with `N` bytes for each of its samples.
struct Plane<const N: usize> {
    /// Bytes from a line to the next.
    stride: usize,
    /// Along the stored lines' order.
    lines: Taps,
    /// Along a stored line.
    columns: Taps,
    /// One line between lines, at the old resolution.
    blended: Vec<[f32; N]>,
}

impl<const N: usize> Plane<N> {
    fn new(filter: ResizeFilter, (columns, lines): (Stretch, Stretch)) -> Self {
        let stride = columns.length * N;
        let (columns, lines) = (Taps::new(filter, &columns), Taps::new(filter, &lines));
        Self { stride, blended: vec![[0.0; N]; columns.span.len()], lines, columns }
    }

    /// Resizes one new line into the values from `FROM` on of every `step`th pixel.
    #[inline(always)]
    fn resize<const FROM: usize>(&mut self, bytes: &[u8], line: usize, pixels: &mut [Pixel], step: usize) {
        let span = &self.columns.span;
        let first = self.lines.span.start * self.stride + span.start * N;
        let lines = Lines { bytes: &bytes[first..], stride: self.stride, length: span.len() * N };
        lines.blend(self.blended.as_flattened_mut(), self.lines.of(line));
        gather::<N, FROM>(pixels, step, &self.blended, &self.columns);
    }
}

impl Conversion {
    /// Prepares a pipeline for a model whose picture has this width and height.
    ///
    /// # Errors
    /// What of the pipeline is impossible.
    pub fn new(pipeline: &Pipeline, (width, height): (usize, usize)) -> Result<Self, FrameError> {
        checked_size("the model's picture", width, height)?;
        let stored = sides(&pipeline.source)?;
        let axes = Axes::of(pipeline.source.orientation);
        let upright = axes.turn(stored);
        let part = Part::of(pipeline.fit, upright, (width, height));
        let across = Stretch { start: part.left, size: part.width, count: width, ..EMPTY };
        let down = Stretch { start: part.top, size: part.height, count: height, ..EMPTY };
        // Along the stored frame's axes.
        let (columns, lines) = axes.turn((across, down));
        let columns = Stretch { length: stored.0, mirrored: axes.mirror_x, ..columns };
        let lines = Stretch { length: stored.1, mirrored: axes.mirror_y, ..lines };
        let filter = pipeline.filter;
        let reader = match pipeline.source.format {
            PixelFormat::Abgr8888 | PixelFormat::Argb8888 => Reader::Packed(Plane::new(filter, (columns, lines))),
            PixelFormat::Nv21 => {
                let halved = |stretch: Stretch| Stretch { length: stretch.length / 2, per_sample: 2, ..stretch };
                Reader::Nv21 {
                    luma: Plane::new(filter, (columns, lines)),
                    chroma: Plane::new(filter, (halved(columns), halved(lines))),
                    chroma_from: stored.0 * stored.1,
                }
            }
        };
        let mut destination = Destination::new(pipeline, (width, height), axes.swapped)?;
        match pipeline.source.format {
            PixelFormat::Abgr8888 => {}
            // Bytes B, G, R, A: what is in order for others is reversed for these.
            PixelFormat::Argb8888 => destination.reversed = !destination.reversed,
            PixelFormat::Nv21 => destination.yuv = true,
        }
        Ok(Self {
            arch: Arch::new(),
            bytes: frame_bytes(pipeline.source.format, stored.0, stored.1),
            values: width * height * CHANNELS,
            axes,
            seen: (columns.seen(), lines.seen()),
            reader,
            destination,
            block: Block::new(columns.count, axes.swapped),
        })
    }

    /// How the frame is turned.
    pub fn axes(&self) -> Axes {
        self.axes
    }

    /// Columns and rows of the stored frame that the model sees.
    pub fn seen(&self) -> (Range<usize>, Range<usize>) {
        self.seen.clone()
    }

    /// Values of the model's input.
    pub fn values(&self) -> usize {
        self.values
    }

    /// Converts one frame. Allocates nothing.
    ///
    /// # Panics
    /// When the frame or the tensor has another length than this conversion was made for.
    pub fn convert(&mut self, frame: &[u8], tensor: &mut [f32]) {
        assert_eq!((frame.len(), tensor.len()), (self.bytes, self.values), "bytes of the frame, values of the tensor");
        let Self { arch, reader, destination, block, .. } = self;
        arch.dispatch(Run { reader, destination, block, frame, tensor });
    }
}

/// Filled in by [`Conversion::new`].
const EMPTY: Stretch = Stretch { length: 0, start: 0, size: 0, per_sample: 1, count: 0, mirrored: false };

/// The work on one frame. A type of its own and no closure, because all of it must be inlined into the code for one
/// instruction set, and a closure cannot be told so.
struct Run<'a> {
    reader: &'a mut Reader,
    destination: &'a Destination,
    block: &'a mut Block,
    frame: &'a [u8],
    tensor: &'a mut [f32],
}

impl NullaryFnOnce for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let lines = self.reader.lines();
        for begin in (0..lines).step_by(self.block.lines) {
            let count = self.block.lines.min(lines - begin);
            for line in 0..count {
                self.reader.read(
                    self.frame,
                    begin + line,
                    &mut self.block.pixels[line * self.block.line_step..],
                    self.block.pixel_step,
                );
            }
            self.destination.write(self.tensor, self.block, begin, count);
        }
    }
}

impl Reader {
    /// Lines of the resized frame, as it is stored.
    fn lines(&self) -> usize {
        match self {
            Self::Packed(plane) => plane.lines.count(),
            Self::Nv21 { luma, .. } => luma.lines.count(),
        }
    }

    /// Makes one line: values of 0 to 255 into every `step`th pixel, in the frame's order.
    #[inline(always)]
    fn read(&mut self, frame: &[u8], line: usize, pixels: &mut [Pixel], step: usize) {
        match self {
            Self::Packed(plane) => plane.resize::<0>(frame, line, pixels, step),
            Self::Nv21 { luma, chroma, chroma_from } => {
                let (first, second) = frame.split_at(*chroma_from);
                luma.resize::<0>(first, line, pixels, step);
                chroma.resize::<1>(second, line, pixels, step);
            }
        }
    }
}
