//! VGG-16, arXiv:1409.1556 table 1 column D: what the small nets are compared with.

use crate::graph::{Conv, Graph, GraphError, Net};

/// VGG-16.
///
/// # Errors
/// A resolution below 32.
pub fn vgg_16(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, mut x) = Net::new([3, resolution, resolution]);
    for (block, (layers, channels)) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].into_iter().enumerate() {
        for layer in 0..layers {
            let name = format!("conv{}_{}", block + 1, layer + 1);
            x = net.conv(name.clone(), x, Conv::new(channels, 3).pad(1));
            x = net.relu(format!("{name}/relu"), x);
        }
        x = net.max_pool(format!("pool{}", block + 1), x, 2, 2, 0);
    }
    for name in ["fc6", "fc7"] {
        x = net.linear(name, x, 4096);
        x = net.relu(format!("{name}/relu"), x);
    }
    x = net.linear("fc8", x, classes);
    net.finish(x)
}
