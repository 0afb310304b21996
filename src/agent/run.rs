//! One run from question to last event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use super::journal::Journal;
use super::prompt::chat_request;
use super::{AgentEvent, Step};
use crate::models::{ChatDelta, ChatError, ChatModel, TokenUsage, nothing_found};
use crate::retrieval::{CitedSource, MarkerFilter, Retriever, SearchError, SearchRequest, cite};
use crate::store::{ANSWERED_STEP, GoldQuery, RunEnd, RunRow, Store, StoreError};
use crate::types::{Caller, Citation, Filter, Hit, Message};

/// What a run is bounded by.
#[derive(Debug, Clone, Copy)]
pub struct AgentLimits {
    /// Longest run.
    pub run_timeout: Duration,
    /// Longest answer in bytes; a model that writes without end is cut off here.
    pub answer_bytes_max: usize,
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct RunInput {
    /// The run, named by the client.
    pub run_id: String,
    /// Its thread, named by the client.
    pub thread_id: String,
    /// The question.
    pub question: String,
    /// What was said before. It shapes the words of the answer and is never evidence.
    pub history: Vec<Message>,
    /// Pairs of description and value that the application adds.
    pub context: Vec<(String, String)>,
    /// What to narrow the search to.
    pub filter: Filter,
    /// Who asks.
    pub caller: Caller,
    /// How many passages.
    pub k: usize,
}

/// Why a run has no answer, or no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The model failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The truth failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It took too long.
    #[error("the run took longer than {0} s and was stopped")]
    TimedOut(u64),
    /// The answer grew too long.
    #[error("the answer grew over {0} bytes and was stopped")]
    TooLong(usize),
    /// Nobody listens any more.
    #[error("the run was cancelled")]
    Cancelled,
    /// A fault of this program.
    #[error("internal: {0}")]
    Internal(String),
}

impl RunError {
    /// A stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Search(_) => "retrieval_failed",
            Self::Chat(error) => error.code(),
            Self::Store(_) => "store_failed",
            Self::TimedOut(_) => "run_timeout",
            Self::TooLong(_) => "answer_too_long",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "internal",
        }
    }
}

/// Answers questions.
#[derive(Clone)]
pub struct Agent {
    /// Where passages come from.
    pub retriever: Retriever,
    /// What writes the answer.
    pub model: Arc<dyn ChatModel>,
    /// Where the journal is.
    pub store: Arc<dyn Store>,
    /// What a run is bounded by.
    pub limits: AgentLimits,
    /// Milliseconds since 1970 (UTC).
    pub clock: fn() -> i64,
}

/// What the step `generate` leaves in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    text: String,
    usage: Option<(u64, u64)>,
}

