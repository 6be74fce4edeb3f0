//! AlexNet on one device, arXiv:1404.5997 section 5: the fully-connected layers hold nearly all its parameters.

use crate::graph::{Conv, Graph, GraphError, Net};

/// AlexNet.
///
/// # Errors
/// A resolution below 63.
pub fn alexnet(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, mut x) = Net::new([3, resolution, resolution]);
    let layers = [
        (Conv::new(64, 11).stride(4).pad(2), true),
        (Conv::new(192, 5).pad(2), true),
        (Conv::new(384, 3).pad(1), false),
        (Conv::new(256, 3).pad(1), false),
        (Conv::new(256, 3).pad(1), true),
    ];
    for (index, (conv, pool)) in layers.into_iter().enumerate() {
        let name = format!("conv{}", index + 1);
        x = net.conv(name.clone(), x, conv);
        x = net.relu(format!("{name}/relu"), x);
        if pool {
            x = net.max_pool(format!("pool{}", index + 1), x, 3, 2, 0);
        }
    }
    for name in ["fc6", "fc7"] {
        x = net.linear(name, x, 4096);
        x = net.relu(format!("{name}/relu"), x);
    }
    x = net.linear("fc8", x, classes);
    net.finish(x)
}
