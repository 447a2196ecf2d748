//! Chance that comes back: the same seed gives the same numbers, on every machine and in every version.
//!
//! Not for: secrets.

/// A small generator (splitmix64), good enough to spread damage.
pub struct Dice(u64);

impl Dice {
    /// The dice of one input of one target.
    pub fn of(target: &str, seed: u64, number: u64) -> Dice {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in target.bytes().chain(number.to_le_bytes()) {
            state = Dice(state ^ u64::from(byte)).next();
        }
        Dice(state)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    /// True once in `many` throws.
    pub fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// One of several; they must not be empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A length, short as a rule and now and then long, at most `most`.
    pub fn length(&mut self, most: usize) -> usize {
        let bits = self.below(17);
        self.below((1 << bits) + 1).min(most)
    }
}
