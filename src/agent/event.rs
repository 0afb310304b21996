//! What happens in a run, in the order in which it happens.

use crate::models::TokenUsage;
use crate::types::{Citation, Hit};

/// A part of a run that a person can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Passages are searched for.
    Retrieve,
    /// The answer is written.
    Generate,
}

impl Step {
    /// Its name in journals and on wires.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retrieve => "retrieve",
            Self::Generate => "generate",
        }
    }
}

/// One event of a run.
///
/// Order: `Started`; then `StepStarted(Retrieve)`, `Searched`, `StepFinished(Retrieve)`; then `StepStarted(Generate)`,
/// `AnswerStarted`, any number of `AnswerDelta`, `AnswerEnded`, `StepFinished(Generate)`; then `Finished`. An error
/// breaks off anywhere and is no event: it is the result of the run.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEvent {
    /// The run is accepted.
    Started,
    /// A step begins.
    StepStarted(Step),
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
        /// Every citation so far, when this piece cites a passage for the first time.
        citations: Option<Vec<Citation>>,
    },
    /// The answer is complete.
    AnswerEnded {
        /// Every citation of the answer.
        citations: Vec<Citation>,
        /// Whether at least one passage supports it.
        grounded: bool,
    },
    /// A step ends.
    StepFinished(Step),
    /// The run ends.
    Finished {
        /// What the model says it took.
        usage: Option<TokenUsage>,
    },
}
