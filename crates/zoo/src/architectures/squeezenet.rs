//! SqueezeNet, arXiv:1602.07360 table 1 and the design space of its section 5; 1.1 after the authors' repository
//! (SqueezeNet_v1.1). SquishedNets, arXiv:1711.07459, as far as they are known.

use crate::graph::{Conv, Graph, GraphError, Net, NodeId};

/// Which of the two published networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// As in the paper: 7x7 with 96 filters first, pools after conv1, fire4 and fire8.
    V1_0,
    /// 2.4 times less computation: 3x3 with 64 filters first, pools after conv1, fire3 and fire5.
    V1_1,
}

/// Filters of the fire modules by the paper's metaparameters (section 5.1), with its values base_e = incre_e = 128 and freq = 2:
/// module i, from 0, expands to 128 + 128 floor(i / 2) filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fires {
    /// SR: filters of the squeeze layer for each of the expand layers, in thousandths.
    pub squeeze_ratio: usize,
    /// pct_3x3: share of 3x3 filters in the expand layers, in hundredths.
    pub share_3x3: usize,
    /// Width of every layer but the last, in hundredths, rounded to a multiple of four; 100 in the paper.
    pub width: usize,
}

impl Fires {
    /// Both published networks: SR = 0.125, half of the expand filters 3x3.
    pub const PUBLISHED: Self = Self { squeeze_ratio: 125, share_3x3: 50, width: 100 };

    /// Squeeze 1x1, expand 1x1, expand 3x3 of module `index`, from 0.
    fn filters(self, index: usize) -> [usize; 3] {
        let expand = 128 + 128 * (index / 2);
        let large = expand * self.share_3x3 / 100;
        [expand * self.squeeze_ratio / 1000, expand - large, large].map(|filters| self.scaled(filters))
    }

    fn scaled(self, filters: usize) -> usize {
        if self.width == 100 { filters } else { ((filters * self.width / 100 + 2) / 4 * 4).max(4) }
    }
}

/// SqueezeNet over `resolution` x `resolution` pictures.
///
/// # Errors
/// A resolution that is too small for the pools, or fires without filters.
pub fn squeezenet(version: Version, fires: Fires, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let (first, pools) = match version {
        Version::V1_0 => (Conv::new(fires.scaled(96), 7).stride(2), [4, 8]),
        Version::V1_1 => (Conv::new(fires.scaled(64), 3).stride(2), [3, 5]),
    };
    let mut x = net.conv("conv1", input, first);
    x = net.relu("conv1/relu", x);
    x = net.max_pool_ceil("pool1", x, 3, 2);
    for number in 2..=9 {
        x = fire(&mut net, &format!("fire{number}"), x, fires.filters(number - 2));
        if pools.contains(&number) {
            x = net.max_pool_ceil(format!("pool{number}"), x, 3, 2);
        }
    }
    x = net.conv("conv10", x, Conv::new(classes, 1));
    x = net.relu("conv10/relu", x);
    x = net.global_average_pool("pool10", x);
    net.finish(x)
}

/// SqueezeNet 1.1 for few classes with every layer narrowed to `width` hundredths. The paper gives the base, the number of
/// classes and the sizes of the files, and no table of layers: an evolution removed filters, here all layers lose the same share.
///
/// # Errors
/// As [`squeezenet`].
pub fn squishednet(width: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    squeezenet(Version::V1_1, Fires { width, ..Fires::PUBLISHED }, resolution, classes)
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
