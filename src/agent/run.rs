//! A run from its start to its last event, watched over: it ends, whatever its steps do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::live::{LiveRun, LiveRunKey, LiveRuns};
use super::steps::Steps;
use super::{AgentEvent, AgentLimits, Following, RunError, RunInput, RunSummary};
use crate::citation::Verifier;
use crate::models::{ChatModel, PriceTable};
use crate::retrieval::Retriever;
use crate::store::{RunEnd, RunOutcome, Store, StoreError};
use crate::types::Hit;

/// How often the events of a run are written down, so that a run that dies with its process can be read up to there.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Characters of a thread's first title.
const TITLE_CHARS_MAX: usize = 80;

/// Answers questions.
#[derive(Clone)]
pub struct Agent {
    /// Where passages come from.
    pub retriever: Retriever,
    /// What writes the answer.
    pub model: Arc<dyn ChatModel>,
    /// What models cost.
    pub prices: Arc<PriceTable>,
    /// What verifies citations.
    pub verifier: Verifier,
    /// Where the journal is.
    pub store: Arc<dyn Store>,
    /// What runs are bounded by.
    pub limits: AgentLimits,
    /// The runs that are going on.
    pub live: LiveRuns,
    /// Milliseconds since 1970 (UTC).
    pub clock: fn() -> i64,
}

/// How the steps of a run ended.
enum Ended {
    Finished(RunSummary),
    Failed(RunError),
    Cancelled(String),
}

impl Agent {
    /// Starts a run, which goes on by itself, and gives what follows it. Its first event is there at once.
    ///
    /// # Errors
    /// [`RunError::Conflict`] and [`RunError::Busy`]. Whatever goes wrong later is the run's last event.
    pub async fn start(&self, input: RunInput) -> Result<Following, RunError> {
        let known = self.store.turn(&input.run_id, &input.caller.account()).await?;
        if known.is_some_and(|turn| turn.thread_id != input.thread_id || turn.question != input.question) {
            return Err(RunError::Conflict(format!(
                "the run {:?} asked something else; take another runId",
                input.run_id
            )));
        }
        let key = LiveRunKey {
            run_id: input.run_id.clone(),
            thread_id: input.thread_id.clone(),
            account: input.caller.account(),
            keeps_on: input.keeps_on,
        };
        let run = self.live.take(key, self.limits.runs_max)?;
        run.push(AgentEvent::Started);
        let following = Following::new(Arc::clone(&run));
        let agent = self.clone();
        tokio::spawn(async move { agent.watch_over(input, run).await });
        Ok(following)
    }

    /// Does the steps, and sees to it that the run has one last event and a row that says how it ended.
    async fn watch_over(&self, input: RunInput, run: Arc<LiveRun>) {
        let run_id = input.run_id.clone();
        let agent = self.clone();
        let watched = Arc::clone(&run);
        let mut work = tokio::spawn(async move { Steps::new(&agent, &input, &watched).all().await });
        let limit = self.limits.run_timeout;
        let deadline = tokio::time::sleep(limit);
        tokio::pin!(deadline);
        let mut kept = 0;
        let ended = loop {
            tokio::select! {
                outcome = &mut work => break match outcome {
                    Ok(Ok(summary)) => Ended::Finished(summary),
                    Ok(Err(error)) => Ended::Failed(error),
                    Err(_) => Ended::Failed(RunError::Internal("the run panicked".to_owned())),
                },
                reason = run.stopped() => break Ended::Cancelled(reason),
                () = &mut deadline => {
                    break Ended::Cancelled(format!("the run took longer than {} s", limit.as_secs()));
                }
                () = tokio::time::sleep(KEEP_INTERVAL) => kept = self.keep_events(&run_id, &run, kept).await,
            }
        };
        // Dropping a step drops its call of a model and the connection with it.
        work.abort();
        self.end(&run_id, &run, ended, kept).await;
        self.live.release(&run);
    }

