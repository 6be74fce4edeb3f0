//! NASNet-A, arXiv:1707.07012 figure 4, in its mobile size "4 @ 1056": four normal cells between reductions, 1056 channels at
//! the end. Where it matters for the counts, layers are those of the PyTorch port (pretrainedmodels 0.7.4), which computes the same.

use crate::graph::{Conv, Graph, GraphError, Net, NodeId};
use crate::window::Window;

/// Filters of the first convolution.
const STEM: usize = 32;

/// NASNet-A. `repeats` is the number of normal cells between two reductions, `penultimate` the channels before the classifier,
/// a multiple of 96.
///
/// # Errors
/// `penultimate` that leaves a cell without filters, or a resolution below 32.
pub fn nasnet_a(repeats: usize, penultimate: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    // Six parts are joined in a cell, and filters double in two of its reductions.
    let filters = penultimate / 24;
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let stem = net.conv_bn("stem", input, Conv::new(STEM, 3).stride(2).no_bias());
    let first = reduction_cell(&mut net, "stem1", stem, stem, filters / 4);
    let second = reduction_cell(&mut net, "stem2", first, stem, filters / 2);
    let (mut before, mut x) = (first, second);
    for stage in 0..3 {
        let filters = filters << stage;
        if stage > 0 {
            let reduced = reduction_cell(&mut net, &format!("reduction{stage}"), x, before, filters);
            (before, x) = (x, reduced);
        }
        for number in 1..=repeats {
            let cell = normal_cell(&mut net, &format!("cell{}_{number}", stage + 1), x, before, filters);
            (before, x) = (x, cell);
        }
    }
    x = net.relu("last/relu", x);
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// A cell being built.
struct Cell<'a> {
    net: &'a mut Net,
    name: &'a str,
    filters: usize,
    /// Whether the first layer of a separable convolution also runs over a row and a column of zeros before the picture, whose
    /// results are cut off: how PyTorch's symmetric padding is made to begin where TensorFlow's does.
    overhangs: bool,
}

/// A tensor and its Relu, which all separable convolutions that read it share.
type Activated = (NodeId, NodeId);

/// Keeps the size. Each line is one block of figure 4: two operations on two of the cell's inputs, then their sum.
fn normal_cell(net: &mut Net, name: &str, current: NodeId, previous: NodeId, filters: usize) -> NodeId {
    let mut cell = Cell { net, name, filters, overhangs: false };
    let (current, previous) = cell.inputs(current, previous);
    let blocks = [
        (cell.separable("0/left", current, 5, 1), cell.separable("0/right", previous, 3, 1)),
        (cell.separable("1/left", previous, 5, 1), cell.separable("1/right", previous, 3, 1)),
        (cell.average("2/left", current.0, 1), previous.0),
        (cell.average("3/left", previous.0, 1), cell.average("3/right", previous.0, 1)),
        (cell.separable("4/left", current, 3, 1), current.0),
    ];
    let mut parts = vec![previous.0];
    parts.extend(blocks.into_iter().enumerate().map(|(number, block)| cell.sum(number, block)));
    net.concat(format!("{name}/concat"), &parts)
}

/// Halves the size; its first block is only used inside.
fn reduction_cell(net: &mut Net, name: &str, current: NodeId, previous: NodeId, filters: usize) -> NodeId {
    // The first cell of all reads an odd size, where both paddings are the same.
    let mut cell = Cell { net, name, filters, overhangs: current != previous };
    let (current, previous) = cell.inputs(current, previous);
    let block = (cell.separable("0/left", current, 5, 2), cell.separable("0/right", previous, 7, 2));
    let inner = cell.sum(0, block);
    let block = (cell.max("1/left", current.0), cell.separable("1/right", previous, 7, 2));
    let second = cell.sum(1, block);
    let block = (cell.average("2/left", current.0, 2), cell.separable("2/right", previous, 5, 2));
    let third = cell.sum(2, block);
    let block = (cell.average("3/left", inner, 1), second);
    let fourth = cell.sum(3, block);
    let activated = (inner, cell.net.relu(format!("{name}/0/relu"), inner));
    let block = (cell.separable("4/left", activated, 3, 1), cell.max("4/right", current.0));
    let fifth = cell.sum(4, block);
    net.concat(format!("{name}/concat"), &[second, third, fourth, fifth])
}

