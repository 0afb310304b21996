//! A chat model whose every call ends: tried again where that can help, left alone where it cannot, replaced by another one.
//!
//! - A call is tried again, or given to the fallback, only as long as not one word was said. What fails in the midst of an
//!   answer is an error, because the words cannot be taken back.
//! - Waits between tries grow and are drawn at random below their bound ("full jitter", aws.amazon.com/builders-library,
//!   "Timeouts, retries and backoff with jitter"), so that many callers do not come back at the same moment.
//! - Whoever drops the future or the stream drops the call beneath, its place among the calls and its probe.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::breaker::{Breaker, Pass};
use super::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream};

/// What calls are bounded by.
#[derive(Debug, Clone, Copy)]
pub struct GuardOptions {
    /// Tries after the first.
    pub retries: u32,
    /// The bound of the first wait between two tries; it doubles with each.
    pub retry_wait: Duration,
    /// The bound of every wait. A server that wants to be left alone for longer is not asked again in this call.
    pub retry_wait_max: Duration,
    /// Failures one after another after which a model is left alone; 0 never leaves it alone.
    pub breaker_failures: u32,
    /// How long it is left alone.
    pub breaker_open: Duration,
    /// Calls at the same time.
    pub calls_max: usize,
    /// How long a call may wait for its turn.
    pub call_wait: Duration,
    /// Longest answer of one model, tries and waits included.
    pub answer_timeout: Duration,
    /// Draws a number from 0 to 1.
    pub random: fn() -> f64,
}

/// A model and, where there is one, another that answers in its place.
pub struct Guarded {
    primary: Watched,
    fallback: Option<Watched>,
    calls: Arc<Semaphore>,
    options: GuardOptions,
}

struct Watched {
    model: Arc<dyn ChatModel>,
    breaker: Arc<Breaker>,
}

/// An answer that has begun.
struct Begun {
    /// What came up to the first word.
    deltas: Vec<ChatDelta>,
    rest: ChatStream,
    pass: Pass,
    deadline: Instant,
}

/// What is left of an answer, with what is held as long as it lasts.
struct Rest {
    stream: ChatStream,
    pass: Pass,
    deadline: Instant,
    too_slow: ChatError,
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    /// Guards `primary`, with `fallback` for what it does not answer.
    pub fn new(primary: Arc<dyn ChatModel>, fallback: Option<Arc<dyn ChatModel>>, options: GuardOptions) -> Self {
        let watched =
            |model| Watched { model, breaker: Arc::new(Breaker::new(options.breaker_failures, options.breaker_open)) };
        Self {
            primary: watched(primary),
            fallback: fallback.map(watched),
            calls: Arc::new(Semaphore::new(options.calls_max.clamp(1, Semaphore::MAX_PERMITS))),
            options,
        }
    }

    /// Tries one model until it begins to answer or there is no use.
    async fn begin(&self, watched: &Watched, request: &ChatRequest) -> Result<Begun, ChatError> {
        let deadline = Instant::now() + self.options.answer_timeout;
        let mut tried = 0;
        let mut last = None;
        loop {
            let mut pass = match watched.breaker.admit(Instant::now()) {
                Ok(pass) => pass,
                // The failure that opened it says more than that it is open.
                Err(left) => return Err(last.unwrap_or(ChatError::CircuitOpen { seconds: left.as_secs().max(1) })),
            };
            let error = match self.attempt(watched.model.as_ref(), request.clone(), deadline).await {
                Ok((deltas, rest)) => {
                    pass.began();
                    return Ok(Begun { deltas, rest, pass, deadline });
                }
                Err(error) => error,
            };
            end(pass, Some(&error));
            let Some(wait) = self.wait_after(&error, tried).filter(|wait| Instant::now() + *wait < deadline) else {
                return Err(error);
            };
            tracing::info!(model = watched.model.name(), code = error.code(), tried, "a chat model is tried again");
            tokio::time::sleep(wait).await;
            tried += 1;
            last = Some(error);
        }
    }

    /// One call up to its first word.
    async fn attempt(
        &self,
        model: &dyn ChatModel,
        request: ChatRequest,
        deadline: Instant,
    ) -> Result<(Vec<ChatDelta>, ChatStream), ChatError> {
        let opening = async {
            let mut stream = model.stream(request).await?;
            let mut deltas = Vec::new();
            while let Some(delta) = stream.next().await {
                deltas.push(delta?);
                if matches!(deltas.last(), Some(ChatDelta::Text(text)) if !text.is_empty()) {
                    break;
                }
            }
            Ok((deltas, stream))
        };
        timeout_at(deadline, opening).await.unwrap_or_else(|_| Err(self.too_slow()))
    }

