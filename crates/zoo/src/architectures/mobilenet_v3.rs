//! MobileNet v3, arXiv:1905.02244 tables 1 and 2: hard swish, and squeeze and excitation, chosen by a search on phones.

use crate::graph::{
    Activation::{self, HardSigmoid, HardSwish, Relu},
    Conv, Graph, GraphError, Net, NodeId,
};

use super::by_eight;

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Table 1.
    Large,
    /// Table 2.
    Small,
}

/// A row: kernel, expanded channels, channels, whether squeezed and excited, non-linearity, stride.
type Row = (usize, usize, usize, bool, Activation, usize);

const LARGE: &[Row] = &[
    (3, 16, 16, false, Relu, 1),
    (3, 64, 24, false, Relu, 2),
    (3, 72, 24, false, Relu, 1),
    (5, 72, 40, true, Relu, 2),
    (5, 120, 40, true, Relu, 1),
    (5, 120, 40, true, Relu, 1),
    (3, 240, 80, false, HardSwish, 2),
    (3, 200, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 480, 112, true, HardSwish, 1),
    (3, 672, 112, true, HardSwish, 1),
    (5, 672, 160, true, HardSwish, 2),
    (5, 960, 160, true, HardSwish, 1),
    (5, 960, 160, true, HardSwish, 1),
];
const SMALL: &[Row] = &[
    (3, 16, 16, true, Relu, 2),
    (3, 72, 24, false, Relu, 2),
    (3, 88, 24, false, Relu, 1),
    (5, 96, 40, true, HardSwish, 2),
    (5, 240, 40, true, HardSwish, 1),
    (5, 240, 40, true, HardSwish, 1),
    (5, 120, 48, true, HardSwish, 1),
    (5, 144, 48, true, HardSwish, 1),
    (5, 288, 96, true, HardSwish, 2),
    (5, 576, 96, true, HardSwish, 1),
    (5, 576, 96, true, HardSwish, 1),
];

/// MobileNet v3 over `resolution` x `resolution` pictures.
///
/// # Errors
/// A resolution of zero.
pub fn mobilenet_v3(size: Size, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (rows, hidden) = match size {
        Size::Large => (LARGE, 1280),
        Size::Small => (SMALL, 1024),
    };
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv0", input, Conv::same(16, 3).stride(2), HardSwish);
    for (number, row) in rows.iter().enumerate() {
        x = bottleneck(&mut net, &format!("bneck{}", number + 1), x, *row);
    }
    let wide = 6 * net.channels(x);
    x = net.conv_bn_act("conv_last", x, Conv::same(wide, 1), HardSwish);
    x = net.global_average_pool("pool", x);
    x = net.linear("hidden", x, hidden);
    x = net.activation("hidden/act", x, HardSwish);
    x = net.linear("classifier", x, classes);
    net.finish(x)
}

/// Figure 4 of the paper.
fn bottleneck(net: &mut Net, name: &str, input: NodeId, (kernel, expanded, channels, excited, act, stride): Row) -> NodeId {
    let mut x = input;
    if expanded != net.channels(input) {
        x = net.conv_bn_act(&format!("{name}/expand"), x, Conv::same(expanded, 1), act);
    }
    x = net.conv_bn_act(&format!("{name}/dw"), x, Conv::same(expanded, kernel).stride(stride).groups(expanded), act);
    if excited {
        x = squeeze_and_excite(net, name, x, by_eight(expanded / 4));
    }
    x = net.conv_bn(&format!("{name}/project"), x, Conv::same(channels, 1));
    if stride == 1 && net.channels(input) == channels { net.add(format!("{name}/add"), input, x) } else { x }
}

/// Each channel is scaled by what a small net makes of the means of all (arXiv:1709.01507 figure 1), with a hard sigmoid.
fn squeeze_and_excite(net: &mut Net, name: &str, input: NodeId, squeezed: usize) -> NodeId {
    let channels = net.channels(input);
    let mut x = net.global_average_pool(format!("{name}/se/pool"), input);
    x = net.conv(format!("{name}/se/squeeze"), x, Conv::new(squeezed, 1));
    x = net.relu(format!("{name}/se/relu"), x);
    x = net.conv(format!("{name}/se/excite"), x, Conv::new(channels, 1));
    x = net.activation(format!("{name}/se/gate"), x, HardSigmoid);
    net.scale(format!("{name}/se/scale"), input, x)
}
