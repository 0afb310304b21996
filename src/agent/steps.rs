//! The steps of a run: rewrite, retrieve, generate. A step that is in the journal is not done again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answer::{Grounds, Said, Saying};
use super::history::{Condensed, condensed};
use super::journal::Journal;
use super::live::LiveRun;
use super::prompt::{answer_request, rewrite_request};
use super::run::{nearest, title_of};
use super::{Agent, AgentEvent, RewrittenBy, RunError, RunInput, RunSummary, Step, rewrite};
use crate::models::{ChatDelta, ChatModel, ChatRequest, Metered, nothing_found};
use crate::retrieval::SearchRequest;
use crate::store::{ANSWERED_STEP, Begun, GoldQuery, NewRun};
use crate::types::{Citation, Hit, Message, Role, RunState, StepTime, Verdict};

/// Turns of the thread that are read back; older ones do not fit the prompt.
const TURNS_READ_MAX: u32 = 100;
/// The tool that a run uses, as wires call it.
const SEARCH_TOOL: &str = "search";

/// A run while its steps are done.
pub(super) struct Steps<'a> {
    agent: &'a Agent,
    input: &'a RunInput,
    run: &'a LiveRun,
    model: Metered,
    times: Vec<StepTime>,
}

/// What the step `rewrite` leaves in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Rewriting {
    query: Option<(String, RewrittenBy)>,
}

/// What the step `retrieve` leaves in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Retrieved {
    hits: Vec<Hit>,
    /// Whether they say enough for an answer.
    sufficient: bool,
}

