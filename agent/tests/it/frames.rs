//! Frames against an independent, slow reference, and against pictures that never change.

mod reference;

use std::fmt::Write as _;
use std::path::Path;

use benchrack_agent::frame::post::{Answer, NO_CLASS};
use benchrack_agent::frame::{Conversion, Post, source};
use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use proptest::prelude::*;

const FORMATS: [PixelFormat; 3] = [PixelFormat::Abgr8888, PixelFormat::Argb8888, PixelFormat::Nv21];

fn plain(format: PixelFormat, (width, height): (u32, u32), orientation: Orientation) -> Pipeline {
    Pipeline {
        source: FrameSource { format, width, height, orientation, seed: 11 },
        fit: Fit::CentreCrop,
        filter: ResizeFilter::Nearest,
        channels: ChannelOrder::Rgb,
        mean: [0.0; 3],
        std: [1.0; 3],
        layout: Layout::Nhwc,
        post: PostProcessing::None,
    }
}

/// What the code under test makes of the pipeline's own frame.
fn converted(pipeline: &Pipeline, size: (usize, usize)) -> Vec<f32> {
    convert(pipeline, &source::frame(&pipeline.source).unwrap(), size)
}

fn convert(pipeline: &Pipeline, frame: &[u8], size: (usize, usize)) -> Vec<f32> {
    let mut conversion = Conversion::new(pipeline, size).unwrap();
    let mut tensor = vec![f32::NAN; conversion.values()];
    conversion.convert(frame, &mut tensor);
    tensor
}

/// Rows of pixels, three bytes each in the model's order.
fn picture(values: &[u8], width: usize) -> String {
    let mut text = String::new();
    for row in values.chunks(width * 3) {
        let pixels: Vec<String> = row.chunks(3).map(|pixel| pixel.iter().map(|value| format!("{value:02x}")).collect()).collect();
        writeln!(text, "{}", pixels.join(" ")).unwrap();
    }
    text
}

const SMALL: (usize, usize) = (5, 4);

fn golden_pipelines() -> impl Iterator<Item = (String, Pipeline)> {
    let filters = [ResizeFilter::Nearest, ResizeFilter::Bilinear];
    let all = FORMATS.into_iter().flat_map(|format| Orientation::ALL.map(|orientation| (format, orientation)));
    let all = all.flat_map(move |kind| [ChannelOrder::Rgb, ChannelOrder::Bgr].map(|channels| (kind, channels)));
    all.flat_map(move |kind| filters.map(|filter| (kind, filter))).map(|(((format, orientation), channels), filter)| {
        let pipeline = Pipeline { channels, filter, ..plain(format, (14, 10), orientation) };
        (format!("{format:?} {orientation:?} {channels:?} {filter:?}").to_lowercase(), pipeline)
    })
}

#[test]
fn every_orientation_format_and_channel_order_gives_the_golden_picture() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/frames.txt");
    let mut text = String::new();
    let mut all = Vec::new();
    for (title, pipeline) in golden_pipelines() {
        let frame = source::frame(&pipeline.source).unwrap();
        let bytes = |values: Vec<f64>| -> Vec<u8> { values.into_iter().map(|value| value.round() as u8).collect() };
        let expected = bytes(reference::tensor(&pipeline, &frame, SMALL));
        write!(text, "{title}\n{}\n", picture(&expected, SMALL.0)).unwrap();
        all.push((title, pipeline, expected));
    }
    if std::env::var_os("BENCHRACK_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "the reference or the source of frames has changed");
    for (title, pipeline, expected) in all {
        let got: Vec<u8> = converted(&pipeline, SMALL).into_iter().map(|value| value.round() as u8).collect();
        if pipeline.filter == ResizeFilter::Nearest {
            assert_eq!(picture(&got, SMALL.0), picture(&expected, SMALL.0), "{title}");
        } else {
            let farthest = got.iter().zip(&expected).map(|(got, expected)| got.abs_diff(*expected)).max();
            assert!(farthest <= Some(1), "{title}: {} instead of {}", picture(&got, SMALL.0), picture(&expected, SMALL.0));
        }
    }
}

