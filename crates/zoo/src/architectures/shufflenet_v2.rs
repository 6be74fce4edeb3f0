//! ShuffleNet v2, arXiv:1807.11164 table 5.

use crate::graph::{Activation::Relu, Conv, Graph, GraphError, Net, NodeId};

/// Complexity levels of the table, in tenths: channels of stages 2 to 4 and of the last convolution.
const CHANNELS: [(usize, [usize; 4]); 4] =
    [(5, [48, 96, 192, 1024]), (10, [116, 232, 464, 1024]), (15, [176, 352, 704, 1024]), (20, [244, 488, 976, 2048])];
/// Units of stages 2 to 4.
const UNITS: [usize; 3] = [4, 8, 4];

/// ShuffleNet v2. `level` is the complexity in tenths: 5, 10, 15 or 20.
///
/// # Errors
/// Another level gives no channels.
pub fn shufflenet_v2(level: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let channels = CHANNELS.iter().find(|(known, _)| *known == level).map_or([0; 4], |(_, channels)| *channels);
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv1", input, Conv::same(24, 3).stride(2), Relu);
    x = net.max_pool("pool1", x, 3, 2, 1);
    for (stage, (units, channels)) in UNITS.into_iter().zip(channels).enumerate() {
        for number in 0..units {
            let name = format!("stage{}/unit{}", stage + 2, number + 1);
            x = if number == 0 { halving(&mut net, &name, x, channels) } else { unit(&mut net, &name, x) };
        }
    }
    x = net.conv_bn_act("conv5", x, Conv::same(channels[3], 1), Relu);
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// Figure 3c of the paper: half of the channels go straight through.
fn unit(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let channels = net.channels(input);
    let straight = net.slice(format!("{name}/straight"), input, 0, channels / 2);
    let x = net.slice(format!("{name}/worked"), input, channels / 2, channels);
    let x = branch(net, name, x, channels / 2, 1);
    let x = net.concat(format!("{name}/concat"), &[straight, x]);
    net.shuffle(format!("{name}/shuffle"), x, 2)
}

/// Figure 3d of the paper: both branches see everything and halve the picture.
fn halving(net: &mut Net, name: &str, input: NodeId, channels: usize) -> NodeId {
    let all = net.channels(input);
    let left = net.conv_bn(&format!("{name}/left/dw"), input, Conv::same(all, 3).stride(2).groups(all));
    let left = net.conv_bn_act(&format!("{name}/left/pw"), left, Conv::same(channels / 2, 1), Relu);
    let right = branch(net, name, input, channels / 2, 2);
    let x = net.concat(format!("{name}/concat"), &[left, right]);
    net.shuffle(format!("{name}/shuffle"), x, 2)
}

fn branch(net: &mut Net, name: &str, input: NodeId, channels: usize, stride: usize) -> NodeId {
    let x = net.conv_bn_act(&format!("{name}/right/pw1"), input, Conv::same(channels, 1), Relu);
    let x = net.conv_bn(&format!("{name}/right/dw"), x, Conv::same(channels, 3).stride(stride).groups(channels));
    net.conv_bn_act(&format!("{name}/right/pw2"), x, Conv::same(channels, 1), Relu)
}
