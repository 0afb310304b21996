//! The run: a question in, events out, a journal beneath.
//!
//! A run is a short list of steps: retrieve, then generate. A finished step is in the journal and is never run again,
//! so a run that is asked for twice gives the same passages and the same answer. Events are in our own words; what they
//! look like on a wire is decided elsewhere.

mod event;
mod journal;
mod prompt;
mod run;

pub use event::{AgentEvent, Step};
pub use run::{Agent, AgentLimits, RunError, RunInput};
