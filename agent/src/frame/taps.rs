//! Resampling along one axis: which samples make each new one, and how much each counts.
//!
//! A sample covers the length from its index to the next one, so its centre lies at index + 0.5, in the old row as in the
//! new one. OpenCV's `INTER_LINEAR` and `INTER_AREA` have the same convention; its plain `INTER_NEAREST` has not (it
//! takes the left corner), `INTER_NEAREST_EXACT` has.

use std::ops::Range;

use benchrack_protocol::pipeline::ResizeFilter;

/// One old sample's share of a new one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    /// Which old sample, counted from the first of [`Taps::span`]; four bytes, so that a tap fills eight.
    pub at: u32,
    /// How much it counts; those of one new sample add up to 1.
    pub weight: f32,
}

/// The taps of every new sample of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Taps {
    /// Taps of each new sample; shorter ones are filled up with weights of 0.
    pub reach: usize,
    /// `reach` for each new sample, in order.
    pub taps: Vec<Tap>,
    /// The old samples that are used.
    pub span: Range<usize>,
}

/// Which stretch of an axis becomes how many new samples.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// Samples of the whole axis.
    pub length: usize,
    /// The stretch's start, in units of a sample over `per_sample`.
    pub start: usize,
    /// Its length in the same unit.
    pub size: usize,
    /// 1 where the stretch is counted in samples, 2 where it is counted in pixels and a sample covers two of them.
    pub per_sample: usize,
    /// New samples.
    pub count: usize,
    /// Whether the axis runs backwards: its first sample is the last of the new order.
    pub mirrored: bool,
}

impl Stretch {
    /// Its part of the whole axis, for stretches counted in samples.
    pub fn seen(&self) -> Range<usize> {
        let start = if self.mirrored { self.length - self.start - self.size } else { self.start };
        start..start + self.size
    }
}

impl Taps {
    /// The taps of a stretch under a filter.
    pub fn new(filter: ResizeFilter, stretch: &Stretch) -> Self {
        let lists: Vec<Vec<(usize, f64)>> = (0..stretch.count)
            .map(|index| match filter {
                ResizeFilter::Nearest => nearest(stretch, index),
                ResizeFilter::Bilinear => bilinear(stretch, index),
                ResizeFilter::Area => area(stretch, index),
            })
            .collect();
        let reach = lists.iter().map(Vec::len).max().unwrap_or(0);
        let place = |at: usize| if stretch.mirrored { stretch.length - 1 - at } else { at };
        let used = || lists.iter().flatten().map(|&(at, _)| place(at));
        let span = used().min().unwrap_or(0)..used().max().map_or(0, |last| last + 1);
        let mut taps = Vec::with_capacity(reach * stretch.count);
        for list in &lists {
            let filled = list.iter().copied().chain(list.last().map(|&(at, _)| (at, 0.0)).into_iter().cycle()).take(reach);
            // Axes are at most 16384 samples long.
            taps.extend(filled.map(|(at, weight)| Tap { at: (place(at) - span.start) as u32, weight: weight as f32 }));
        }
        Self { reach, taps, span }
    }

    /// New samples.
    pub fn count(&self) -> usize {
        self.taps.len() / self.reach.max(1)
    }

    /// Those of one new sample.
    #[inline(always)]
    pub fn of(&self, index: usize) -> &[Tap] {
        &self.taps[index * self.reach..][..self.reach]
    }
}

/// The sample in which the new one's centre lies; on a border, the later of both. In whole numbers, because a rounded
/// division could fall on either side of a border.
fn nearest(stretch: &Stretch, index: usize) -> Vec<(usize, f64)> {
    let at = ((2 * index + 1) * stretch.size + 2 * stretch.count * stretch.start) / (2 * stretch.count * stretch.per_sample);
    vec![(at.min(stretch.length - 1), 1.0)]
}

/// Linear between the two samples whose centres are around the new one's; the outermost value beyond them.
fn bilinear(stretch: &Stretch, index: usize) -> Vec<(usize, f64)> {
    let last = stretch.length - 1;
    let centre = edge(stretch, index as f64 + 0.5) - 0.5;
    let centre = centre.clamp(0.0, last as f64);
    let left = (centre.floor() as usize).min(last.saturating_sub(1));
    let right = (left + 1).min(last);
    let share = centre - left as f64;
    vec![(left, 1.0 - share), (right, share)]
}

