//! Label filter: which `name=value` pairs a part's streams may have.
//!
//! A split-block Bloom filter as Parquet defines it: blocks of eight 32-bit words; a pair sets one bit in each word of one block.

use hashbrown::HashSet;
use sigyn_model::Labels;
use xxhash_rust::xxh3::Xxh3;

use crate::format::{LABEL_FILTER_BYTES_MAX, LABEL_FILTER_PAIRS_MAX};

const BLOCK_BYTES: usize = 32;
/// Parquet's odd multipliers: each picks one of 32 bits from the low half of the hash.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];
/// Bits per pair: about one wrong "maybe" in a hundred while the filter is below its largest size.
const BITS_PER_PAIR: usize = 12;

/// XXH3-64 over `name 0xff value`.
fn hash(name: &str, value: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(name.as_bytes());
    hasher.update(&[0xff]);
    hasher.update(value.as_bytes());
    hasher.digest()
}

fn block_of(hash: u64, blocks: usize) -> usize {
    (((hash >> 32) * blocks as u64) >> 32) as usize
}

fn masks(hash: u64) -> [u32; 8] {
    SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

/// The filter of these streams, or empty when they have too many distinct pairs.
pub(crate) fn build(streams: &[Labels]) -> Vec<u8> {
    let mut hashes = HashSet::new();
    for stream in streams {
        hashes.extend(stream.iter().map(|(name, value)| hash(name, value)));
        if hashes.len() > LABEL_FILTER_PAIRS_MAX {
            return Vec::new();
        }
    }
    let bytes = (hashes.len() * BITS_PER_PAIR).div_ceil(8).next_multiple_of(BLOCK_BYTES);
    let mut filter = vec![0; bytes.clamp(BLOCK_BYTES, LABEL_FILTER_BYTES_MAX)];
    let blocks = filter.len() / BLOCK_BYTES;
    for hash in hashes {
        let block = &mut filter[block_of(hash, blocks) * BLOCK_BYTES..][..BLOCK_BYTES];
        for (word, mask) in block.chunks_exact_mut(4).zip(masks(hash)) {
            word.iter_mut().zip(mask.to_le_bytes()).for_each(|(byte, bit)| *byte |= bit);
        }
    }
    filter
}

/// Whether some stream of the part may have `name="value"`. `true` may be wrong, `false` never is.
/// An empty or unreadable filter says `true`.
#[must_use]
pub fn label_filter_may_contain(filter: &[u8], name: &str, value: &str) -> bool {
    if filter.is_empty() || !filter.len().is_multiple_of(BLOCK_BYTES) {
        return true;
    }
    let hash = hash(name, value);
    let block = &filter[block_of(hash, filter.len() / BLOCK_BYTES) * BLOCK_BYTES..][..BLOCK_BYTES];
    block
        .chunks_exact(4)
        .zip(masks(hash))
        .all(|(word, mask)| word.iter().zip(mask.to_le_bytes()).all(|(byte, bit)| byte & bit == bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(count: usize) -> Vec<Labels> {
        (0..count).map(|at| Labels::from_pairs([("pod", format!("pod-{at}"))])).collect()
    }

    #[test]
    fn never_denies_and_seldom_invents() {
        for count in [0, 1, 20, 150, 512] {
            let filter = build(&streams(count));
            assert!(filter.len() <= LABEL_FILTER_BYTES_MAX && !filter.is_empty());
            assert!((0..count).all(|at| label_filter_may_contain(&filter, "pod", &format!("pod-{at}"))));
            let invented = (0..1000).filter(|at| label_filter_may_contain(&filter, "pod", &format!("x{at}"))).count();
            assert!(invented <= if count <= 150 { 50 } else { 450 }, "{count} pairs: {invented} of 1000");
        }
    }

    #[test]
    fn gives_up_when_it_would_say_maybe_to_everything() {
        assert!(build(&streams(LABEL_FILTER_PAIRS_MAX + 1)).is_empty());
        assert!(label_filter_may_contain(&[], "a", "b"));
        assert!(label_filter_may_contain(&[0; 33], "a", "b"));
        assert!(!label_filter_may_contain(&build(&[]), "a", "b"));
    }
}
