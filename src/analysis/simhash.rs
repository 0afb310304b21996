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
    let mut sums = [0_i32; 64];
    for pair in pairs {
        for (bit, sum) in sums.iter_mut().enumerate() {
            *sum += if pair >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    sums.iter().enumerate().fold(0, |hash, (bit, sum)| hash | u64::from(*sum > 0) << bit)
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
