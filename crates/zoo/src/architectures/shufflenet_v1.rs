//! ShuffleNet v1, arXiv:1707.01083 table 1.

use crate::graph::{Activation::Relu, Conv, Graph, GraphError, Net, NodeId};
use crate::window::Window;

/// Channels of stage 2 for each number of groups; each later stage has twice as many.
const CHANNELS: [(usize, usize); 5] = [(1, 144), (2, 200), (3, 240), (4, 272), (8, 384)];
/// Units of stages 2 to 4.
const UNITS: [usize; 3] = [4, 8, 4];

/// ShuffleNet v1. `groups` is 1, 2, 3, 4 or 8; `width` the scale factor in hundredths.
///
/// # Errors
/// Another number of groups gives no channels.
pub fn shufflenet_v1(groups: usize, width: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let first = CHANNELS.iter().find(|(known, _)| *known == groups).map_or(0, |(_, channels)| channels * width / 100);
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv1", input, Conv::same(24 * width / 100, 3).stride(2), Relu);
    x = net.max_pool("pool1", x, 3, 2, 1);
    for (stage, units) in UNITS.into_iter().enumerate() {
        for number in 0..units {
            let name = format!("stage{}/unit{}", stage + 2, number + 1);
            // Stage 2 begins with so few channels that its first product is not grouped (section 3.2 of the paper).
            let compress = if stage == 0 && number == 0 { 1 } else { groups };
            x = unit(&mut net, &name, x, first << stage, [compress, groups], number == 0);
        }
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// Figures 2b and 2c of the paper: grouped 1x1, shuffle, depthwise 3x3, grouped 1x1.
fn unit(net: &mut Net, name: &str, input: NodeId, channels: usize, [compress, expand]: [usize; 2], halve: bool) -> NodeId {
    let middle = channels / 4;
    let kept = if halve { net.channels(input) } else { 0 };
    let x = net.conv_bn_act(&format!("{name}/compress"), input, Conv::same(middle, 1).groups(compress), Relu);
    let x = net.shuffle(format!("{name}/shuffle"), x, expand);
    let x = net.conv_bn(&format!("{name}/dw"), x, Conv::same(middle, 3).stride(if halve { 2 } else { 1 }).groups(middle));
    let x = net.conv_bn(&format!("{name}/expand"), x, Conv::same(channels.saturating_sub(kept), 1).groups(expand));
    let x = if halve {
        let window = Window { stride: [2; 2], pad: [1; 4], ..Window::square(3) };
        let shortcut = net.average_pool(format!("{name}/shortcut"), input, window, true);
        net.concat(format!("{name}/concat"), &[x, shortcut])
    } else {
        net.add(format!("{name}/add"), x, input)
    };
    net.relu(format!("{name}/relu"), x)
}