#[test]
fn a_nearest_pixel_of_nv21_is_that_of_the_whole_frame_in_rgb() {
    for orientation in Orientation::ALL {
        let pipeline = plain(PixelFormat::Nv21, (30, 22), orientation);
        let whole = Pipeline {
            fit: Fit::Stretch,
            source: FrameSource { orientation: Orientation::Upright, ..pipeline.source },
            ..pipeline
        };
        let frame = source::frame(&pipeline.source).unwrap();
        let rgb = convert(&whole, &frame, (30, 22));
        let bytes: Vec<u8> =
            rgb.chunks(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255.0]).map(|value| value.round() as u8).collect();
        let packed = Pipeline { source: FrameSource { format: PixelFormat::Abgr8888, ..pipeline.source }, ..pipeline };
        for size in [(7, 5), (9, 13), (40, 40)] {
            let (one, other) = (convert(&pipeline, &frame, size), convert(&packed, &bytes, size));
            assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() <= 0.5), "{orientation:?} {size:?}");
        }
    }
}

fn inverse(orientation: Orientation) -> Orientation {
    match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        own => own,
    }
}

fn pipelines() -> impl Strategy<Value = (Pipeline, (usize, usize))> {
    let filters = prop::sample::select(vec![ResizeFilter::Nearest, ResizeFilter::Bilinear, ResizeFilter::Area]);
    let choices = (
        prop::sample::select(FORMATS.to_vec()),
        prop::sample::select(Orientation::ALL.to_vec()),
        filters,
        prop::sample::select(vec![Fit::Stretch, Fit::CentreCrop]),
        prop::sample::select(vec![ChannelOrder::Rgb, ChannelOrder::Bgr]),
        prop::sample::select(vec![Layout::Nchw, Layout::Nhwc]),
    );
    let sides = ((1u32..20, 1u32..20), (1usize..40, 1usize..40), any::<u64>());
    (choices, sides).prop_map(|((format, orientation, filter, fit, channels, layout), ((width, height), size, seed))| {
        let (width, height) = if format == PixelFormat::Nv21 { (width * 2, height * 2) } else { (width, height) };
        let source = FrameSource { format, width, height, orientation, seed };
        let (mean, std) = ([120.0, 110.0, 100.0], [60.0, 50.0, 40.0]);
        (Pipeline { source, fit, filter, channels, mean, std, layout, post: PostProcessing::None }, size)
    })
}

proptest! {
    #[test]
    fn every_pipeline_gives_what_the_reference_gives((pipeline, size) in pipelines()) {
        let frame = source::frame(&pipeline.source).unwrap();
        let expected = reference::tensor(&pipeline, &frame, size);
        let got = convert(&pipeline, &frame, size);
        for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "value {} is {} instead of {}", place, got, expected);
        }
    }

    #[test]
    fn an_orientation_and_its_inverse_change_nothing(
        (width, height) in (1u32..30, 1u32..30), orientation in prop::sample::select(Orientation::ALL.to_vec()),
    ) {
        let pipeline = Pipeline { fit: Fit::Stretch, ..plain(PixelFormat::Abgr8888, (width, height), orientation) };
        let frame = source::frame(&pipeline.source).unwrap();
        let (across, down) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
        let bytes = |tensor: Vec<f32>| -> Vec<u8> {
            tensor.chunks(3).flat_map(|pixel| [pixel[0] as u8, pixel[1] as u8, pixel[2] as u8, 255]).collect()
        };
        let upright = bytes(convert(&pipeline, &frame, (across as usize, down as usize)));
        let back = FrameSource { width: across, height: down, orientation: inverse(orientation), ..pipeline.source };
        let again = bytes(convert(&Pipeline { source: back, ..pipeline }, &upright, (width as usize, height as usize)));
        prop_assert_eq!(again, frame);
    }

    #[test]
    fn frames_of_one_picture_look_alike_however_the_phone_is_held(
        orientation in prop::sample::select(Orientation::ALL.to_vec()), format in prop::sample::select(FORMATS.to_vec()),
        filter in prop::sample::select(vec![ResizeFilter::Nearest, ResizeFilter::Bilinear, ResizeFilter::Area]),
    ) {
        let upright = Pipeline { filter, ..plain(format, (22, 34), Orientation::Upright) };
        let (width, height) = if orientation.swaps_sides() { (34, 22) } else { (22, 34) };
        let held = Pipeline { filter, ..plain(format, (width, height), orientation) };
        let (one, other) = (converted(&upright, (9, 9)), converted(&held, (9, 9)));
        prop_assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-3));
    }
}