/// What the step `generate` leaves in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    text: String,
    citations: Vec<Citation>,
    grounded: bool,
    withheld: u32,
    nearest: usize,
    model: String,
    usage: Option<(u64, u64)>,
    cost_micros: Option<u64>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(agent: &'a Agent, input: &'a RunInput, run: &'a LiveRun) -> Self {
        let model = Metered::new(Arc::clone(&agent.model), Arc::clone(&agent.prices), agent.limits.calls);
        Self { agent, input, run, model, times: Vec::new() }
    }

    /// Does every step.
    pub(super) async fn all(mut self) -> Result<RunSummary, RunError> {
        self.begin().await?;
        let history = self.history().await?;
        let journal = Journal {
            store: self.agent.store.as_ref(),
            run_id: &self.input.run_id,
            input: digest(self.input, &history)?,
        };
        let history = condensed(&history);
        let query = self.stand_alone(&journal, &history).await?;
        let found = self.retrieve(&journal, &query).await?;
        let answer = self.answer(&journal, &history, &found).await?;
        let cited = answer.citations.iter().map(|citation| citation.source.clone()).collect();
        journal.record(ANSWERED_STEP, &GoldQuery { query, relevant: cited }, Instant::now()).await?;
        Ok(RunSummary {
            model: answer.model,
            grounded: answer.grounded,
            withheld: answer.withheld,
            tokens_in: answer.usage.map(|(read, _)| read),
            tokens_out: answer.usage.map(|(_, written)| written),
            cost_micros: answer.cost_micros,
            steps: self.times,
            tools: vec![SEARCH_TOOL.to_owned()],
        })
    }

    async fn begin(&self) -> Result<(), RunError> {
        let now_ms = (self.agent.clock)();
        let kept = self.agent.limits.threads_kept;
        let row = NewRun {
            id: self.input.run_id.clone(),
            thread_id: self.input.thread_id.clone(),
            account: self.input.caller.account(),
            title: if self.input.listed { title_of(&self.input.question) } else { String::new() },
            question: self.input.question.clone(),
            model: self.model.name().to_owned(),
            expires_at_ms: kept.map(|kept| now_ms.saturating_add(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))),
        };
        match self.agent.store.begin_run(&row, now_ms).await? {
            Begun::Foreign => {
                Err(RunError::Conflict("the run or its thread is in use; take another runId or threadId".to_owned()))
            }
            Begun::New | Begun::Again => {
                self.run.begun.store(true, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    /// What was said before: as the client says, or as the thread has it.
    async fn history(&self) -> Result<Vec<Message>, RunError> {
        if let Some(history) = &self.input.history {
            return Ok(history.clone());
        }
        let account = self.input.caller.account();
        let turns = self.agent.store.turns(&self.input.thread_id, &account, TURNS_READ_MAX).await?;
        // A run that is asked for again follows what it followed the first time.
        let before = turns.into_iter().take_while(|turn| turn.run_id != self.input.run_id);
        let finished = before.filter(|turn| turn.state == RunState::Finished);
        let said = finished.flat_map(|turn| {
            let answer = turn.answer.map(|content| Message { role: Role::Assistant, content });
            [Some(Message { role: Role::User, content: turn.question }), answer]
        });
        Ok(said.flatten().collect())
    }

    /// The question as it is searched for.
    async fn stand_alone(&mut self, journal: &Journal<'_>, history: &Condensed) -> Result<String, RunError> {
        let question = &self.input.question;
        if !history.recent.iter().any(|turn| turn.role == Role::User) {
            return Ok(question.clone());
        }
        self.step_started(Step::Rewrite);
        let began = Instant::now();
        let rewriting = match journal.recorded::<Rewriting>(Step::Rewrite.as_str()).await? {
            Some(recorded) => recorded,
            None => {
                let made = Rewriting { query: self.rewritten(history).await };
                journal.record(Step::Rewrite.as_str(), &made, began).await?;
                made
            }
        };
        let query = match rewriting.query {
            None => question.clone(),
            Some((query, by)) => {
                let question = question.clone();
                self.run.push(AgentEvent::Rewritten { question, query: query.clone(), by });
                query
            }
        };
        self.step_finished(Step::Rewrite, began);
        Ok(query)
    }

    /// A rewriting by the model when it writes, else by rules. A model that fails here fails the answer soon enough.
    async fn rewritten(&self, history: &Condensed) -> Option<(String, RewrittenBy)> {
        let question = self.input.question.as_str();
        if !rewrite::leans_back(question) {
            return None;
        }
        if self.agent.model.is_generative() {
            match self.written(rewrite_request(question, history)).await {
                Ok(line) => return rewrite::by_model(question, &line).map(|query| (query, RewrittenBy::Model)),
                Err(error) => tracing::warn!(%error, "a follow-up question is rewritten by rules"),
            }
        }
        let before = rewrite::standing_alone(&history.recent)?;
        rewrite::by_rules(question, &before).map(|query| (query, RewrittenBy::Rules))
    }

    /// What the model writes, whole.
    async fn written(&self, request: ChatRequest) -> Result<String, RunError> {
        let mut pieces = self.model.stream(request).await?;
        let mut written = String::new();
        while let Some(piece) = pieces.next().await {
            if let ChatDelta::Text(text) = piece? {
                written.push_str(&text);
            }
            if written.len() > self.agent.limits.answer_bytes_max {
                return Err(RunError::TooLong(self.agent.limits.answer_bytes_max));
            }
        }
        Ok(written)
    }

    async fn retrieve(&mut self, journal: &Journal<'_>, query: &str) -> Result<Retrieved, RunError> {
        self.step_started(Step::Retrieve);
        let began = Instant::now();
        let found = journal.step(Step::Retrieve.as_str(), self.search(query)).await?;
        self.run.push(AgentEvent::Searched { query: query.to_owned(), hits: found.hits.clone() });
        self.step_finished(Step::Retrieve, began);
        Ok(found)
    }

    async fn search(&self, query: &str) -> Result<Retrieved, RunError> {
        let request = SearchRequest {
            k: self.input.k,
            filter: self.input.filter.clone(),
            caller: self.input.caller.clone(),
            // A question to be answered is a sentence, whatever marks it holds.
            plain: true,
            ..SearchRequest::new(query)
        };
        let response = self.agent.retriever.search(&request).await?;
        Ok(Retrieved { sufficient: response.evidence.sufficient, hits: response.hits })
    }

    async fn answer(
        &mut self,
        journal: &Journal<'_>,
        history: &Condensed,
        found: &Retrieved,
    ) -> Result<Answer, RunError> {
        self.step_started(Step::Generate);
        self.run.push(AgentEvent::AnswerStarted);
        let began = Instant::now();
        let answer = match journal.recorded::<Answer>(Step::Generate.as_str()).await? {
            Some(answer) => {
                let citations = Some(answer.citations.clone()).filter(|citations| !citations.is_empty());
                self.run.push(AgentEvent::AnswerDelta { text: answer.text.clone(), citations });
                answer
            }
            None => {
                let answer = self.generate(history, found).await?;
                journal.record(Step::Generate.as_str(), &answer, began).await?;
                answer
            }
        };
        let Answer { citations, grounded, withheld, nearest, .. } = &answer;
        self.run.push(AgentEvent::AnswerEnded {
            citations: citations.clone(),
            grounded: *grounded,
            withheld: *withheld,
            nearest: *nearest,
        });
        self.step_finished(Step::Generate, began);
        Ok(answer)
    }

    async fn generate(&self, history: &Condensed, found: &Retrieved) -> Result<Answer, RunError> {
        let mut said = Said::default();
        if found.sufficient && !found.hits.is_empty() {
            said = self.say(history, &found.hits).await?;
        }
        if said.text.trim().is_empty() {
            let text = nothing_found(&self.input.question).to_owned();
            self.run.push(AgentEvent::AnswerDelta { text: text.clone(), citations: None });
            said.text.push_str(&text);
        }
        let supports = |citation: &Citation| citation.verdict != Verdict::Unsupported;
        let grounded = said.citations.iter().any(supports);
        let spent = self.model.spent();
        Ok(Answer {
            nearest: if said.citations.is_empty() { nearest(&found.hits) } else { 0 },
            text: said.text,
            citations: said.citations,
            grounded,
            withheld: said.withheld,
            model: spent.model.unwrap_or_else(|| self.model.name().to_owned()),
            usage: spent.usage.map(|usage| (usage.input, usage.output)),
            cost_micros: spent.cost_micros,
        })
    }

    /// Lets the model answer, and says what passes.
    async fn say(&self, history: &Condensed, hits: &[Hit]) -> Result<Said, RunError> {
        let mut request = answer_request(&self.input.question, history, &self.input.context, hits);
        request.tokens_max = self.input.tokens_max;
        // Pieces that are ready at the same moment go out as one, because clients do work for each.
        let mut pieces = self.model.stream(request).await?.ready_chunks(64);
        let grounds = Grounds {
            run_id: &self.input.run_id,
            hits,
            verifier: &self.agent.verifier,
            store: self.agent.store.as_ref(),
            verification: self.input.verification,
        };
        let mut saying = Saying::new(grounds, self.run);
        let mut written = 0;
        loop {
            let ready = match saying.due() {
                None => pieces.next().await,
                Some(due) => match tokio::time::timeout_at(due, pieces.next()).await {
                    Ok(ready) => ready,
                    Err(_) => {
                        saying.flush();
                        continue;
                    }
                },
            };
            let Some(ready) = ready else { break };
            let mut words = String::new();
            let mut failed = None;
            for piece in ready {
                match piece {
                    Ok(ChatDelta::Text(text)) => words.push_str(&text),
                    Ok(ChatDelta::Cut) => {
                        tracing::info!(run_id = %self.input.run_id, "the answer was cut at its limit of tokens")
                    }
                    // The meter has seen them.
                    Ok(ChatDelta::Answering { .. } | ChatDelta::Usage(_)) => {}
                    Err(error) => failed = Some(error),
                }
            }
            written += words.len();
            saying.add(&words).await?;
            if let Some(error) = failed {
                return Err(error.into());
            }
            if written > self.agent.limits.answer_bytes_max {
                return Err(RunError::TooLong(self.agent.limits.answer_bytes_max));
            }
        }
        saying.finish().await
    }

    fn step_started(&self, step: Step) {
        self.run.push(AgentEvent::StepStarted { step });
    }

    fn step_finished(&mut self, step: Step, began: Instant) {
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.times.push(StepTime { name: step.as_str().to_owned(), took_ms });
        self.run.push(AgentEvent::StepFinished { step });
    }
}

/// A digest of everything that shapes the answer, so that a run id that is used for another question finds nothing of the
/// first one.
fn digest(input: &RunInput, history: &[Message]) -> Result<String, RunError> {
    let asked = (&input.thread_id, &input.question, history, &input.context);
    let shape = (asked, &input.filter, &input.caller, input.k, input.verification, input.tokens_max);
    let json = serde_json::to_vec(&shape).map_err(|error| RunError::Internal(error.to_string()))?;
    Ok(Sha256::digest(json).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
