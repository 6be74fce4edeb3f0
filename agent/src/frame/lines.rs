//! The inner loops: lines of bytes into lines of red, green and blue. All are compiled once for each instruction set, so
//! they must be inlined into the caller that chooses it.

use std::array;

use super::taps::{Tap, Taps};

/// Bytes of a packed pixel.
pub const PACKED: usize = 4;

/// Lines of bytes within a plane.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a> {
    /// The plane, from the first line's first byte on.
    pub bytes: &'a [u8],
    /// From a line to the next.
    pub stride: usize,
    /// Bytes of a line.
    pub length: usize,
}

impl<'a> Lines<'a> {
    #[inline(always)]
    fn of(self, tap: &Tap) -> &'a [u8] {
        &self.bytes[tap.at as usize * self.stride..][..self.length]
    }

    /// The weighted sum of lines, element by element.
    #[inline(always)]
    pub fn blend(self, sum: &mut [f32], taps: &[Tap]) {
        match taps {
            // Both lines in one pass.
            [first, second] => {
                for ((sum, &one), &other) in sum.iter_mut().zip(self.of(first)).zip(self.of(second)) {
                    *sum = f32::from(one) * first.weight + f32::from(other) * second.weight;
                }
            }
            [first, others @ ..] => {
                for (sum, &value) in sum.iter_mut().zip(self.of(first)) {
                    *sum = f32::from(value) * first.weight;
                }
                for tap in others {
                    for (sum, &value) in sum.iter_mut().zip(self.of(tap)) {
                        *sum += f32::from(value) * tap.weight;
                    }
                }
            }
            [] => sum.fill(0.0),
        }
    }
}

/// Resizes a line: weighted sums of its samples, which have `N` values each.
#[inline(always)]
pub fn gather<const N: usize>(resized: &mut [[f32; N]], line: &[[f32; N]], taps: &Taps) {
    // Known lengths keep the sums in registers.
    match taps.reach {
        1 => {
            for (sample, tap) in resized.iter_mut().zip(&taps.taps) {
                *sample = line[tap.at as usize].map(|value| value * tap.weight);
            }
        }
        2 => {
            for (sample, [one, other]) in resized.iter_mut().zip(taps.taps.as_chunks().0) {
                let (left, right) = (&line[one.at as usize], &line[other.at as usize]);
                *sample = array::from_fn(|place| left[place] * one.weight + right[place] * other.weight);
            }
        }
        reach => {
            for (sample, taps) in resized.iter_mut().zip(taps.taps.chunks_exact(reach.max(1))) {
                let mut sum = [0.0; N];
                for tap in taps {
                    let values = &line[tap.at as usize];
                    sum = array::from_fn(|place| sum[place] + values[place] * tap.weight);
                }
                *sample = sum;
            }
        }
    }
}

/// Y'CbCr of ITU-R BT.601 in full range to RGB, by ITU-T T.871 (JFIF), section 7: the inverse with its four decimals.
/// Colours that RGB has not are cut to 0 and 255.
#[inline(always)]
pub fn rgb(y: f32, v: f32, u: f32) -> [f32; 3] {
    let (cr, cb) = (v - 128.0, u - 128.0);
    [y + 1.402 * cr, y - 0.344_14 * cb - 0.714_14 * cr, y + 1.772 * cb].map(|value| value.clamp(0.0, 255.0))
}
