//! The same conversion, slow and straightforward: planes of f64, turned by mirroring and transposing, each pixel by the
//! formula of its filter in two dimensions. It shares no code with what it checks.

use benchrack_protocol::pipeline::{ChannelOrder, Fit, Layout, Orientation, Pipeline, PixelFormat, ResizeFilter};

/// One channel of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f64>,
}

impl Plane {
    pub fn of(width: usize, height: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        Self { width, height, values }
    }

    pub fn at(&self, x: usize, y: usize) -> f64 {
        self.values[y * self.width + x]
    }

    fn left_to_right(&self) -> Self {
        Self::of(self.width, self.height, |x, y| self.at(self.width - 1 - x, y))
    }

    fn top_to_bottom(&self) -> Self {
        Self::of(self.width, self.height, |x, y| self.at(x, self.height - 1 - y))
    }

    fn transposed(&self) -> Self {
        Self::of(self.height, self.width, |x, y| self.at(y, x))
    }

    fn clockwise(&self) -> Self {
        self.transposed().left_to_right()
    }

    /// Makes a stored plane upright.
    pub fn turned(&self, orientation: Orientation) -> Self {
        match orientation {
            Orientation::Upright => self.clone(),
            Orientation::MirrorHorizontal => self.left_to_right(),
            Orientation::Rotate180 => self.clockwise().clockwise(),
            Orientation::MirrorVertical => self.top_to_bottom(),
            Orientation::Transpose => self.transposed(),
            Orientation::Rotate90 => self.clockwise(),
            Orientation::Transverse => self.clockwise().clockwise().transposed(),
            Orientation::Rotate270 => self.clockwise().clockwise().clockwise(),
        }
    }

    /// The value at a place in samples, beyond the border the border's.
    fn clamped(&self, x: f64, y: f64) -> f64 {
        let inside = |place: f64, length: usize| place.clamp(0.0, (length - 1) as f64) as usize;
        self.at(inside(x, self.width), inside(y, self.height))
    }

    /// One value for the rectangle from (x0, y0) to (x1, y1), in samples.
    fn sampled(&self, filter: ResizeFilter, (x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> f64 {
        let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
        match filter {
            // What lies on a border belongs to the later pixel; f64 may be a little below it.
            ResizeFilter::Nearest => self.clamped((x + 1e-9).floor(), (y + 1e-9).floor()),
            ResizeFilter::Bilinear => {
                let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
                let (right, down) = (x - 0.5 - left, y - 0.5 - top);
                self.clamped(left, top) * (1.0 - right) * (1.0 - down)
                    + self.clamped(left + 1.0, top) * right * (1.0 - down)
                    + self.clamped(left, top + 1.0) * (1.0 - right) * down
                    + self.clamped(left + 1.0, top + 1.0) * right * down
            }
            ResizeFilter::Area => {
                let (mut sum, mut area) = (0.0, 0.0);
                for row in 0..self.height {
                    for column in 0..self.width {
                        let across = (x1.min(column as f64 + 1.0) - x0.max(column as f64)).max(0.0);
                        let down = (y1.min(row as f64 + 1.0) - y0.max(row as f64)).max(0.0);
                        sum += self.at(column, row) * across * down;
                        area += across * down;
                    }
                }
                sum / area
            }
        }
    }
}

/// The planes of a stored frame: red, green, blue; or Y, V, U, the last two at half the size.
fn planes(format: PixelFormat, frame: &[u8], width: usize, height: usize) -> [Plane; 3] {
    let byte = |place: usize| f64::from(frame[place]);
    let packed = |channel: usize| Plane::of(width, height, |x, y| byte((y * width + x) * 4 + channel));
    match format {
        PixelFormat::Abgr8888 => [packed(0), packed(1), packed(2)],
        PixelFormat::Argb8888 => [packed(2), packed(1), packed(0)],
        PixelFormat::Nv21 => {
            let chroma =
                |second: usize| Plane::of(width / 2, height / 2, |x, y| byte(width * height + y * width + x * 2 + second));
            [Plane::of(width, height, |x, y| byte(y * width + x)), chroma(0), chroma(1)]
        }
    }
}

/// ITU-T T.871, section 7.
fn rgb([y, v, u]: [f64; 3]) -> [f64; 3] {
    [y + 1.402 * (v - 128.0), y - 0.34414 * (u - 128.0) - 0.71414 * (v - 128.0), y + 1.772 * (u - 128.0)]
        .map(|value| value.clamp(0.0, 255.0))
}

/// The model's input before normalisation: red, green, blue of each pixel, 0 to 255.
pub fn resized(pipeline: &Pipeline, frame: &[u8], (width, height): (usize, usize)) -> Vec<[f64; 3]> {
    let source = &pipeline.source;
    let stored = planes(source.format, frame, source.width as usize, source.height as usize);
    let upright = stored.map(|plane| plane.turned(source.orientation));
    let (whole_width, whole_height) = (upright[0].width, upright[0].height);
    let (mut part_width, mut part_height) = (whole_width, whole_height);
    if pipeline.fit == Fit::CentreCrop {
        let wanted = width as f64 / height as f64;
        if whole_width as f64 > whole_height as f64 * wanted {
            part_width = ((whole_height as f64 * wanted).round() as usize).max(1);
        } else {
            part_height = ((whole_width as f64 / wanted).round() as usize).max(1);
        }
    }
    let (left, top) = (((whole_width - part_width) / 2) as f64, ((whole_height - part_height) / 2) as f64);
    let (across, down) = (part_width as f64 / width as f64, part_height as f64 / height as f64);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let values = [0, 1, 2].map(|channel| {
                let plane = &upright[channel];
                let share = plane.width as f64 / whole_width as f64;
                let place = |x: usize, y: usize| ((left + x as f64 * across) * share, (top + y as f64 * down) * share);
                plane.sampled(pipeline.filter, place(x, y), place(x + 1, y + 1))
            });
            pixels.push(if source.format == PixelFormat::Nv21 { rgb(values) } else { values });
        }
    }
    pixels
}

/// The model's input.
pub fn tensor(pipeline: &Pipeline, frame: &[u8], size: (usize, usize)) -> Vec<f64> {
    let pixels = resized(pipeline, frame, size);
    let mut tensor = vec![0.0; pixels.len() * 3];
    for (place, pixel) in pixels.iter().enumerate() {
        for channel in 0..3 {
            let value = match pipeline.channels {
                ChannelOrder::Rgb => pixel[channel],
                ChannelOrder::Bgr => pixel[2 - channel],
            };
            let at = match pipeline.layout {
                Layout::Nchw => channel * pixels.len() + place,
                Layout::Nhwc => place * 3 + channel,
            };
            tensor[at] = (value - f64::from(pipeline.mean[channel])) / f64::from(pipeline.std[channel]);
        }
    }
    tensor
}
