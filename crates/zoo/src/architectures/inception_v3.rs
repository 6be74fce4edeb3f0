//! Inception v3, arXiv:1512.00567 table 1, without the auxiliary classifier, which only training uses.

use crate::graph::{Activation::Relu, Conv, Graph, GraphError, Net, NodeId};
use crate::window::Window;

/// Inception v3.
///
/// # Errors
/// A resolution below 75.
pub fn inception_v3(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, mut x) = Net::new([3, resolution, resolution]);
    let stem = [valid(32, 3).stride(2), valid(32, 3), Conv::same(64, 3)];
    for (index, conv) in stem.into_iter().enumerate() {
        x = net.conv_bn_act(&format!("stem{}", index + 1), x, conv, Relu);
    }
    x = net.max_pool("pool1", x, 3, 2, 0);
    x = net.conv_bn_act("stem4", x, valid(80, 1), Relu);
    x = net.conv_bn_act("stem5", x, valid(192, 3), Relu);
    x = net.max_pool("pool2", x, 3, 2, 0);
    for (number, pooled) in [32, 64, 64].into_iter().enumerate() {
        x = figure_5(&mut net, &format!("mixed5{}", number + 1), x, pooled);
    }
    x = reduction_a(&mut net, "mixed6_0", x);
    for (number, inner) in [128, 160, 160, 192].into_iter().enumerate() {
        x = figure_6(&mut net, &format!("mixed6_{}", number + 1), x, inner);
    }
    x = reduction_b(&mut net, "mixed7_0", x);
    for number in 1..=2 {
        x = figure_7(&mut net, &format!("mixed7_{number}"), x);
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

fn valid(outputs: usize, kernel: usize) -> Conv {
    Conv::new(outputs, kernel).no_bias()
}

/// One path of convolutions, each with normalisation and non-linearity.
fn path(net: &mut Net, name: &str, input: NodeId, convs: &[Conv]) -> NodeId {
    let mut x = input;
    for (index, conv) in convs.iter().enumerate() {
        x = net.conv_bn_act(&format!("{name}/{}", index + 1), x, *conv, Relu);
    }
    x
}

fn pooled(net: &mut Net, name: &str, input: NodeId, channels: usize) -> NodeId {
    let x = net.average_pool(format!("{name}/pool"), input, Window { pad: [1; 4], ..Window::square(3) }, true);
    path(net, &format!("{name}/pooled"), x, &[valid(channels, 1)])
}

/// 5x5 as two 3x3.
fn figure_5(net: &mut Net, name: &str, input: NodeId, channels: usize) -> NodeId {
    let parts = [
        path(net, &format!("{name}/a"), input, &[valid(64, 1)]),
        path(net, &format!("{name}/b"), input, &[valid(48, 1), Conv::same(64, 5)]),
        path(net, &format!("{name}/c"), input, &[valid(64, 1), Conv::same(96, 3), Conv::same(96, 3)]),
        pooled(net, name, input, channels),
    ];
    net.concat(format!("{name}/concat"), &parts)
}

fn reduction_a(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let parts = [
        path(net, &format!("{name}/a"), input, &[valid(384, 3).stride(2)]),
        path(net, &format!("{name}/b"), input, &[valid(64, 1), Conv::same(96, 3), valid(96, 3).stride(2)]),
        net.max_pool(format!("{name}/pool"), input, 3, 2, 0),
    ];
    net.concat(format!("{name}/concat"), &parts)
}

/// 7x7 as 1x7 and 7x1.
fn figure_6(net: &mut Net, name: &str, input: NodeId, inner: usize) -> NodeId {
    let (wide, tall) = (|outputs| Conv::asymmetric(outputs, 1, 7), |outputs| Conv::asymmetric(outputs, 7, 1));
    let parts = [
        path(net, &format!("{name}/a"), input, &[valid(192, 1)]),
        path(net, &format!("{name}/b"), input, &[valid(inner, 1), wide(inner), tall(192)]),
        path(net, &format!("{name}/c"), input, &[valid(inner, 1), tall(inner), wide(inner), tall(inner), wide(192)]),
        pooled(net, name, input, 192),
    ];
    net.concat(format!("{name}/concat"), &parts)
}

fn reduction_b(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let (wide, tall) = (Conv::asymmetric(192, 1, 7), Conv::asymmetric(192, 7, 1));
    let parts = [
        path(net, &format!("{name}/a"), input, &[valid(192, 1), valid(320, 3).stride(2)]),
        path(net, &format!("{name}/b"), input, &[valid(192, 1), wide, tall, valid(192, 3).stride(2)]),
        net.max_pool(format!("{name}/pool"), input, 3, 2, 0),
    ];
    net.concat(format!("{name}/concat"), &parts)
}

/// 3x3 fanned out to 1x3 and 3x1.
fn figure_7(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let (wide, tall) = (Conv::asymmetric(384, 1, 3), Conv::asymmetric(384, 3, 1));
    let b = path(net, &format!("{name}/b"), input, &[valid(384, 1)]);
    let c = path(net, &format!("{name}/c"), input, &[valid(448, 1), Conv::same(384, 3)]);
    let parts = [
        path(net, &format!("{name}/a"), input, &[valid(320, 1)]),
        path(net, &format!("{name}/b/wide"), b, &[wide]),
        path(net, &format!("{name}/b/tall"), b, &[tall]),
        path(net, &format!("{name}/c/wide"), c, &[wide]),
        path(net, &format!("{name}/c/tall"), c, &[tall]),
        pooled(net, name, input, 192),
    ];
    net.concat(format!("{name}/concat"), &parts)
}
