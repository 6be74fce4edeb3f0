//! Low-rank factorisation: a dense layer as two thinner ones (arXiv:1404.0736; arXiv:1511.06067 for convolutions).
//!
//! The first layer maps to `rank` channels, without bias or non-linearity; the second maps on. A trained net would get the two
//! from a singular value decomposition of its weights; here both are random like all others, which has the same speed and size.

use crate::graph::{Graph, Node, NodeId, Op, volume};

/// The graph with every fully-connected layer and 1x1 convolution split in two, where that makes it smaller. The rank is
/// `percent` hundredths of the layer's inputs or outputs, whichever are fewer, rounded up to a multiple of eight. The classifier
/// stays whole.
pub fn low_rank(graph: Graph, percent: usize) -> Graph {
    let mut places: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|input| places[input.0]).collect();
        let mut node = Node { inputs, ..node.clone() };
        node.op = match node.op {
            Op::Unpool { pool } => Op::Unpool { pool: places[pool.0] },
            other => other,
        };
        if let Some((op, rank)) = split(&graph, &graph.nodes[index], percent).filter(|_| NodeId(index) != graph.output) {
            let source = nodes[node.inputs[0].0].shape;
            let shape = match op {
                Op::Linear { .. } => [rank, 1, 1],
                _ => [rank, source[1], source[2]],
            };
            nodes.push(Node { name: format!("{}/rank{rank}", node.name), op, inputs: node.inputs, shape });
            node.inputs = vec![NodeId(nodes.len() - 1)];
        }
        nodes.push(node);
        places.push(NodeId(nodes.len() - 1));
    }
    Graph { output: places[graph.output.0], nodes, pruned: graph.pruned }
}

/// The first of the two layers that replace this one, and its rank.
fn split(graph: &Graph, node: &Node, percent: usize) -> Option<(Op, usize)> {
    let source = graph.node(*node.inputs.first()?).shape;
    let (inputs, op) = match node.op {
        Op::Linear { .. } => (volume(source), Op::Linear { bias: false }),
        Op::Conv { window, groups: 1, .. } if window.area() == 1 && window.stride == [1, 1] => {
            (source[0], Op::Conv { window, groups: 1, bias: false })
        }
        _ => return None,
    };
    let outputs = node.shape[0];
    let rank = (inputs.min(outputs) * percent).div_ceil(100).div_ceil(8) * 8;
    (rank * (inputs + outputs) < inputs * outputs).then_some((op, rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv, Net};

    #[test]
    fn dense_layers_are_split_and_others_stay() {
        let (mut net, input) = Net::new([3, 8, 8]);
        let x = net.conv("first", input, Conv::new(64, 3).pad(1));
        let x = net.conv("pointwise", x, Conv::new(128, 1));
        let x = net.linear("hidden", x, 256);
        let x = net.linear("classifier", x, 10);
        let whole = net.finish(x).unwrap_or_else(|error| unreachable!("{error}"));
        let before = whole.parameters();
        let thin = low_rank(whole, 25);
        let names: Vec<&str> = thin.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["input", "first", "pointwise/rank16", "pointwise", "hidden/rank64", "hidden", "classifier"],);
        let pointwise = 64 * 16 + 16 * 128 + 128;
        let hidden = 128 * 64 * 64 + 64 * 256 + 256;
        assert_eq!(thin.parameters(), (3 * 9 * 64 + 64) + pointwise + hidden + 2570);
        assert!(thin.parameters() * 3 < before);
        assert_eq!(thin.node(thin.output()).name, "classifier");
    }
}
