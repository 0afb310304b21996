//! The run: a question in, events out, a journal beneath.
//!
//! A run is a short list of steps: rewrite, retrieve, generate. A finished step is in the journal and is never run again,
//! so a run that is asked for twice gives the same passages and the same answer. A run goes on by itself once it is started
//! and is followed by whoever wants to; it ends with exactly one last event, whatever its steps do. Events are in our own
//! words; what they look like on a wire is decided elsewhere.

mod answer;
mod event;
mod history;
mod input;
mod journal;
mod links;
mod live;
mod offsets;
mod prompt;
mod rewrite;
mod run;
mod steps;

#[cfg(test)]
mod fixtures;

pub use answer::Verification;
pub use event::{AgentEvent, RewrittenBy, RunSummary, Step};
pub use input::{AgentLimits, RunError, RunInput};
pub use live::{Following, LiveRuns};
pub use prompt::{PROMPT_TEMPLATES, PromptTemplate};
pub use run::Agent;
