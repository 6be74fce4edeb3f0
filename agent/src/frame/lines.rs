//! The inner loops: lines of bytes into lines of resized pixels, and their colours. All are compiled once for each instruction set, so
//! they must be inlined into the caller that chooses it.

use super::destination::Pixel;
use super::taps::{Tap, Taps};

/// Channels of a picture.
pub const CHANNELS: usize = 3;

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

/// Resizes a line: weighted sums of its samples, which have `N` values each. They become the values from `FROM` on of
/// every `step`th pixel.
#[inline(always)]
pub fn gather<const N: usize, const FROM: usize>(pixels: &mut [Pixel], step: usize, line: &[[f32; N]], taps: &Taps) {
    let targets = pixels.chunks_mut(step);
    // Known lengths keep the sums in registers, and one assignment of a whole array is one of a vector.
    match taps.reach {
        1 => {
            for (target, tap) in targets.zip(&taps.taps) {
                let (value, mut sum) = (line[tap.at as usize], [0.0; N]);
                for place in 0..N {
                    sum[place] = value[place] * tap.weight;
                }
                put::<N, FROM>(target, sum);
            }
        }
        2 => {
            for (target, [one, other]) in targets.zip(taps.taps.as_chunks().0) {
                let (left, right, mut sum) = (line[one.at as usize], line[other.at as usize], [0.0; N]);
                for place in 0..N {
                    sum[place] = left[place] * one.weight + right[place] * other.weight;
                }
                put::<N, FROM>(target, sum);
            }
        }
        reach => {
            for (target, taps) in targets.zip(taps.taps.chunks_exact(reach.max(1))) {
                let mut sum = [0.0; N];
                for tap in taps {
                    let value = line[tap.at as usize];
                    for place in 0..N {
                        sum[place] += value[place] * tap.weight;
                    }
                }
                put::<N, FROM>(target, sum);
            }
        }
    }
}

#[inline(always)]
fn put<const N: usize, const FROM: usize>(target: &mut [Pixel], values: [f32; N]) {
    target[0][FROM..FROM + N].copy_from_slice(&values);
}

/// Y'CbCr of ITU-R BT.601 in full range to RGB, by ITU-T T.871 (JFIF), section 7: the inverse with its four decimals.
/// Colours that RGB has not are cut to 0 and 255.
#[inline(always)]
pub fn rgb(y: f32, v: f32, u: f32) -> [f32; 3] {
    let (cr, cb) = (v - 128.0, u - 128.0);
    let (red, green, blue) = (y + 1.402 * cr, y - 0.344_14 * cb - 0.714_14 * cr, y + 1.772 * cb);
    [red.clamp(0.0, 255.0), green.clamp(0.0, 255.0), blue.clamp(0.0, 255.0)]
}