impl Agent {
    /// Runs to the end and sends what happens to `events`. Dropping the receiver cancels the run.
    ///
    /// # Errors
    /// [`RunError`]; whatever was sent before stays said.
    pub async fn run(&self, input: RunInput, events: Sender<AgentEvent>) -> Result<(), RunError> {
        let model = self.model.name().to_owned();
        let row = RunRow { id: input.run_id.clone(), thread_id: input.thread_id.clone(), model };
        send(&events, AgentEvent::Started).await?;
        self.store.begin_run(&row, (self.clock)()).await?;
        let limit = self.limits.run_timeout;
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(limit, self.steps(&input, &events)) => {
                outcome.unwrap_or(Err(RunError::TimedOut(limit.as_secs())))
            }
            () = events.closed() => Err(RunError::Cancelled),
        };
        let end = match &outcome {
            Ok(()) => RunEnd::Finished,
            Err(RunError::Cancelled) => RunEnd::Cancelled,
            Err(error) => RunEnd::Failed(error.code().to_owned()),
        };
        self.store.end_run(&input.run_id, &end, (self.clock)()).await?;
        outcome
    }

    async fn steps(&self, input: &RunInput, events: &Sender<AgentEvent>) -> Result<(), RunError> {
        let journal = Journal { store: self.store.as_ref(), run_id: &input.run_id, input: digest(input)? };
        send(events, AgentEvent::StepStarted(Step::Retrieve)).await?;
        let hits = journal.step(Step::Retrieve.as_str(), self.retrieve(input)).await?;
        send(events, AgentEvent::Searched { query: input.question.clone(), hits: hits.clone() }).await?;
        send(events, AgentEvent::StepFinished(Step::Retrieve)).await?;
        send(events, AgentEvent::StepStarted(Step::Generate)).await?;
        send(events, AgentEvent::AnswerStarted).await?;
        let answer = match journal.recorded::<Answer>(Step::Generate.as_str()).await? {
            Some(answer) => self.repeat(answer, &hits, events).await?,
            None => {
                let began = Instant::now();
                let answer = self.generate(input, &hits, events).await?;
                journal.record(Step::Generate.as_str(), &answer, began).await?;
                answer
            }
        };
        let citations = cite(&answer.text, CitedSource { passages: &hits });
        let grounded = !citations.is_empty();
        let cited = citations.iter().map(|citation| citation.source.clone()).collect();
        journal
            .record(ANSWERED_STEP, &GoldQuery { query: input.question.clone(), relevant: cited }, Instant::now())
            .await?;
        send(events, AgentEvent::AnswerEnded { citations, grounded }).await?;
        send(events, AgentEvent::StepFinished(Step::Generate)).await?;
        let usage = answer.usage.map(|(read, written)| TokenUsage { input: read, output: written });
        send(events, AgentEvent::Finished { usage }).await
    }

    async fn retrieve(&self, input: &RunInput) -> Result<Vec<Hit>, RunError> {
        let request = SearchRequest {
            k: input.k,
            filter: input.filter.clone(),
            caller: input.caller.clone(),
            // A question to be answered is a sentence, whatever marks it holds.
            plain: true,
            ..SearchRequest::new(&input.question)
        };
        Ok(self.retriever.search(&request).await?.hits)
    }

    async fn generate(&self, input: &RunInput, hits: &[Hit], events: &Sender<AgentEvent>) -> Result<Answer, RunError> {
        let mut said = Saying { text: String::new(), cited: 0, hits, events };
        if hits.is_empty() {
            said.add(nothing_found(&input.question).to_owned()).await?;
            return Ok(Answer { text: said.text, usage: None });
        }
        let request = chat_request(&input.question, &input.history, &input.context, hits);
        // Pieces that are ready at the same moment go out as one, because clients do work for each.
        let mut pieces = self.model.stream(request).await?.ready_chunks(64);
        let mut filter = MarkerFilter::new(hits.len());
        let mut usage = None;
        while let Some(ready) = pieces.next().await {
            let mut shown = String::new();
            let mut failed = None;
            for piece in ready {
                match piece {
                    Ok(ChatDelta::Text(text)) => shown.push_str(&filter.push(&text)),
                    Ok(ChatDelta::Usage(count)) => usage = Some((count.input, count.output)),
                    Err(error) => failed = Some(error),
                }
            }
            said.add(shown).await?;
            if let Some(error) = failed {
                return Err(error.into());
            }
            if said.text.len() > self.limits.answer_bytes_max {
                return Err(RunError::TooLong(self.limits.answer_bytes_max));
            }
        }
        said.add(filter.finish()).await?;
        if filter.dropped() > 0 {
            tracing::warn!(run_id = %input.run_id, dropped = filter.dropped(), "the answer cited passages that do not exist");
        }
        Ok(Answer { text: said.text, usage })
    }

    /// Says a recorded answer again.
    async fn repeat(&self, answer: Answer, hits: &[Hit], events: &Sender<AgentEvent>) -> Result<Answer, RunError> {
        Saying { text: String::new(), cited: 0, hits, events }.add(answer.text.clone()).await?;
        Ok(answer)
    }
}

/// An answer while it is being said.
struct Saying<'a> {
    text: String,
    cited: usize,
    hits: &'a [Hit],
    events: &'a Sender<AgentEvent>,
}

impl Saying<'_> {
    async fn add(&mut self, piece: String) -> Result<(), RunError> {
        if piece.is_empty() {
            return Ok(());
        }
        self.text.push_str(&piece);
        let citations = if piece.contains(']') { self.new_citations() } else { None };
        send(self.events, AgentEvent::AnswerDelta { text: piece, citations }).await
    }

    fn new_citations(&mut self) -> Option<Vec<Citation>> {
        let citations = cite(&self.text, CitedSource { passages: self.hits });
        let grew = citations.len() > self.cited;
        self.cited = citations.len();
        grew.then_some(citations)
    }
}

async fn send(events: &Sender<AgentEvent>, event: AgentEvent) -> Result<(), RunError> {
    events.send(event).await.map_err(|_| RunError::Cancelled)
}

/// A digest of everything that shapes the answer.
fn digest(input: &RunInput) -> Result<String, RunError> {
    let asked = (&input.thread_id, &input.question, &input.history, &input.context);
    let shape = (asked, &input.filter, &input.caller, input.k);
    let json = serde_json::to_vec(&shape).map_err(|error| RunError::Internal(error.to_string()))?;
    Ok(Sha256::digest(json).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