/// Every sample that the new one covers, by the length covered.
fn area(stretch: &Stretch, index: usize) -> Vec<(usize, f64)> {
    /// Shares below this come from rounding.
    const NOTHING: f64 = 1e-9;
    let (from, to) = (edge(stretch, index as f64), edge(stretch, index as f64 + 1.0));
    let (first, end) = (from.floor() as usize, (to.ceil() as usize).min(stretch.length));
    let covered = |at: usize| (to.min(at as f64 + 1.0) - from.max(at as f64)) / (to - from);
    let taps: Vec<_> = (first..end).map(|at| (at, covered(at))).filter(|&(_, share)| share > NOTHING).collect();
    let sum: f64 = taps.iter().map(|&(_, share)| share).sum();
    taps.into_iter().map(|(at, share)| (at, share / sum)).collect()
}

/// A place of the new axis on the old one, in samples.
fn edge(stretch: &Stretch, place: f64) -> f64 {
    (place * stretch.size as f64 / stretch.count as f64 + stretch.start as f64) / stretch.per_sample as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(length: usize, count: usize) -> Stretch {
        Stretch { length, start: 0, size: length, per_sample: 1, count, mirrored: false }
    }

    fn resampled(taps: &Taps, old: &[f32]) -> Vec<f32> {
        let old = &old[taps.span.clone()];
        let value = |taps: &[Tap]| taps.iter().map(|tap| old[tap.at as usize] * tap.weight).sum();
        taps.taps.chunks(taps.reach).map(value).collect()
    }

    #[test]
    fn each_filter_gives_the_values_known_by_hand() {
        let old = [10.0, 20.0, 40.0, 80.0];
        let by = |filter, count| resampled(&Taps::new(filter, &whole(4, count)), &old);
        assert_eq!(by(ResizeFilter::Nearest, 2), [20.0, 80.0]);
        assert_eq!(by(ResizeFilter::Nearest, 4), old);
        assert_eq!(by(ResizeFilter::Nearest, 8), [10.0, 10.0, 20.0, 20.0, 40.0, 40.0, 80.0, 80.0]);
        assert_eq!(by(ResizeFilter::Bilinear, 2), [15.0, 60.0]);
        assert_eq!(by(ResizeFilter::Bilinear, 4), old);
        assert_eq!(by(ResizeFilter::Bilinear, 8), [10.0, 12.5, 17.5, 25.0, 35.0, 50.0, 70.0, 80.0]);
        assert_eq!(by(ResizeFilter::Area, 2), [15.0, 60.0]);
        assert_eq!(by(ResizeFilter::Area, 1), [37.5]);
        assert!((by(ResizeFilter::Area, 3)[1] - 30.0).abs() < 1e-5);
        let one = Taps::new(ResizeFilter::Bilinear, &whole(1, 3));
        assert_eq!(resampled(&one, &[7.0]), [7.0, 7.0, 7.0]);
    }

    #[test]
    fn a_mirrored_axis_gives_what_a_mirrored_row_gives() {
        let old: Vec<f32> = (0..23u16).map(|value| f32::from(value * value)).collect();
        let reversed: Vec<f32> = old.iter().rev().copied().collect();
        for filter in [ResizeFilter::Nearest, ResizeFilter::Bilinear, ResizeFilter::Area] {
            for count in [1, 2, 7, 23, 46, 50] {
                let stretch = Stretch { start: 5, size: 17, ..whole(23, count) };
                let (plain, mirrored) = (Taps::new(filter, &stretch), Taps::new(filter, &Stretch { mirrored: true, ..stretch }));
                assert_eq!(resampled(&plain, &old), resampled(&mirrored, &reversed), "{filter:?} {count}");
            }
        }
    }

    #[test]
    fn chroma_that_covers_two_pixels_is_taken_at_the_same_place() {
        // Twelve pixels, six samples; the stretch begins at an odd pixel.
        for count in [1, 3, 4, 9, 18] {
            let pixels = Stretch { length: 12, start: 3, size: 9, per_sample: 1, count, mirrored: false };
            let chroma = Stretch { length: 6, per_sample: 2, ..pixels };
            let (of_pixels, of_chroma) = (Taps::new(ResizeFilter::Nearest, &pixels), Taps::new(ResizeFilter::Nearest, &chroma));
            for (pixel, sample) in of_pixels.taps.iter().zip(&of_chroma.taps) {
                assert_eq!((of_pixels.span.start + pixel.at as usize) / 2, of_chroma.span.start + sample.at as usize);
            }
        }
    }
}
