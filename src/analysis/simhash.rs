//! A fingerprint of a text that changes little when the text does.

use super::tokens::each_token;

/// Bits by which fingerprints of edited copies differ at most. In passages of 1200 characters of four languages, one
/// other word changes at most 6 bits in nine of ten and 9 in all; different passages of one collection, and they are
/// hundreds, differ in at least 14. Manku has 3 for web pages, which are longer.
const DISTANCE_MAX: u32 = 6;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x100_0000_01b3;

/// The 64-bit SimHash of a text over its pairs of neighbouring terms, each counted once (Charikar, "Similarity
/// Estimation Techniques from Rounding Algorithms", STOC 2002; Manku, Jain and Das Sarma, "Detecting Near-Duplicates
/// for Web Crawling", WWW 2007). Pairs tell passages about one thing apart where single terms do not. The same text has
/// the same fingerprint on every machine; 0 for a text without terms.
pub fn simhash(text: &str) -> u64 {
    let mut pairs = Vec::with_capacity(text.len() / 5);
    let mut before = 0;
    each_token(text, None, |term, _, _| {
        let hash = fnv1a(term);
        pairs.push(mixed(before, hash));
        before = hash;
    });
    pairs.sort_unstable();
    pairs.dedup();
    let ones = bit_counts(&pairs);
    // More ones than zeros.
    ones.iter().enumerate().fold(0, |hash, (bit, ones)| hash | u64::from(2 * ones > pairs.len()) << bit)
}

/// How many of `hashes` have each bit, the lowest first. Eight bits are counted at once, each in a byte of its own.
fn bit_counts(hashes: &[u64]) -> [usize; 64] {
    let mut counts = [0; 64];
    for part in hashes.chunks(usize::from(u8::MAX)) {
        let mut lanes = [0_u64; 8];
        for hash in part {
            for (byte, lane) in hash.to_le_bytes().into_iter().zip(&mut lanes) {
                *lane += spread(byte);
            }
        }
        for (count, ones) in counts.iter_mut().zip(lanes.iter().flat_map(|lane| lane.to_le_bytes())) {
            *count += usize::from(ones);
        }
    }
    counts
}

/// The bits of a byte, each as a byte of 0 or 1, the lowest first.
fn spread(byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const DIAGONAL: u64 = 0x8040_2010_0804_0201;
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // A byte that holds its bit is not zero, so adding 127 carries into its upper bit.
    ((((u64::from(byte) * ONES) & DIAGONAL) + LOW) >> 7) & ONES
}

/// Whether two fingerprints are of the same text but for a few words. Texts without terms are near each other.
pub fn near_duplicate(a: u64, b: u64) -> bool {
    (a ^ b).count_ones() <= DISTANCE_MAX
}

fn fnv1a(term: &str) -> u64 {
    term.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

/// One hash of two, with the finaliser of `MurmurHash3`, because the upper bits of FNV of a short word say little.
fn mixed(first: u64, second: u64) -> u64 {
    let mut hash = first.rotate_left(23) ^ second;
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some text with words that come again, as words do.
    fn section(seed: u64, words: usize) -> Vec<String> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..words).map(|_| format!("w{}", random.u32(0..20) * random.u32(0..40))).collect()
    }

    #[test]
    fn one_word_changed_in_two_hundred_is_a_near_duplicate() {
        let mut near = 0;
        for seed in 0..100 {
            let mut words = section(seed, 200);
            let before = simhash(&words.join(" "));
            words[seed as usize * 2] = "changed".to_owned();
            near += usize::from(near_duplicate(before, simhash(&words.join(" "))));
        }
        assert!(near >= 90, "{near} of 100");
    }

    #[test]
    fn sections_over_the_same_words_are_no_duplicates() {
        let hashes: Vec<u64> = (0..100).map(|seed| simhash(&section(seed, 200).join(" "))).collect();
        for (place, hash) in hashes.iter().enumerate() {
            assert!(hashes[..place].iter().all(|other| !near_duplicate(*hash, *other)));
        }
    }

    #[test]
    fn bits_are_counted_as_one_by_one() {
        let mut random = fastrand::Rng::with_seed(7);
        for length in [0, 1, 2, 254, 255, 256, 700] {
            let hashes: Vec<u64> = (0..length).map(|_| random.u64(..) & random.u64(..)).collect();
            let counts = bit_counts(&hashes);
            for (bit, count) in counts.into_iter().enumerate() {
                assert_eq!(count, hashes.iter().filter(|hash| **hash >> bit & 1 == 1).count());
            }
        }
    }

    #[test]
    fn case_and_spaces_do_not_count_and_order_does() {
        let text = "Der Fluss fließt ins Meer, 강물은 바다로 흐른다";
        assert_eq!(simhash(text), simhash(&text.to_uppercase().replace(' ', "\n ")));
        assert!(!near_duplicate(simhash("the dog bites the man"), simhash("the man bites the dog")));
    }

    /// The values are those of a program of its own in another language.
    #[test]
    fn fingerprints_are_the_same_in_every_version() {
        assert_eq!([simhash(""), simhash("?!")], [0, 0]);
        assert_eq!(simhash("alpha"), 17_855_485_835_299_497_893);
        assert_eq!(simhash("쿠버네티스 클러스터를 만든다"), 6_203_895_704_588_130_304);
    }
}
