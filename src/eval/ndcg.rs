//! nDCG@10 over documents: Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", with binary
//! gains and the discount 1 / log2(rank + 1).

use std::collections::BTreeSet;

const DEPTH: usize = 10;

/// nDCG@10 of ranked documents. A document that comes again counts at its first place only. 0 when nothing is relevant.
pub fn ndcg_at_10(ranked: &[&str], relevant: &[String]) -> f64 {
    let relevant: BTreeSet<&str> = relevant.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let documents = ranked.iter().filter(|document| seen.insert(**document)).take(DEPTH);
    let gained: f64 =
        documents.enumerate().filter(|(_, document)| relevant.contains(**document)).map(|(at, _)| discount(at)).sum();
    let ideal: f64 = (0..relevant.len().min(DEPTH)).map(discount).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

/// The discount at a place counted from 0.
fn discount(at: usize) -> f64 {
    1.0 / (at as f64 + 2.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relevant(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn values_worked_out_by_hand() {
        assert_eq!(ndcg_at_10(&["a", "b"], &relevant(&["a"])), 1.0);
        // 1/log2(3) = 0.63093
        assert!((ndcg_at_10(&["b", "a"], &relevant(&["a"])) - 0.630_93).abs() < 1e-5);
        // (1/log2(2) + 1/log2(4)) / (1/log2(2) + 1/log2(3)) = 1.5 / 1.63093
        assert!((ndcg_at_10(&["a", "x", "b"], &relevant(&["a", "b"])) - 0.919_72).abs() < 1e-5);
        assert_eq!(ndcg_at_10(&["x"], &relevant(&["a"])), 0.0);
        assert_eq!(ndcg_at_10(&["a"], &[]), 0.0);
    }

    #[test]
    fn a_document_with_several_chunks_counts_once() {
        assert_eq!(ndcg_at_10(&["a", "a", "a"], &relevant(&["a"])), 1.0);
        let twice = ndcg_at_10(&["x", "x", "a"], &relevant(&["a"]));
        assert!((twice - 0.630_93).abs() < 1e-5, "the second x takes no place");
    }
}