    /// How long to wait before the next try, or `None` when there is none.
    fn wait_after(&self, error: &ChatError, tried: u32) -> Option<Duration> {
        if tried >= self.options.retries || !error.is_transient() {
            return None;
        }
        let bound = self.options.retry_wait.saturating_mul(1 << tried.min(16)).min(self.options.retry_wait_max);
        let drawn = bound.mul_f64((self.options.random)().clamp(0.0, 1.0));
        match error {
            ChatError::Overloaded { retry_after: Some(wanted) } if *wanted > self.options.retry_wait_max => None,
            ChatError::Overloaded { retry_after: Some(wanted) } => Some(*wanted + drawn),
            _ => Some(drawn),
        }
    }

    fn too_slow(&self) -> ChatError {
        ChatError::TooSlow { seconds: self.options.answer_timeout.as_secs() }
    }

    /// The answer with its limit.
    fn held(&self, begun: Begun, permit: OwnedSemaphorePermit) -> ChatStream {
        let Begun { deltas, rest: stream, pass, deadline } = begun;
        let rest = Rest { stream, pass, deadline, too_slow: self.too_slow(), _permit: permit };
        let rest = futures::stream::unfold(Some(rest), |left| async { left?.next().await });
        futures::stream::iter(deltas.into_iter().map(Ok)).chain(rest).boxed()
    }
}

impl Rest {
    /// The next piece and what is left after it; nothing is after an error.
    async fn next(mut self) -> Option<(Result<ChatDelta, ChatError>, Option<Self>)> {
        // A model that writes without a pause leaves no moment in which a timer alone would be looked at.
        let late = Instant::now() >= self.deadline;
        let next = if late { None } else { timeout_at(self.deadline, self.stream.next()).await.ok() };
        match next {
            Some(Some(Ok(delta))) => Some((Ok(delta), Some(self))),
            Some(Some(Err(error))) => {
                end(self.pass, Some(&error));
                Some((Err(error), None))
            }
            Some(None) => {
                end(self.pass, None);
                None
            }
            None => {
                // When it is late before it was asked, the one who reads was slow, and that is no failure of the model.
                if !late {
                    end(self.pass, Some(&self.too_slow));
                }
                Some((Err(self.too_slow), None))
            }
        }
    }
}

#[async_trait]
impl ChatModel for Guarded {
    fn name(&self) -> &str {
        self.primary.model.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let turn = timeout(self.options.call_wait, Arc::clone(&self.calls).acquire_owned()).await;
        let permit = turn.map_err(|_| ChatError::Busy)?.map_err(|_| ChatError::Busy)?;
        let error = match self.begin(&self.primary, &request).await {
            Ok(begun) => return Ok(self.held(begun, permit)),
            Err(error) => error,
        };
        tracing::warn!(model = self.name(), code = error.code(), "the chat model does not answer");
        let Some(fallback) = &self.fallback else { return Err(error) };
        match self.begin(fallback, &request).await {
            Ok(begun) => Ok(self.held(begun, permit)),
            Err(second) => {
                tracing::warn!(model = fallback.model.name(), code = second.code(), "nor does the fallback");
                // The first error is the one that somebody has to mend.
                Err(error)
            }
        }
    }
}

