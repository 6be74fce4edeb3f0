//! ENet, arXiv:1606.02147 table 1: segmentation for phones, with dilated, asymmetric and transposed convolutions, PReLU, and
//! unpooling by the places of the maxima.

use crate::graph::{Activation, Conv, Graph, GraphError, Net, NodeId};

/// What is done between the two 1x1 convolutions of a bottleneck.
#[derive(Clone, Copy)]
enum Middle {
    Regular,
    Dilated(usize),
    Asymmetric,
}

/// Bottlenecks 2.1 to 2.8 of the table; 3.1 to 3.8 are the same.
const SECTION: [Middle; 8] = [
    Middle::Regular,
    Middle::Dilated(2),
    Middle::Asymmetric,
    Middle::Dilated(4),
    Middle::Regular,
    Middle::Dilated(8),
    Middle::Asymmetric,
    Middle::Dilated(16),
];

/// ENet over `height` x `width` pictures; both must be multiples of eight. The answer has one plane for each class, as large as
/// the picture.
///
/// # Errors
/// A size that cannot be halved three times and come back.
pub fn enet(height: usize, width: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, height, width]);
    let mut x = initial(&mut net, input);
    let (down1, pool1) = downsample(&mut net, "bottleneck1.0", x, 64);
    x = down1;
    for number in 1..=4 {
        x = bottleneck(&mut net, &format!("bottleneck1.{number}"), x, Middle::Regular, Activation::PRelu);
    }
    let (down2, pool2) = downsample(&mut net, "bottleneck2.0", x, 128);
    x = down2;
    for section in 2..=3 {
        for (number, middle) in SECTION.into_iter().enumerate() {
            x = bottleneck(&mut net, &format!("bottleneck{section}.{}", number + 1), x, middle, Activation::PRelu);
        }
    }
    x = upsample(&mut net, "bottleneck4.0", x, 64, pool2);
    for number in 1..=2 {
        x = bottleneck(&mut net, &format!("bottleneck4.{number}"), x, Middle::Regular, Activation::Relu);
    }
    x = upsample(&mut net, "bottleneck5.0", x, 16, pool1);
    x = bottleneck(&mut net, "bottleneck5.1", x, Middle::Regular, Activation::Relu);
    x = net.transposed_conv("fullconv", x, Conv::same(classes, 3).stride(2), 1);
    net.finish(x)
}

/// Figure 2a: a convolution and a pool side by side. The normalisation of both is written as one on each, which is the same.
fn initial(net: &mut Net, input: NodeId) -> NodeId {
    let worked = net.conv_bn("initial", input, Conv::same(13, 3).stride(2));
    let pooled = net.max_pool("initial/pool", input, 2, 2, 0);
    let pooled = net.batch_norm("initial/pool/bn", pooled);
    let joined = net.concat("initial/concat", &[worked, pooled]);
    net.activation("initial/act", joined, Activation::PRelu)
}

/// Figure 2b: 1x1 to a quarter of the channels, something in the middle, 1x1 back, and the input added.
fn bottleneck(net: &mut Net, name: &str, input: NodeId, middle: Middle, act: Activation) -> NodeId {
    let channels = net.channels(input);
    let inner = channels / 4;
    let mut x = net.conv_bn_act(&format!("{name}/reduce"), input, Conv::same(inner, 1), act);
    x = match middle {
        Middle::Regular => net.conv_bn_act(&format!("{name}/conv"), x, Conv::same(inner, 3), act),
        Middle::Dilated(by) => net.conv_bn_act(&format!("{name}/conv"), x, Conv::same(inner, 3).dilate(by), act),
        Middle::Asymmetric => {
            let tall = net.conv_bn_act(&format!("{name}/5x1"), x, Conv::asymmetric(inner, 5, 1), act);
            net.conv_bn_act(&format!("{name}/1x5"), tall, Conv::asymmetric(inner, 1, 5), act)
        }
    };
    x = net.conv_bn_act(&format!("{name}/expand"), x, Conv::same(channels, 1), act);
    joined(net, name, x, input, act)
}

/// Halves the picture; the shortcut is a pool and channels of zeros. Also gives the pool, for the way back.
fn downsample(net: &mut Net, name: &str, input: NodeId, channels: usize) -> (NodeId, NodeId) {
    let (act, inner) = (Activation::PRelu, net.channels(input) / 4);
    let mut x = net.conv_bn_act(&format!("{name}/reduce"), input, Conv::new(inner, 2).stride(2).no_bias(), act);
    x = net.conv_bn_act(&format!("{name}/conv"), x, Conv::same(inner, 3), act);
    x = net.conv_bn_act(&format!("{name}/expand"), x, Conv::same(channels, 1), act);
    let pool = net.max_pool(format!("{name}/pool"), input, 2, 2, 0);
    let shortcut = net.pad_channels(format!("{name}/zeros"), pool, channels);
    (joined(net, name, x, shortcut, act), pool)
}

/// Doubles the picture; the shortcut puts its values where the pool on the way down had found its maxima.
fn upsample(net: &mut Net, name: &str, input: NodeId, channels: usize, pool: NodeId) -> NodeId {
    let (act, inner) = (Activation::Relu, net.channels(input) / 4);
    let mut x = net.conv_bn_act(&format!("{name}/reduce"), input, Conv::same(inner, 1), act);
    x = net.transposed_conv(format!("{name}/conv/conv"), x, Conv::same(inner, 3).stride(2), 1);
    x = net.batch_norm(format!("{name}/conv/bn"), x);
    x = net.activation(format!("{name}/conv/act"), x, act);
    x = net.conv_bn_act(&format!("{name}/expand"), x, Conv::same(channels, 1), act);
    let shortcut = net.conv_bn(&format!("{name}/shortcut"), input, Conv::same(channels, 1));
    let shortcut = net.unpool(format!("{name}/unpool"), shortcut, pool);
    joined(net, name, x, shortcut, act)
}

fn joined(net: &mut Net, name: &str, worked: NodeId, shortcut: NodeId, act: Activation) -> NodeId {
    let sum = net.add(format!("{name}/add"), worked, shortcut);
    net.activation(format!("{name}/act"), sum, act)
}