impl Cell<'_> {
    fn named(&self, part: &str) -> String {
        format!("{}/{part}", self.name)
    }

    /// The two inputs of the cell, both with its filters and the current one's size. The first cell of all has one input, which
    /// serves as the previous one as it is.
    fn inputs(&mut self, current: NodeId, previous: NodeId) -> (Activated, Activated) {
        let relu = self.net.relu(self.named("current/relu"), current);
        let squeezed = self.net.conv_bn(&self.named("current"), relu, Conv::same(self.filters, 1));
        let fitted = if current == previous { (previous, relu) } else { self.fitted(current, previous) };
        ((squeezed, self.net.relu(self.named("current/squeezed/relu"), squeezed)), fitted)
    }

    fn fitted(&mut self, current: NodeId, previous: NodeId) -> Activated {
        let relu = self.net.relu(self.named("previous/relu"), previous);
        let same_size = self.net.shape(current)[1..] == self.net.shape(previous)[1..];
        let fitted = if same_size {
            self.net.conv_bn(&self.named("previous"), relu, Conv::same(self.filters, 1))
        } else {
            self.factorised_reduction(relu)
        };
        (fitted, self.net.relu(self.named("previous/fitted/relu"), fitted))
    }

    /// Halves the size without losing every other pixel: one path takes the even ones, the other the odd ones. The normalisation
    /// of the joined paths is written as one on each, which is the same.
    fn factorised_reduction(&mut self, from: NodeId) -> NodeId {
        let every_other = Window { stride: [2; 2], ..Window::square(1) };
        let shifted = self.net.shift(self.named("previous/odd/shift"), from, 1);
        let (half, rest) = (self.filters / 2, self.filters - self.filters / 2);
        let mut path = |part: &str, from, filters| {
            let pooled = self.net.average_pool(self.named(&format!("previous/{part}/pool")), from, every_other, false);
            self.net.conv_bn(&self.named(&format!("previous/{part}")), pooled, Conv::same(filters, 1))
        };
        let paths = [path("even", from, half), path("odd", shifted, rest)];
        self.net.concat(self.named("previous/concat"), &paths)
    }

    /// Relu, separable convolution, normalisation, and all of it once more; the stride is in the first.
    fn separable(&mut self, part: &str, from: Activated, kernel: usize, stride: usize) -> NodeId {
        let mut first = self.separable_once(&format!("{part}/1"), from.1, kernel, stride, self.overhangs);
        if self.overhangs {
            first = self.net.crop(self.named(&format!("{part}/1/crop")), first, 1);
        }
        let relu = self.net.relu(self.named(&format!("{part}/2/relu")), first);
        self.separable_once(&format!("{part}/2"), relu, kernel, 1, false)
    }

    fn separable_once(&mut self, part: &str, from: NodeId, kernel: usize, stride: usize, overhangs: bool) -> NodeId {
        let channels = self.net.channels(from);
        let before = kernel / 2 + usize::from(overhangs);
        let pad = [before, before, kernel / 2, kernel / 2];
        let depthwise = Conv::new(channels, kernel).no_bias().stride(stride).pad_sides(pad).groups(channels);
        let x = self.net.conv(self.named(&format!("{part}/dw")), from, depthwise);
        self.net.conv_bn(&self.named(&format!("{part}/pw")), x, Conv::same(self.filters, 1))
    }

    fn average(&mut self, part: &str, from: NodeId, stride: usize) -> NodeId {
        let window = Window { stride: [stride; 2], ..Window::square(3) }.same_as_tensorflow(self.net.shape(from));
        self.net.average_pool(self.named(&format!("{part}/average")), from, window, false)
    }

    fn max(&mut self, part: &str, from: NodeId) -> NodeId {
        let window = Window { stride: [2; 2], ..Window::square(3) }.same_as_tensorflow(self.net.shape(from));
        self.net.max_pool_window(self.named(&format!("{part}/max")), from, window)
    }

    fn sum(&mut self, block: usize, (left, right): (NodeId, NodeId)) -> NodeId {
        self.net.add(self.named(&format!("{block}/add")), left, right)
    }
}
