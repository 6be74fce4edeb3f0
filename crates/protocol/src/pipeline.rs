//! A frame, not only a tensor: what happens between a camera's frame and the answer that an app shows.

use serde::{Deserialize, Serialize};

use crate::units::Nanos;

/// From camera to answer. Where a manifest has one, a session can measure whole frames beside plain inferences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The camera's frame; made from a seed.
    pub source: FrameSource,
    /// How the upright picture is fitted into the model's input.
    pub fit: Fit,
    /// Interpolation of the resize.
    pub filter: ResizeFilter,
    /// Order of the channels that the model wants.
    pub channels: ChannelOrder,
    /// Subtracted from each channel of 0 to 255, in the model's channel order.
    pub mean: [f32; 3],
    /// Divides each channel after that.
    pub std: [f32; 3],
    /// Order of the dimensions that the model wants.
    pub layout: Layout,
    /// What an app does with the outputs.
    pub post: PostProcessing,
}

/// A camera's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FrameSource {
    /// Layout of its bytes.
    pub format: PixelFormat,
    /// Pixels in a row, as the sensor reads them; even for NV21.
    pub width: u32,
    /// Rows; even for NV21.
    pub height: u32,
    /// How the frame must be turned to be upright.
    pub orientation: Orientation,
    /// Seed of its contents.
    pub seed: u64,
}

/// Layout of a frame's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PixelFormat {
    /// A 32-bit word with alpha in its highest byte: on little-endian machines the bytes are R, G, B, A. Android's
    /// `AHARDWAREBUFFER_FORMAT_R8G8B8A8_UNORM`, DRM's `ABGR8888`.
    Abgr8888,
    /// The other channel order: bytes B, G, R, A. DRM's `ARGB8888`.
    Argb8888,
    /// A plane of Y, then a plane of V and U in turn at half the resolution: the camera's default on Android.
    Nv21,
}

/// How a stored picture must be turned to be upright: the eight values of Exif 2.32 tag 0x0112 under their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// 1: as stored.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    MirrorHorizontal,
    /// 3: by 180 degrees.
    Rotate180,
    /// 4: mirrored top to bottom.
    MirrorVertical,
    /// 5: mirrored at the diagonal from top left to bottom right.
    Transpose,
    /// 6: clockwise by 90 degrees: a phone's back camera held upright.
    Rotate90,
    /// 7: mirrored at the diagonal from top right to bottom left.
    Transverse,
    /// 8: clockwise by 270 degrees: a phone's front camera held upright, before mirroring.
    Rotate270,
}

impl Orientation {
    /// All, in the order of Exif's numbers 1 to 8.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::MirrorHorizontal,
        Self::Rotate180,
        Self::MirrorVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }
}

/// How a picture is fitted into another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The whole picture, its sides stretched.
    Stretch,
    /// The largest centred part of the right proportions.
    CentreCrop,
}

/// Interpolation of a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// The nearest pixel.
    Nearest,
    /// Between the four nearest pixels, as `cv::INTER_LINEAR`.
    Bilinear,
    /// The mean over the area that a pixel covers.
    Area,
}

/// Order of colour channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// Order of a picture tensor's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Planes: batch, channel, row, column.
    Nchw,
    /// Pixels: batch, row, column, channel.
    Nhwc,
}

/// What an app does with a model's first output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PostProcessing {
    /// Softmax and the classes with the highest scores.
    TopK {
        /// How many classes.
        k: u32,
    },
    /// The class with the highest score for each pixel, enlarged to the upright frame as a mask of class numbers.
    Segmentation,
    /// Nothing.
    None,
}

/// The parts of one frame's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FrameTime {
    /// From the camera's bytes to the input tensor.
    pub conversion: Nanos,
    /// Inference.
    pub inference: Nanos,
    /// From the output tensor to the answer.
    pub post: Nanos,
    /// The whole frame, by clock readings of its own.
    pub total: Nanos,
}

/// Whole frames, one after another without a pause, in a pass of their own after the blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Frames {
    /// What was run.
    pub pipeline: Pipeline,
    /// Each frame.
    pub times: Vec<FrameTime>,
}