/// Says what became of a call. What lies in the call itself is no failure of the model, which answered.
fn end(pass: Pass, error: Option<&ChatError>) {
    match error {
        Some(error) if error.is_transient() => pass.failed(Instant::now()),
        _ => pass.went_well(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What one call does: words, then perhaps an error, or nothing at all for ever.
    #[derive(Clone)]
    enum Turn {
        Says(&'static [&'static str], Option<ChatError>),
        Refuses(ChatError),
        Hangs,
        NeverEnds(Duration),
    }

    /// Plays its turns in order, and the last one from then on.
    struct Scripted {
        name: &'static str,
        turns: Vec<Turn>,
        calls: Mutex<usize>,
    }

    #[async_trait]
    impl ChatModel for Scripted {
        fn name(&self) -> &str {
            self.name
        }

        async fn stream(&self, _request: ChatRequest) -> Result<ChatStream, ChatError> {
            let turn = {
                let mut calls = self.calls.lock().unwrap();
                *calls += 1;
                self.turns[(*calls).min(self.turns.len()) - 1].clone()
            };
            let text = |text: &str| Ok(ChatDelta::Text(text.to_owned()));
            let answering = Ok(ChatDelta::Answering { model: self.name.to_owned() });
            match turn {
                Turn::Refuses(error) => Err(error),
                Turn::Hangs => std::future::pending().await,
                Turn::Says(words, error) => {
                    let said = std::iter::once(answering).chain(words.iter().copied().map(text));
                    Ok(futures::stream::iter(said.chain(error.map(Err)).collect::<Vec<_>>()).boxed())
                }
                Turn::NeverEnds(pause) => {
                    let more = futures::stream::repeat(()).then(move |()| async move {
                        tokio::time::sleep(pause).await;
                        text("and so on ")
                    });
                    Ok(futures::stream::iter([answering]).chain(more).boxed())
                }
            }
        }
    }

    fn scripted(name: &'static str, turns: &[Turn]) -> Arc<Scripted> {
        Arc::new(Scripted { name, turns: turns.to_vec(), calls: Mutex::new(0) })
    }

    fn calls(model: &Scripted) -> usize {
        *model.calls.lock().unwrap()
    }

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(30);
    const OPTIONS: GuardOptions = GuardOptions {
        retries: 2,
        retry_wait: Duration::ZERO,
        retry_wait_max: LONG,
        breaker_failures: 10,
        breaker_open: LONG,
        calls_max: 8,
        call_wait: LONG,
        answer_timeout: LONG,
        random: || 1.0,
    };
    const GOOD: Turn = Turn::Says(&["a", "b"], None);

    fn down() -> ChatError {
        ChatError::ServerFailed { status: "500".to_owned(), message: String::new() }
    }

    /// What is said, by whom, and how it ends.
    async fn ask(guarded: &Guarded) -> (String, String, Option<ChatError>) {
        let mut stream = match guarded.stream(ChatRequest::default()).await {
            Ok(stream) => stream,
            Err(error) => return (String::new(), String::new(), Some(error)),
        };
        let (mut who, mut said) = (String::new(), String::new());
        while let Some(delta) = stream.next().await {
            match delta {
                Ok(ChatDelta::Answering { model }) => who.push_str(&model),
                Ok(ChatDelta::Text(text)) => said.push_str(&text),
                Ok(ChatDelta::Usage(_) | ChatDelta::Cut) => {}
                Err(error) => {
                    assert!(stream.next().await.is_none(), "an error is the end");
                    return (who, said, Some(error));
                }
            }
        }
        (who, said, None)
    }

    fn said(who: &str, text: &str) -> (String, String, Option<ChatError>) {
        (who.to_owned(), text.to_owned(), None)
    }

    fn failed(error: ChatError) -> (String, String, Option<ChatError>) {
        (String::new(), String::new(), Some(error))
    }

    #[tokio::test]
    async fn what_can_pass_is_tried_again_as_long_as_nothing_is_said() {
        let silent = Turn::Says(&[], Some(ChatError::BrokenOff("gone".to_owned())));
        let model = scripted("first", &[Turn::Refuses(down()), silent, GOOD]);
        assert_eq!(ask(&Guarded::new(model.clone(), None, OPTIONS)).await, said("first", "ab"));
        assert_eq!(calls(&model), 3);
        let broken = scripted("first", &[Turn::Refuses(down())]);
        assert_eq!(ask(&Guarded::new(broken.clone(), None, OPTIONS)).await, failed(down()));
        assert_eq!(calls(&broken), 3, "the first and two more");
    }

    #[tokio::test]
    async fn what_cannot_pass_is_not_tried_again() {
        let no = || ChatError::Refused { status: "400".to_owned(), message: String::new() };
        for error in [no(), ChatError::Unauthorized(String::new()), ChatError::Unreadable(String::new())] {
            let model = scripted("first", &[Turn::Refuses(error.clone()), GOOD]);
            assert_eq!(ask(&Guarded::new(model.clone(), None, OPTIONS)).await, failed(error));
            assert_eq!(calls(&model), 1);
        }
    }

    #[tokio::test]
    async fn words_that_were_said_are_never_said_again() {
        let gone = || ChatError::BrokenOff("gone".to_owned());
        let model = scripted("first", &[Turn::Says(&["a"], Some(gone())), GOOD]);
        let fallback = scripted("second", &[GOOD]);
        let guarded = Guarded::new(model.clone(), Some(fallback.clone()), OPTIONS);
        assert_eq!(ask(&guarded).await, ("first".to_owned(), "a".to_owned(), Some(gone())));
        assert_eq!((calls(&model), calls(&fallback)), (1, 0));
    }

    #[tokio::test]
    async fn the_fallback_answers_in_its_own_name_and_the_first_error_is_the_one_that_is_told() {
        let locked = || ChatError::Unauthorized("address".to_owned());
        for error in [down(), locked()] {
            let model = scripted("first", &[Turn::Refuses(error)]);
            let guarded = Guarded::new(model, Some(scripted("second", &[GOOD])), OPTIONS);
            assert_eq!(ask(&guarded).await, said("second", "ab"));
            assert_eq!(guarded.name(), "first");
        }
        let fallback = scripted("second", &[Turn::Refuses(locked())]);
        let guarded = Guarded::new(scripted("first", &[Turn::Refuses(down())]), Some(fallback), OPTIONS);
        assert_eq!(ask(&guarded).await, failed(down()));
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_drawn_at_random_below_it() {
        let (second, bound) = (Duration::from_secs(1), Duration::from_secs(3));
        let options = GuardOptions { retries: 9, retry_wait: second, retry_wait_max: bound, ..OPTIONS };
        let waits = |random, error: ChatError| {
            let guarded = Guarded::new(scripted("first", &[GOOD]), None, GuardOptions { random, ..options });
            [0, 1, 2, 8, 9].map(|tried| guarded.wait_after(&error, tried).map(|wait| wait.as_millis()))
        };
        assert_eq!(waits(|| 1.0, down()), [Some(1_000), Some(2_000), Some(3_000), Some(3_000), None]);
        assert_eq!(waits(|| 0.25, down()), [Some(250), Some(500), Some(750), Some(750), None]);
        let come_back = |seconds| ChatError::Overloaded { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(waits(|| 0.0, come_back(3)), [Some(3_000), Some(3_000), Some(3_000), Some(3_000), None]);
        assert_eq!(waits(|| 0.5, come_back(2))[0], Some(2_500), "and not all at the same moment");
        assert_eq!(waits(|| 0.0, come_back(4)), [None; 5], "a server that wants more is not waited for");
    }

    #[tokio::test]
    async fn a_model_that_fails_again_and_again_is_left_alone_and_tried_once_later() {
        let options = GuardOptions { retries: 1, breaker_failures: 3, breaker_open: SHORT * 5, ..OPTIONS };
        let model = scripted("first", &[vec![Turn::Refuses(down()); 3], vec![GOOD]].concat());
        let guarded = Guarded::new(model.clone(), None, options);
        assert_eq!(ask(&guarded).await, failed(down()));
        assert_eq!(ask(&guarded).await, failed(down()), "the failure that opens it is told as such");
        assert_eq!(calls(&model), 3, "and is not followed by another try");
        assert_eq!(ask(&guarded).await, failed(ChatError::CircuitOpen { seconds: 1 }));
        assert_eq!(calls(&model), 3);
        tokio::time::sleep(SHORT * 6).await;
        assert_eq!((ask(&guarded).await, ask(&guarded).await), (said("first", "ab"), said("first", "ab")));
    }

    #[tokio::test]
    async fn a_model_that_dies_in_every_answer_is_left_alone_and_the_fallback_answers_at_once() {
        let gone = ChatError::BrokenOff("gone".to_owned());
        let model = scripted("first", &[Turn::Says(&["a"], Some(gone))]);
        let fallback = scripted("second", &[GOOD]);
        let options = GuardOptions { breaker_failures: 2, ..OPTIONS };
        let guarded = Guarded::new(model.clone(), Some(fallback), options);
        for who in ["first", "first", "second", "second"] {
            assert_eq!(ask(&guarded).await.0, who);
        }
        assert_eq!(calls(&model), 2);
    }

    #[tokio::test]
    async fn more_calls_than_may_run_wait_a_moment_and_are_refused() {
        let options = GuardOptions { calls_max: 1, call_wait: SHORT, ..OPTIONS };
        let guarded = Guarded::new(scripted("first", &[Turn::Hangs, GOOD]), None, options);
        let busy = tokio::select! {
            biased;
            _ = guarded.stream(ChatRequest::default()) => panic!("it hangs"),
            busy = ask(&guarded) => busy,
        };
        assert_eq!(busy, failed(ChatError::Busy));
        let held = guarded.stream(ChatRequest::default()).await.unwrap();
        assert_eq!(ask(&guarded).await, failed(ChatError::Busy), "an answer that nobody reads holds its place");
        drop(held);
        assert_eq!(ask(&guarded).await, said("first", "ab"), "and gives it back when it is dropped");
    }

    #[tokio::test]
    async fn every_answer_ends_within_its_time() {
        let too_slow = || Some(ChatError::TooSlow { seconds: 0 });
        let options = GuardOptions { answer_timeout: SHORT * 3, ..OPTIONS };
        for turn in [Turn::Hangs, Turn::NeverEnds(SHORT / 4), Turn::NeverEnds(Duration::ZERO)] {
            let model = scripted("first", std::slice::from_ref(&turn));
            let began = Instant::now();
            assert_eq!(ask(&Guarded::new(model.clone(), None, options)).await.2, too_slow());
            assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
            assert_eq!(calls(&model), 1, "there is no time for another try");
        }
        let model = scripted("first", &[Turn::Hangs]);
        let guarded = Guarded::new(model, Some(scripted("second", &[GOOD])), options);
        assert_eq!(ask(&guarded).await, said("second", "ab"), "the fallback has a time of its own");
    }
}
