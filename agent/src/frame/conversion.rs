//! From a camera's bytes to a model's input: crop, resize, turn, colour, normalise, lay out.
//!
//! The order does as little work as possible. Only the part that the model sees is read. It is resized as it is stored,
//! first between lines, then within each line, and only the resized pixels are turned into another colour space; mirrored
//! axes cost nothing, because they are read backwards, and swapped ones are swapped when the pixels are written into the
//! tensor, with normalisation, channel order and layout in the same pass. Values stay f32 from the blend on: nothing is
//! rounded to 8 bits on the way.
//!
//! NV21's planes are resized before they become RGB, each at its own resolution, so bilinear interpolation is that of a
//! GPU which samples a camera's texture: chroma lies in the middle of its two by two pixels and is interpolated as well.
//! With the nearest pixel and with the mean this is exactly what converting every pixel first would give (but for colours
//! beyond RGB).

use std::ops::Range;

use benchrack_protocol::pipeline::{Pipeline, PixelFormat, ResizeFilter};
use pulp::{Arch, NullaryFnOnce};

use super::destination::{Block, Destination, LINES};
use super::geometry::{Axes, Part};
use super::lines::{Lines, PACKED, gather, rgb};
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

/// How a frame's bytes become lines of red, green and blue.
enum Reader {
    Packed {
        plane: Plane<PACKED>,
        /// Bytes R, G, B, A; otherwise B, G, R, A.
        red_first: bool,
    },
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
    /// The same, resized.
    resized: Vec<[f32; N]>,
}

impl<const N: usize> Plane<N> {
    fn new(filter: ResizeFilter, (columns, lines): (Stretch, Stretch)) -> Self {
        let stride = columns.length * N;
        let resized = vec![[0.0; N]; columns.count];
        let (columns, lines) = (Taps::new(filter, &columns), Taps::new(filter, &lines));
        Self { stride, blended: vec![[0.0; N]; columns.span.len()], resized, lines, columns }
    }

    /// One line of the resized plane.
    #[inline(always)]
    fn resize(&mut self, bytes: &[u8], line: usize) -> &[[f32; N]] {
        let span = &self.columns.span;
        let first = self.lines.span.start * self.stride + span.start * N;
        let lines = Lines { bytes: &bytes[first..], stride: self.stride, length: span.len() * N };
        lines.blend(self.blended.as_flattened_mut(), self.lines.of(line));
        gather(&mut self.resized, &self.blended, &self.columns);
        &self.resized
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
            PixelFormat::Abgr8888 => Reader::Packed { plane: Plane::new(filter, (columns, lines)), red_first: true },
            PixelFormat::Argb8888 => Reader::Packed { plane: Plane::new(filter, (columns, lines)), red_first: false },
            PixelFormat::Nv21 => {
                let halved = |stretch: Stretch| Stretch { length: stretch.length / 2, per_sample: 2, ..stretch };
                Reader::Nv21 {
                    luma: Plane::new(filter, (columns, lines)),
                    chroma: Plane::new(filter, (halved(columns), halved(lines))),
                    chroma_from: stored.0 * stored.1,
                }
            }
        };
        Ok(Self {
            arch: Arch::new(),
            bytes: frame_bytes(pipeline.source.format, stored.0, stored.1),
            values: width * height * 3,
            axes,
            seen: (columns.seen(), lines.seen()),
            reader,
            destination: Destination::new(pipeline, (width, height), axes.swapped)?,
            block: Block::new(columns.count),
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

    /// Bytes of a frame.
    pub fn frame_bytes(&self) -> usize {
        self.bytes
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
        for begin in (0..lines).step_by(LINES) {
            let count = LINES.min(lines - begin);
            for line in 0..count {
                self.reader.read(self.frame, begin + line, self.block.line(line));
            }
            self.destination.write(self.tensor, self.block, begin, count);
        }
    }
}

impl Reader {
    /// Lines of the resized frame, as it is stored.
    fn lines(&self) -> usize {
        match self {
            Self::Packed { plane, .. } => plane.lines.count(),
            Self::Nv21 { luma, .. } => luma.lines.count(),
        }
    }

    /// Makes one line: red, green and blue, 0 to 255.
    #[inline(always)]
    fn read(&mut self, frame: &[u8], line: usize, [reds, greens, blues]: [&mut [f32]; 3]) {
        match self {
            Self::Packed { plane, red_first } => {
                let (first, third) = if *red_first { (reds, blues) } else { (blues, reds) };
                let pixels = plane.resize(frame, line).iter();
                for (((&[one, two, three, _], first), green), third) in pixels.zip(first).zip(greens).zip(third) {
                    (*first, *green, *third) = (one, two, three);
                }
            }
            Self::Nv21 { luma, chroma, chroma_from } => {
                let (first, second) = frame.split_at(*chroma_from);
                let pixels = luma.resize(first, line).iter().zip(chroma.resize(second, line));
                for (((&[y], &[v, u]), red), (green, blue)) in pixels.zip(reds).zip(greens.iter_mut().zip(blues)) {
                    [*red, *green, *blue] = rgb(y, v, u);
                }
            }
        }
    }
}
