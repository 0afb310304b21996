//! Fusion: two ranked lists in, one out.
//!
//! Each list is put on a scale of 0 to 1, and the scales are added with weights: the convex combination of Bruch, Gai and
//! Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval". What adapts to the question are the scales, which
//! are absolute, so that a leg speaks as loudly as it has something to say:
//!
//! - **Words**: the share of all that the question's words could score, those included that no document has. A passage that
//!   has one common word of a question in another language stays near 0, one that says it all comes near 1.
//! - **Meaning**: how far the cosine lies above that of the worst candidate, in units of what separates answers from the rest
//!   under that model ([`Embedder::cosine_span`](crate::models::Embedder::cosine_span)). A list of equally far passages
//!   stays near 0, where scaling it from worst to best would make an answer of its first.
//!
//! The weights between both come from a model over what the question shows ([`WeightModel`]), or are fixed. Scaling each list
//! from its worst to its best with fixed weights, and reciprocal rank fusion, which looks at ranks alone, are there to
//! compare with: both fall far below their better leg when a question is in another language than the documents.

use std::collections::HashMap;

use super::legs::LegAnswers;
use super::signals::Signals;
use super::weights::WeightModel;
use crate::types::{ChunkId, LegHit, LegRank, Legs};

/// A chunk with its fused score and what each leg said.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// The chunk.
    pub chunk: ChunkId,
    /// The sum over the legs of weight and normalised score, or of reciprocal ranks.
    pub score: f32,
    /// What each leg said.
    pub legs: Legs,
}

/// How two lists become one.
#[derive(Debug, Clone, PartialEq)]
pub enum Fusion {
    /// Absolute scales, and weights by what the question and its lists show.
    Adaptive(WeightModel),
    /// The same weights for every question, over lists scaled from their worst to their best.
    Convex {
        /// The vector leg's share, 0 to 1.
        vector_weight: f32,
    },
    /// Reciprocal rank fusion: the sum of `1 / (k + rank)`. Cormack, Clarke and Buettcher 2009.
    Rrf {
        /// How little the first ranks stand out; 60 is usual.
        k: f32,
    },
}

impl Fusion {
    /// What configuration calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adaptive(_) => "adaptive",
            Self::Convex { .. } => "convex",
            Self::Rrf { .. } => "rrf",
        }
    }

    /// The vector leg's share for a question, 0 to 1.
    pub fn vector_weight(&self, signals: &Signals) -> f32 {
        match self {
            Self::Adaptive(model) => model.vector_weight(signals),
            Self::Convex { vector_weight } => *vector_weight,
            Self::Rrf { .. } => 0.5,
        }
    }

    /// Fuses both lists, each sorted best first and holding a chunk once. The result holds every chunk of either, best first,
    /// ties by chunk.
    pub fn fuse(&self, answers: &LegAnswers, signals: &Signals, vector_weight: f32) -> Vec<Fused> {
        let (keyword, vector) = (&answers.keyword.hits, &answers.vector);
        let keyword_weight = 1.0 - vector_weight;
        match self {
            Self::Adaptive(_) => {
                let most = bound_of_all(answers.keyword.score_bound, signals.known, keyword);
                let worst = Scale::of(vector).from;
                let meaning = Scale { from: worst, to: worst + answers.cosine_span };
                let words = scaled(keyword, Scale { from: 0.0, to: most }, keyword_weight);
                join(words, scaled(vector, meaning, vector_weight))
            }
            Self::Convex { .. } => join(
                scaled(keyword, Scale::of(keyword), keyword_weight),
                scaled(vector, Scale::of(vector), vector_weight),
            ),
            Self::Rrf { k } => join(reciprocal(keyword, *k, keyword_weight), reciprocal(vector, *k, vector_weight)),
        }
    }
}

/// The largest keyword score there could be if documents had every term of the question. Titles and headings can lift a score
/// above it, which then is the largest.
fn bound_of_all(bound_of_known: f32, known: f32, hits: &[LegHit]) -> f32 {
    let all = if known > 0.0 { bound_of_known / known } else { bound_of_known };
    hits.first().map_or(all, |best| best.score.max(all))
}

/// What becomes 0 and what becomes 1.
#[derive(Debug, Clone, Copy)]
struct Scale {
    from: f32,
    to: f32,
}

impl Scale {
    fn of(hits: &[LegHit]) -> Self {
        let scores = || hits.iter().map(|hit| hit.score);
        Self { from: scores().fold(f32::INFINITY, f32::min), to: scores().fold(f32::NEG_INFINITY, f32::max) }
    }

    fn apply(self, score: f32) -> f32 {
        // A list whose scores are all equal says that all are equally good, not that all are worthless.
        if self.to > self.from { ((score - self.from) / (self.to - self.from)).clamp(0.0, 1.0) } else { 1.0 }
    }
}

fn scaled(hits: &[LegHit], scale: Scale, weight: f32) -> impl Iterator<Item = (ChunkId, LegRank)> {
    hits.iter().enumerate().map(move |(place, hit)| {
        (hit.chunk, LegRank { rank: place + 1, score: hit.score, normalized: scale.apply(hit.score), weight })
    })
}

fn reciprocal(hits: &[LegHit], k: f32, weight: f32) -> impl Iterator<Item = (ChunkId, LegRank)> {
    hits.iter().enumerate().map(move |(place, hit)| {
        let rank = place + 1;
        (hit.chunk, LegRank { rank, score: hit.score, normalized: 1.0 / (k + rank as f32), weight })
    })
}

