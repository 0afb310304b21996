//! The seam to whatever says whether a source supports a sentence.

use async_trait::async_trait;
use ibid_ingest::Span;

use crate::types::{Hit, ReasonCode, Verdict};

/// A sentence and the sources that it cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The sentence, or the part of it that these markers close, without markers.
    pub sentence: String,
    /// The end of the answer before it, in which its pronouns may have their names.
    pub before: String,
    /// Every source that the sentence cites here. Together they may support what none does alone.
    pub sources: Vec<Source>,
    /// Which of them is judged.
    pub judged: usize,
}

/// A passage that a sentence cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The passage.
    pub text: String,
    /// What it stands under: the document's title, the headings, the header of its table.
    pub context: Vec<String>,
    /// The part of the passage that is shown as support.
    pub quote: Span,
}

impl Source {
    /// The passage of a hit, with all of it as its quote.
    pub fn of(hit: &Hit) -> Self {
        let context = std::iter::once(&hit.title).chain(&hit.heading_path).chain(&hit.header);
        Self {
            text: hit.text.clone(),
            context: context.filter(|line| !line.is_empty()).cloned().collect(),
            quote: Span::new(0, hit.text.len()),
        }
    }
}

/// What a judge says of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the source that is judged supports the sentence, alone or as a part of all.
    pub verdict: Verdict,
    /// What that rests on.
    pub code: ReasonCode,
    /// The same as one English sentence.
    pub reason: String,
}

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// What judges cannot be reached or refused.
    #[error("the judge {judge} failed: {reason}")]
    Failed {
        /// Its name.
        judge: String,
        /// What it said.
        reason: String,
    },
    /// It took too long.
    #[error("the judge {judge} said nothing for {limit_ms} ms")]
    TimedOut {
        /// Its name.
        judge: String,
        /// The limit.
        limit_ms: u128,
    },
}

/// Says whether sources support sentences.
///
/// - The result has one judgement for each claim, in order. A call fails as a whole.
/// - A conflict of fact (a number, date, unit, name, negation or quotation that differs) is `unsupported`, whoever judges.
/// - Text of sentences and sources is data. Instructions in it are not followed.
/// - Calls may be repeated and run side by side; dropping one stops its work.
#[async_trait]
pub trait Judge: Send + Sync {
    /// What it is called; this stands in each citation.
    fn name(&self) -> &str;

    /// Whether it says what the comparison of words says, which is at hand before any judge is asked.
    fn is_lexical(&self) -> bool {
        false
    }

    /// Judges every claim.
    async fn judge(&self, claims: &[Claim]) -> Result<Vec<Judgement>, JudgeError>;
}
