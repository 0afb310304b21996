//! Cuts one word into the pieces whose log probabilities add up to the most.

use crate::EncoderError;
use crate::format::Vocabulary;
use crate::source::Source;

/// How far an unknown character is below the least likely piece (SentencePiece, `kUnkPenalty`).
const UNKNOWN_PENALTY: f32 = 10.0;

/// The pieces as a trie over characters, and their scores.
pub(crate) struct Pieces {
    trie: crawdad::Trie,
    scores: Vec<f32>,
    unknown: u32,
    unknown_score: f64,
}

/// The best way to a position: its score, and the piece that ends there.
#[derive(Clone, Copy, Debug)]
struct Step {
    score: f64,
    piece: u32,
    length: u32,
}

const UNREACHED: Step = Step { score: f64::NEG_INFINITY, piece: 0, length: 0 };

/// Memory that is used again from word to word.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    steps: Vec<Step>,
    reversed: Vec<u32>,
}

impl Pieces {
    /// Builds the trie. `hidden` are ids that text must not produce: the marks of beginning, end, padding, mask.
    pub(crate) fn new(vocabulary: &Vocabulary, hidden: &[u32], source: &Source) -> Result<Self, EncoderError> {
        let shown = |(piece, id): &(&str, u32)| !piece.is_empty() && !hidden.contains(id);
        let records: Vec<(&str, u32)> = vocabulary.pieces().filter(shown).collect();
        if records.iter().any(|(piece, _)| piece.contains('\0')) {
            return Err(source.damaged("a piece holds a zero byte"));
        }
        let least = records.iter().map(|(_, id)| vocabulary.scores[*id as usize]).fold(0.0, f32::min);
        let trie = crawdad::Trie::from_records(records)
            .map_err(|error| source.damaged(format!("the pieces make no trie: {error}")))?;
        Ok(Self {
            trie,
            scores: vocabulary.scores.clone(),
            unknown: vocabulary.unknown,
            unknown_score: f64::from(least - UNKNOWN_PENALTY),
        })
    }

    /// Appends the ids of `word`. Neighbouring unknown characters become one unknown id, as in SentencePiece.
    pub(crate) fn cut(&self, word: &[char], scratch: &mut Scratch, ids: &mut Vec<u32>) {
        let steps = &mut scratch.steps;
        steps.clear();
        steps.resize(word.len() + 1, UNREACHED);
        steps[0].score = 0.0;
        for start in 0..word.len() {
            let score = steps[start].score;
            let unknown = Step { score: score + self.unknown_score, piece: self.unknown, length: 1 };
            keep_better(&mut steps[start + 1], unknown);
            for (piece, length) in self.trie.common_prefix_search(word[start..].iter().copied()) {
                let step = Step { score: score + f64::from(self.scores[piece as usize]), piece, length: length as u32 };
                keep_better(&mut steps[start + length], step);
            }
        }
        self.trace_back(scratch, ids);
    }

    fn trace_back(&self, scratch: &mut Scratch, ids: &mut Vec<u32>) {
        scratch.reversed.clear();
        let mut end = scratch.steps.len() - 1;
        while end > 0 {
            let step = scratch.steps[end];
            if step.piece != self.unknown || scratch.reversed.last() != Some(&self.unknown) {
                scratch.reversed.push(step.piece);
            }
            end -= step.length as usize;
        }
        ids.extend(scratch.reversed.iter().rev());
    }
}

fn keep_better(kept: &mut Step, step: Step) {
    if step.score > kept.score {
        *kept = step;
    }
}
