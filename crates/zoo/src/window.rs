//! The sliding window of convolutions and pools.

use crate::graph::Shape;

/// How a kernel slides over a picture. Pairs are height, width; padding is top, left, bottom, right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between outputs.
    pub stride: [usize; 2],
    /// Rows and columns added around the input.
    pub pad: [usize; 4],
    /// Distance between two kernel elements.
    pub dilation: [usize; 2],
}

impl Window {
    /// A square kernel with stride 1 and no padding.
    pub fn square(kernel: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [1; 2], pad: [0; 4], dilation: [1; 2] }
    }

    /// As TensorFlow pads by its rule `SAME`: the output has the input's size over the stride, rounded up, and what must be
    /// added lies at bottom and right where it is odd.
    pub fn same_as_tensorflow(mut self, input: Shape) -> Self {
        for axis in 0..2 {
            let (size, stride) = (input[axis + 1], self.stride[axis].max(1));
            let reach = self.dilation[axis] * self.kernel[axis].saturating_sub(1) + 1;
            let total = (size.div_ceil(stride).saturating_sub(1) * stride + reach).saturating_sub(size);
            (self.pad[axis], self.pad[axis + 2]) = (total / 2, total - total / 2);
        }
        self
    }

    /// Height and width of the output of a convolution or pool over `input`; none where the kernel does not fit.
    pub fn slide(&self, input: Shape) -> Option<[usize; 2]> {
        let axis = |index: usize| {
            let padded = input[index + 1] + self.pad[index] + self.pad[index + 2];
            let reach = self.dilation[index] * self.kernel[index].checked_sub(1)? + 1;
            Some(padded.checked_sub(reach)?.checked_div(self.stride[index])? + 1)
        };
        Some([axis(0)?, axis(1)?])
    }

    /// Height and width of the output of a transposed convolution (no dilation) over `input`.
    pub fn slide_back(&self, input: Shape, extra: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |index: usize| {
            let full = input[index + 1].checked_sub(1)? * self.stride[index] + self.kernel[index] + extra[index];
            full.checked_sub(self.pad[index] + self.pad[index + 2]).filter(|&size| size > 0)
        };
        Some([axis(0)?, axis(1)?])
    }

    /// Elements of the kernel.
    pub fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}
