//! Random numbers of a model: each layer has its own stream, so that layers do not depend on the order in which they are drawn.
//!
//! Only integer steps, additions, multiplications and square roots are used, all exact by IEEE 754, so that weights have the
//! same bits on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use benchrack_protocol::tensor::unit;

/// The random numbers of one model.
#[derive(Debug, Clone)]
pub struct Draws {
    model: String,
    seed: u64,
}

impl Draws {
    /// Numbers for a model of this name from this seed.
    pub fn new(model: &str, seed: u64) -> Self {
        Self { model: model.into(), seed }
    }

    /// `count` values, evenly spread over `low..high`, that belong to one purpose in one layer.
    pub fn uniform(&self, layer: &str, purpose: &str, count: usize, low: f32, high: f32) -> Vec<f32> {
        let mut stream = self.stream(layer, purpose);
        std::iter::repeat_with(|| low + (high - low) * unit(&mut stream)).take(count).collect()
    }

    /// Weights with the variance of He et al., arXiv:1502.01852, 2 / `fan_in`. Each is the sum of four even draws, which is
    /// near enough to a bell curve that int8 codes are spread, and files compress, as those of trained nets.
    pub fn he(&self, layer: &str, count: usize, fan_in: usize) -> Vec<f32> {
        // Variance of one draw over -b..b is b^2 / 3; four of them give 4 b^2 / 3.
        let bound = (1.5 / fan_in as f32).sqrt();
        let mut draw = self.stream(layer, "weight");
        let mut even = || (unit(&mut draw) * 2.0 - 1.0) * bound;
        std::iter::repeat_with(|| even() + even() + even() + even()).take(count).collect()
    }

    /// The numbers of one purpose in one layer.
    fn stream(&self, layer: &str, purpose: &str) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.digest(layer, purpose))
    }

    /// 32 bytes of one purpose in one layer.
    pub fn digest(&self, layer: &str, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.model.as_bytes(), layer.as_bytes(), purpose.as_bytes(), &self.seed.to_le_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}
