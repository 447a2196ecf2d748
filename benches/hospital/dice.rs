//! Chance that is the same for the same seed.
//!
//! Not for: secrets.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64, stream: u64) -> Dice {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.rotate_left(32)))
    }

    /// In `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high + 1 - low)
    }

    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn is(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Around `mean`, with a long tail upwards: twice the mean in one of nine cases, four times in one of sixty.
    pub fn around(&mut self, mean: f64) -> usize {
        let bell: f64 = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        (mean * (bell * 0.8 - 0.16).exp()).round().max(1.0) as usize
    }
}
