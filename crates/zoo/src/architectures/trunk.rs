//! A plain trunk of convolutions in which one thing is varied at a time: 3x3 kernels against 1x3 followed by 3x1
//! (arXiv:1512.00567 section 3.2), and fully-connected layers as in AlexNet and VGG against the mean of each channel
//! (arXiv:1312.4400 section 3.2). It is no published network: it is made so that two files differ in nothing but that.

use crate::graph::{Activation::Relu, Conv, Graph, GraphError, Net};

/// Channels of the stages; each has two layers and halves the picture.
const CHANNELS: [usize; 5] = [16, 32, 64, 128, 256];

/// Kernels of the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// 3x3.
    Square,
    /// 1x3, then 3x1, each with normalisation and non-linearity.
    Factorised,
}

/// What turns features into classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Two hidden layers of 4096 and the classes, all fully connected.
    FullyConnected,
    /// The mean of each channel and one fully-connected layer.
    GlobalAveragePool,
}

/// The trunk over `resolution` x `resolution` pictures.
///
/// # Errors
/// A resolution below 32.
pub fn trunk(kernel: Kernel, head: Head, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, mut x) = Net::new([3, resolution, resolution]);
    for (stage, channels) in CHANNELS.into_iter().enumerate() {
        for layer in 1..=2 {
            let name = format!("stage{}/conv{layer}", stage + 1);
            x = match kernel {
                Kernel::Square => net.conv_bn_act(&name, x, Conv::same(channels, 3), Relu),
                Kernel::Factorised => {
                    let wide = net.conv_bn_act(&format!("{name}/1x3"), x, Conv::asymmetric(channels, 1, 3), Relu);
                    net.conv_bn_act(&format!("{name}/3x1"), wide, Conv::asymmetric(channels, 3, 1), Relu)
                }
            };
        }
        x = net.max_pool(format!("stage{}/pool", stage + 1), x, 2, 2, 0);
    }
    match head {
        Head::GlobalAveragePool => x = net.global_average_pool("pool", x),
        Head::FullyConnected => {
            for name in ["fc1", "fc2"] {
                x = net.linear(name, x, 4096);
                x = net.relu(format!("{name}/relu"), x);
            }
        }
    }
    x = net.linear("classifier", x, classes);
    net.finish(x)
}
