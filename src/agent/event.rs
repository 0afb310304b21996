//! What happens in a run, in the order in which it happens.

use serde::{Deserialize, Serialize};

use crate::types::{Citation, Hit, StepTime};

/// A part of a run that a person can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A follow-up question is made to stand alone.
    Rewrite,
    /// Passages are searched for.
    Retrieve,
    /// The answer is written and verified.
    Generate,
}

impl Step {
    /// Its name in journals and on wires.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::Retrieve => "retrieve",
            Self::Generate => "generate",
        }
    }
}

/// Who made a follow-up question stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewrittenBy {
    /// Words of the questions before were added.
    Rules,
    /// The chat model wrote it anew.
    Model,
}

/// One event of a run. Serialised, it is what a run that was left can be followed by again.
///
/// Order: `Started`; when there was a conversation, `StepStarted(Rewrite)`, perhaps `Rewritten`, `StepFinished(Rewrite)`;
/// then `StepStarted(Retrieve)`, `Searched`, `StepFinished(Retrieve)`; then `StepStarted(Generate)`, `AnswerStarted`, any
/// number of `AnswerDelta`, `AnswerEnded`, `StepFinished(Generate)`; then `Finished`. `Failed` and `Cancelled` break off
/// anywhere. The last event is one of these three, and nothing follows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AgentEvent {
    /// The run is accepted.
    Started,
    /// A step begins.
    StepStarted {
        /// Which one.
        step: Step,
    },
    /// The question leaned on what was said before and stands alone from here on.
    Rewritten {
        /// As it was asked.
        question: String,
        /// As it is searched for.
        query: String,
        /// Who did it.
        by: RewrittenBy,
    },
    /// A search was made.
    Searched {
        /// What was searched for.
        query: String,
        /// What was found; number n in markers is the n-th of these.
        hits: Vec<Hit>,
    },
    /// The answer begins.
    AnswerStarted,
    /// More of the answer.
    AnswerDelta {
        /// The words.
        text: String,
        /// Every citation so far, when this piece adds one or changes what is known of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        citations: Option<Vec<Citation>>,
    },
    /// The answer is complete.
    AnswerEnded {
        /// Every citation of the answer.
        citations: Vec<Citation>,
        /// Whether at least one passage supports it.
        grounded: bool,
        /// Sentences that were held back because nothing supports them; only in strict verification.
        withheld: u32,
        /// How many of the passages are nearest to a question that the documents do not answer; 0 when they do.
        nearest: usize,
    },
    /// A step ends.
    StepFinished {
        /// Which one.
        step: Step,
    },
    /// The run ends with an answer.
    Finished {
        /// What it took.
        summary: RunSummary,
    },
    /// The run ends without one, or without a whole one.
    Failed {
        /// A stable code.
        code: String,
        /// One sentence for a person.
        message: String,
    },
    /// The run was stopped.
    Cancelled {
        /// Why, in one sentence.
        reason: String,
    },
}

impl AgentEvent {
    /// Whether nothing follows it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::Failed { .. } | Self::Cancelled { .. })
    }
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunSummary {
    /// Which model answered.
    pub model: String,
    /// Whether at least one passage supports the answer.
    pub grounded: bool,
    /// Sentences that were held back.
    pub withheld: u32,
    /// Tokens that models read, when they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    /// Tokens that models wrote, when they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// What that costs by the price table, in millionths of a US dollar, when the model is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// How long each step took.
    pub steps: Vec<StepTime>,
    /// The tools that were used.
    pub tools: Vec<String>,
}