fn join(
    keyword: impl Iterator<Item = (ChunkId, LegRank)>,
    vector: impl Iterator<Item = (ChunkId, LegRank)>,
) -> Vec<Fused> {
    let mut fused: HashMap<ChunkId, Legs> = HashMap::with_capacity(keyword.size_hint().0 + vector.size_hint().0);
    keyword.for_each(|(chunk, rank)| fused.entry(chunk).or_default().keyword = Some(rank));
    vector.for_each(|(chunk, rank)| fused.entry(chunk).or_default().vector = Some(rank));
    let share = |leg: &Option<LegRank>| leg.map_or(0.0, |rank| rank.weight * rank.normalized);
    let mut fused: Vec<Fused> = fused
        .into_iter()
        .map(|(chunk, legs)| Fused { chunk, score: share(&legs.keyword) + share(&legs.vector), legs })
        .collect();
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
    fused
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::keyword::KeywordAnswer;

    const HALF: Fusion = Fusion::Convex { vector_weight: 0.5 };

    fn hits(list: &[(u64, f32)]) -> Vec<LegHit> {
        list.iter().map(|&(id, score)| LegHit { chunk: ChunkId(id), score }).collect()
    }

    fn answers(keyword: Vec<LegHit>, vector: Vec<LegHit>) -> LegAnswers {
        let keyword = KeywordAnswer { hits: keyword, score_bound: 20.0, terms: Vec::new() };
        LegAnswers { keyword, vector, cosine_span: 0.25 }
    }

    fn fused(fusion: &Fusion, answers: &LegAnswers) -> Vec<(u64, f32)> {
        let signals = Signals { known: 0.5, ..Signals::default() };
        fusion.fuse(answers, &signals, 0.5).iter().map(|fused| (fused.chunk.0, fused.score)).collect()
    }

    #[test]
    fn the_weights_are_shares_of_scaled_scores() {
        let both = answers(hits(&[(1, 8.0), (2, 4.0), (3, 0.0)]), hits(&[(2, 0.9), (4, 0.7)]));
        assert_eq!(fused(&HALF, &both), [(2, 0.75), (1, 0.5), (3, 0.0), (4, 0.0)]);
    }

    #[test]
    fn words_are_scaled_by_all_that_the_question_could_score() {
        // Half of the question is unknown to the index, so 40 could be reached and 8 is a fifth.
        let both = answers(hits(&[(1, 8.0), (2, 4.0)]), hits(&[(2, 0.9), (4, 0.7)]));
        let adaptive = Fusion::Adaptive(WeightModel::built_in().clone());
        // The best cosine is 0.2 above the worst, of a span of 0.25.
        let found: Vec<_> = fused(&adaptive, &both).iter().map(|(id, score)| (*id, (score * 1e4).round())).collect();
        assert_eq!(found, [(2, 4_500.0), (1, 1_000.0), (4, 0.0)]);
    }

    #[test]
    fn reciprocal_ranks_add_up() {
        let both = answers(hits(&[(1, 8.0), (2, 4.0)]), hits(&[(2, 0.9)]));
        let found = fused(&Fusion::Rrf { k: 60.0 }, &both);
        assert_eq!(found[0], (2, 0.5 / 62.0 + 0.5 / 61.0));
        assert_eq!(found[1], (1, 0.5 / 61.0));
    }

    #[test]
    fn one_hit_alone_counts_fully() {
        assert_eq!(fused(&HALF, &answers(hits(&[(7, 0.3)]), Vec::new())), [(7, 0.5)]);
    }

    fn ranked_list() -> impl Strategy<Value = Vec<LegHit>> {
        proptest::collection::btree_map(0_u64..40, 0.0_f32..100.0, 0..30).prop_map(|map| {
            let mut list: Vec<_> = map.into_iter().map(|(id, score)| LegHit { chunk: ChunkId(id), score }).collect();
            list.sort_by(|a, b| b.score.total_cmp(&a.score));
            list
        })
    }

    fn any_fusion() -> impl Strategy<Value = Fusion> {
        prop_oneof![Just(Fusion::Adaptive(WeightModel::built_in().clone())), Just(HALF), Just(Fusion::Rrf { k: 60.0 })]
    }

    proptest! {
        #[test]
        fn fusion_keeps_every_chunk_once_in_order(
            k in ranked_list(), v in ranked_list(), known in 0.0_f32..=1.0, fusion in any_fusion(),
        ) {
            let both = answers(k, v);
            let signals = Signals { known, ..Signals::of(&both.keyword, &both.vector) };
            let weight = fusion.vector_weight(&signals);
            prop_assert!((0.0..=1.0).contains(&weight));
            let fused = fusion.fuse(&both, &signals, weight);
            let expected: BTreeSet<_> = both.keyword.hits.iter().chain(&both.vector).map(|hit| hit.chunk).collect();
            let found: Vec<_> = fused.iter().map(|f| f.chunk).collect();
            prop_assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), expected);
            prop_assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len());
            prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
            prop_assert!(fused.iter().all(|f| (0.0..=1.0 + 1e-5).contains(&f.score)));
        }

        #[test]
        fn all_weight_on_a_leg_gives_the_order_of_that_leg(k in ranked_list(), v in ranked_list()) {
            let both = answers(k, v);
            let signals = Signals { known: 1.0, ..Signals::default() };
            let fused = HALF.fuse(&both, &signals, 1.0);
            let with_vector: Vec<_> = fused.iter().filter_map(|f| f.legs.vector.map(|leg| leg.score)).collect();
            prop_assert!(with_vector.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }
}
