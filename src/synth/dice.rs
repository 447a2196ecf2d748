//! Chance that is the same on every machine and in every version: streams of a fixed generator, and ids made from them.
//!
//! Not for: secrets. `rand`'s own range and shuffle methods are not used either, since a new version may change them
//! and with them every made-up patient.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is for: independent streams keep one part of a patient from changing when another part does.
#[derive(Clone, Copy)]
pub enum Stream {
    Household = 1,
    Person = 2,
    Story = 3,
    Hospital = 4,
    Giant = 5,
    Damage = 6,
    Releases = 7,
}

/// A stream of chance that depends on the seed, its purpose and a number only.
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64, stream: Stream, number: u64) -> Dice {
        let mixed = mix(mix(mix(seed) ^ stream as u64) ^ number);
        Dice(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as u64) as i64
    }

    /// True in `percent` of cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// True in `count` of a thousand cases.
    pub fn permille(&mut self, count: u64) -> bool {
        self.below(1000) < count
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// A pick where early items come up far more often (weight 1/(rank+2), as words do in a language).
    pub fn pick_zipf<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let weight = |rank: u64| 1_000_000 / (rank + 2);
        let total: u64 = (0..items.len() as u64).map(weight).sum();
        let mut at = self.below(total);
        for (rank, item) in items.iter().enumerate() {
            let w = weight(rank as u64);
            if at < w {
                return item;
            }
            at -= w;
        }
        &items[0]
    }

    /// A bell-shaped number around 0: the sum of four even ones, `spread` being about its standard deviation.
    pub fn bell(&mut self, spread: i64) -> i64 {
        let sum: i64 = (0..4).map(|_| self.between(-1000, 1000)).sum();
        sum * spread / 1155
    }

    pub fn id(&mut self) -> Id {
        Id((u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64()))
    }

    /// `count` decimal digits.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// A word that occurs nowhere else: `zq` and 13 characters of base32.
    pub fn marker(&mut self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut word = String::from("zq");
        word.extend((0..13).map(|_| char::from(LETTERS[self.below(32) as usize])));
        word
    }
}

/// The finalizer of SplitMix64: neighbouring numbers give unrelated streams.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// An id in the form of a UUID version 4 (RFC 9562 §5.4), lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Id(u128);

impl Id {
    pub fn push_to(self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bits = (self.0 & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        for nibble in 0..32_u32 {
            if matches!(nibble, 8 | 12 | 16 | 20) {
                out.push(b'-');
            }
            out.push(HEX[(bits >> (124 - 4 * nibble)) as usize & 15]);
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(36);
        self.push_to(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}