    /// Writes down how the run ended, then tells its followers: who hears of the end finds it in the thread.
    async fn end(&self, run_id: &str, run: &LiveRun, ended: Ended, kept: usize) {
        let mut last = match &ended {
            Ended::Finished(summary) => AgentEvent::Finished { summary: summary.clone() },
            Ended::Failed(error) => {
                tracing::warn!(run_id, %error, "a run failed");
                AgentEvent::Failed { code: error.code().to_owned(), message: error.told() }
            }
            Ended::Cancelled(reason) => {
                tracing::info!(run_id, reason, "a run was cancelled");
                AgentEvent::Cancelled { reason: reason.clone() }
            }
        };
        if run.begun.load(Ordering::SeqCst) {
            let outcome = outcome_of(&run.since(0), &ended);
            if let Err(error) = self.store.end_run(run_id, &outcome, (self.clock)()).await {
                tracing::error!(run_id, %error, "a run could not be written down");
                last = failed_to_store(&error);
            }
            let kept = self.keep_events(run_id, run, kept).await;
            self.append(run_id, kept, std::slice::from_ref(&last)).await;
        }
        run.push(last);
    }

    async fn keep_events(&self, run_id: &str, run: &LiveRun, kept: usize) -> usize {
        if !run.begun.load(Ordering::SeqCst) {
            return kept;
        }
        let events: Vec<AgentEvent> = run.since(kept).iter().map(|event| event.as_ref().clone()).collect();
        if self.append(run_id, kept, &events).await { kept + events.len() } else { kept }
    }

    async fn append(&self, run_id: &str, kept: usize, events: &[AgentEvent]) -> bool {
        let lines: Vec<String> = events.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        let first = u64::try_from(kept).unwrap_or(u64::MAX).saturating_add(1);
        let appended = match lines.is_empty() {
            true => Ok(()),
            false => self.store.append_events(run_id, first, &lines).await,
        };
        // What cannot be written down now is written later, or lost to those who come back; the run goes on.
        appended.inspect_err(|error| tracing::warn!(run_id, %error, "events of a run could not be kept")).is_ok()
    }
}

/// The title of a thread that begins with this question.
pub(super) fn title_of(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(TITLE_CHARS_MAX).collect();
    if cut.len() < line.len() { format!("{}…", cut.trim_end()) } else { cut }
}

fn failed_to_store(error: &StoreError) -> AgentEvent {
    let message = if matches!(error, StoreError::DiskFull) {
        error.to_string()
    } else {
        "the answer could not be kept; the server's log says why".to_owned()
    };
    AgentEvent::Failed { code: "store_failed".to_owned(), message }
}

/// What the events of a run say of it, whole or broken off.
fn outcome_of(events: &[Arc<AgentEvent>], ended: &Ended) -> RunOutcome {
    let mut outcome = RunOutcome::of(RunEnd::Finished);
    let mut answer = None::<String>;
    for event in events {
        match event.as_ref() {
            AgentEvent::Rewritten { query, .. } => outcome.search_query = Some(query.clone()),
            AgentEvent::AnswerDelta { text, citations } => {
                answer.get_or_insert_default().push_str(text);
                if let Some(citations) = citations {
                    outcome.citations.clone_from(citations);
                }
            }
            AgentEvent::AnswerEnded { citations, grounded, withheld, .. } => {
                outcome.citations.clone_from(citations);
                outcome.grounded = Some(*grounded);
                outcome.withheld = *withheld;
            }
            _ => {}
        }
    }
    outcome.answer = answer;
    match ended {
        Ended::Finished(summary) => {
            outcome.model = Some(summary.model.clone());
            outcome.tokens_in = summary.tokens_in;
            outcome.tokens_out = summary.tokens_out;
            outcome.cost_micros = summary.cost_micros;
            outcome.steps.clone_from(&summary.steps);
            outcome.tools.clone_from(&summary.tools);
        }
        Ended::Failed(error) => outcome.end = RunEnd::Failed(error.code().to_owned()),
        Ended::Cancelled(_) => outcome.end = RunEnd::Cancelled,
    }
    outcome
}

/// What of the hits a run shows when they answer nothing: the nearest.
pub(super) fn nearest(hits: &[Hit]) -> usize {
    const NEAREST_MAX: usize = 3;
    hits.len().min(NEAREST_MAX)
}
