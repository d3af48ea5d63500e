//! The randomness seam: nonces, object names, jitter.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng};
use sigyn_model::Timestamp;
use ulid::Ulid;

/// A source of random numbers.
pub trait Rng: Debug + Send + Sync {
    fn next_u64(&self) -> u64;
}

/// Numbers that nobody can predict or repeat.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

#[expect(clippy::disallowed_methods, reason = "this is the seam that everybody else is sent to")]
impl Rng for SystemRng {
    fn next_u64(&self) -> u64 {
        rand::random()
    }
}

/// The same numbers for the same seed.
#[derive(Debug)]
pub struct SeededRng(Mutex<Xoshiro256PlusPlus>);

impl SeededRng {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed)))
    }
}

impl Rng for SeededRng {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}

/// Even choice of `0..bound`; 0 when `bound` is 0.
pub fn below(rng: &dyn Rng, bound: u64) -> u64 {
    // The bias of a 128-bit product is below 2^-40 for every bound in use.
    u64::try_from((u128::from(rng.next_u64()) * u128::from(bound)) >> 64).expect("the product's upper half is 64 bits")
}

/// True with probability `p`.
pub fn chance(rng: &dyn Rng, p: f64) -> bool {
    const SCALE: f64 = (1_u64 << 53) as f64;
    ((rng.next_u64() >> 11) as f64) < p * SCALE
}

/// A new segment's object key, `data/{ulid}.seg`; keys of later milliseconds sort after earlier ones.
#[must_use]
pub fn new_object_key(now: Timestamp, rng: &dyn Rng) -> String {
    let milliseconds = u64::try_from(now.nanos() / 1_000_000).unwrap_or(0);
    let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
    format!("data/{}.seg", Ulid::from_parts(milliseconds, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_choices_stay_in_bounds() {
        let (a, b) = (SeededRng::new(7), SeededRng::new(7));
        for _ in 0..1_000 {
            assert_eq!(a.next_u64(), b.next_u64());
            assert!(below(&a, 3) < 3);
            b.next_u64();
            assert!(!chance(&a, 0.0) && chance(&a, 1.0));
            b.next_u64();
            b.next_u64();
        }
        assert_eq!(below(&a, 0), 0);
    }

    #[test]
    fn object_keys_sort_by_time() {
        let early = new_object_key(Timestamp::from_seconds(1_000), &SystemRng);
        let late = new_object_key(Timestamp::from_seconds(1_001), &SystemRng);
        assert!(early < late && early.starts_with("data/") && early.ends_with(".seg"));
        assert_eq!(early.len(), "data/".len() + 26 + ".seg".len());
    }
}
