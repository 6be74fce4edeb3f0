//! SqueezeNet, arXiv:1602.07360 table 1; 1.1 after the authors' repository (SqueezeNet_v1.1).

use crate::graph::{Conv, Graph, GraphError, Net, NodeId};

/// Fire modules of the paper: squeeze 1x1, expand 1x1, expand 3x3; the same in both versions.
const FIRES: [(usize, [usize; 3]); 8] = [
    (2, [16, 64, 64]),
    (3, [16, 64, 64]),
    (4, [32, 128, 128]),
    (5, [32, 128, 128]),
    (6, [48, 192, 192]),
    (7, [48, 192, 192]),
    (8, [64, 256, 256]),
    (9, [64, 256, 256]),
];

/// Which of the two published networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// As in the paper: 7x7 with 96 filters first, pools after conv1, fire4 and fire8.
    V1_0,
    /// 2.4 times less computation: 3x3 with 64 filters first, pools after conv1, fire3 and fire5.
    V1_1,
}

/// SqueezeNet over `resolution` x `resolution` pictures.
///
/// # Errors
/// A resolution that is too small for the pools.
pub fn squeezenet(version: Version, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let (first, pools) = match version {
        Version::V1_0 => (Conv::new(96, 7).stride(2), [4, 8]),
        Version::V1_1 => (Conv::new(64, 3).stride(2), [3, 5]),
    };
    let mut x = net.conv("conv1", input, first);
    x = net.relu("conv1/relu", x);
    x = net.max_pool_ceil("pool1", x, 3, 2);
    for (number, filters) in FIRES {
        x = fire(&mut net, &format!("fire{number}"), x, filters);
        if pools.contains(&number) {
            x = net.max_pool_ceil(format!("pool{number}"), x, 3, 2);
        }
    }
    x = net.conv("conv10", x, Conv::new(classes, 1));
    x = net.relu("conv10/relu", x);
    x = net.global_average_pool("pool10", x);
    net.finish(x)
}

/// Squeeze to few channels, then expand with 1x1 and 3x3 kernels side by side.
fn fire(net: &mut Net, name: &str, input: NodeId, [squeeze, expand_1x1, expand_3x3]: [usize; 3]) -> NodeId {
    let squeezed = net.conv(format!("{name}/squeeze1x1"), input, Conv::new(squeeze, 1));
    let squeezed = net.relu(format!("{name}/squeeze1x1/relu"), squeezed);
    let left = net.conv(format!("{name}/expand1x1"), squeezed, Conv::new(expand_1x1, 1));
    let left = net.relu(format!("{name}/expand1x1/relu"), left);
    let right = net.conv(format!("{name}/expand3x3"), squeezed, Conv::new(expand_3x3, 3).pad(1));
    let right = net.relu(format!("{name}/expand3x3/relu"), right);
    net.concat(format!("{name}/concat"), &[left, right])
}
