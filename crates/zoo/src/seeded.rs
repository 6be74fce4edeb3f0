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
        let mut hash = Sha256::new();
        for part in [self.model.as_bytes(), layer.as_bytes(), purpose.as_bytes(), &self.seed.to_le_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut stream = ChaCha8Rng::from_seed(hash.finalize().into());
        std::iter::repeat_with(|| low + (high - low) * unit(&mut stream)).take(count).collect()
    }

    /// Weights after He et al., arXiv:1502.01852: uniform with variance 2 / `fan_in`.
    pub fn he_uniform(&self, layer: &str, count: usize, fan_in: usize) -> Vec<f32> {
        let bound = (6.0 / fan_in as f32).sqrt();
        self.uniform(layer, "weight", count, -bound, bound)
    }
}