#[test]
fn a_mask_has_the_upright_frames_sides_and_no_class_where_the_model_saw_nothing() {
    let pipeline = Pipeline { post: PostProcessing::Segmentation, ..plain(PixelFormat::Nv21, (12, 6), Orientation::Rotate90) };
    for layout in [Layout::Nchw, Layout::Nhwc] {
        let pipeline = Pipeline { layout, ..pipeline.clone() };
        // The model sees the middle 6 x 6 of 6 x 12 pixels, and says a class for 3 x 2.
        let classes = [[2, 0, 1], [1, 1, 2]];
        let score = |class: usize, row: usize, column: usize| if classes[row][column] == class { 3.0 } else { -1.0 };
        let (shape, scores): (Vec<usize>, Vec<f32>) = match layout {
            Layout::Nchw => (vec![1, 3, 2, 3], (0..18).map(|place| score(place / 6, place / 3 % 2, place % 3)).collect()),
            Layout::Nhwc => (vec![1, 2, 3, 3], (0..18).map(|place| score(place % 3, place / 9, place / 3 % 3)).collect()),
        };
        let output = TensorSpec { name: "y".into(), element: ElementType::F32, shape };
        let mut post = Post::new(&pipeline, &[output], (6, 6)).unwrap();
        let Answer::Mask(mask) = post.answer(&scores).unwrap() else { panic!("a mask was asked for") };
        assert_eq!((mask.width, mask.height), (6, 12));
        let nothing = [NO_CLASS; 6];
        for row in 0..12 {
            let expected = match row {
                3..6 => [2, 2, 0, 0, 1, 1],
                6..9 => [1, 1, 1, 1, 2, 2],
                _ => nothing,
            };
            assert_eq!(&mask.classes[row * 6..][..6], expected, "{layout:?} row {row}");
        }
        assert!(post.answer(&[f32::NAN; 18]).is_err());
    }
}

#[test]
fn pipelines_that_make_no_sense_are_refused_by_the_field() {
    let good = plain(PixelFormat::Abgr8888, (8, 8), Orientation::Upright);
    let refused = |pipeline: Pipeline| match Conversion::new(&pipeline, (4, 4)) {
        Ok(_) => panic!("{pipeline:?} was taken"),
        Err(error) => error.to_string(),
    };
    assert!(refused(Pipeline { std: [1.0, 0.0, 1.0], ..good }).contains("std[1] cannot be 0"));
    assert!(refused(Pipeline { mean: [1.0, 0.0, f32::NAN], ..good }).contains("mean[2] cannot be NaN"));
    assert!(refused(Pipeline { source: FrameSource { width: 0, ..good.source }, ..good }).contains("source of 0 x 8"));
    let odd = FrameSource { width: 7, format: PixelFormat::Nv21, ..good.source };
    assert!(refused(Pipeline { source: odd, ..good }).contains("nv21 needs even sides, not 7 x 8"));
    let post = Pipeline { post: PostProcessing::TopK { k: 5 }, ..good };
    let output = TensorSpec { name: "y".into(), element: ElementType::F32, shape: vec![1, 4] };
    let error = Post::new(&post, &[output], (4, 4)).err().unwrap().to_string();
    assert!(error.contains("at least 5 classes") && error.contains("y: f32 1 x 4"), "{error}");
}
