//! A streamed chat completion as it comes: pieces of an answer out of the bytes of a server that may do anything.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::event_reader::EventReader;
use super::{ChatDelta, ChatError, TokenUsage};

/// Bytes of one event. A piece of an answer has some hundred; a model that sends its whole answer at once has some thousand.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of text in one answer, many times what any `tokens_max` allows.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// A server's message is shown to people; more than this is a page of HTML.
const MESSAGE_CHARS_MAX: usize = 300;
/// How long the count of tokens may come after the last word.
const USAGE_WAIT: Duration = Duration::from_secs(2);
/// How long the connection may take to end after the stream's own end, so that it can be used again.
const CLOSE_WAIT: Duration = Duration::from_millis(100);

/// How long a server may say nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// When the first piece has to be there, and how long that is from the call on.
    pub(super) first: (Instant, Duration),
    /// Between two pieces.
    pub(super) silence: Duration,
}

/// A stream of bytes that is read as a chat completion.
pub(super) struct Completion<S> {
    bytes: S,
    events: Option<EventReader>,
    ready: VecDeque<ChatDelta>,
    /// What went wrong, told after the words that came before it.
    failed: Option<ChatError>,
    patience: Patience,
    /// Whether something was heard that belongs to an answer.
    heard: bool,
    /// How long was waited since then. Time that a reader took between two pieces is not the server's.
    waited: Duration,
    /// Bytes that came since then: comments and empty pieces leave no moment in which time would pass.
    idle_bytes: usize,
    text_bytes: usize,
    /// Some servers count with every piece; the last count is the whole one.
    usage: Option<TokenUsage>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The model has said why it stopped.
    Stopped,
    /// The stream has said that it is done.
    Done,
    /// Nothing is read any more.
    Closed,
}

/// The parts of a `chat.completion.chunk` that are read; servers leave out or add the rest as they like.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Value,
    /// What a model thinks before it speaks: no part of the answer, and a sign of life. Servers have two names for it.
    #[serde(default)]
    reasoning_content: Value,
    #[serde(default)]
    reasoning: Value,
}

impl<S, B> Completion<S>
where
    S: Stream<Item = Result<B, ChatError>> + Unpin,
    B: AsRef<[u8]>,
{
    pub(super) fn new(bytes: S, patience: Patience) -> Self {
        Self {
            bytes,
            events: Some(EventReader::new(EVENT_BYTES_MAX)),
            ready: VecDeque::new(),
            failed: None,
            patience,
            heard: false,
            waited: Duration::ZERO,
            idle_bytes: 0,
            text_bytes: 0,
            usage: None,
            stage: Stage::Open,
        }
    }

    /// The pieces as a stream that ends after the first error.
    pub(super) fn into_deltas(self) -> impl Stream<Item = Result<ChatDelta, ChatError>> {
        futures::stream::unfold(Some(self), |state| async move {
            let mut open = state?;
            match open.next().await {
                Ok(Some(delta)) => Some((Ok(delta), Some(open))),
                Ok(None) => None,
                // What is left of the connection is dropped together with the error's way out.
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The next piece, or `None` when the answer is complete.
    pub(super) async fn next(&mut self) -> Result<Option<ChatDelta>, ChatError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.stage == Stage::Closed {
                self.has_spoken()?;
                return Ok(self.usage.take().map(ChatDelta::Usage));
            }
            let (left, limit) = self.left();
            let began = Instant::now();
            let read = tokio::time::timeout(left, self.bytes.next()).await.ok();
            self.waited += began.elapsed();
            let taken = match read {
                Some(Some(Ok(bytes))) => self.take(bytes.as_ref()),
                Some(Some(Err(error))) => Err(error),
                Some(None) => self.end(),
                None => Err(ChatError::TimedOut { seconds: limit.as_secs() }),
            };
            if let Err(error) = taken {
                match self.stage {
                    Stage::Open => self.failed = Some(error),
                    // What was to be said is said, and a server may end as it likes.
                    Stage::Stopped | Stage::Done | Stage::Closed => self.stage = Stage::Closed,
                }
            }
        }
    }

    /// How much longer the server may say nothing, and out of how long.
    fn left(&self) -> (Duration, Duration) {
        let limit = match self.stage {
            Stage::Open if !self.heard => {
                let (deadline, limit) = self.patience.first;
                return (deadline.saturating_duration_since(Instant::now()), limit);
            }
            Stage::Open => self.patience.silence,
            Stage::Stopped => USAGE_WAIT,
            Stage::Done | Stage::Closed => CLOSE_WAIT,
        };
        (limit.saturating_sub(self.waited), limit)
    }

    fn hear(&mut self) {
        self.heard = true;
        self.waited = Duration::ZERO;
        self.idle_bytes = 0;
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ChatError> {
        let Some(events) = &mut self.events else { return Ok(()) };
        self.idle_bytes += bytes.len();
        if self.idle_bytes > EVENT_BYTES_MAX {
            return Err(ChatError::Unreadable(format!("over {EVENT_BYTES_MAX} bytes came without a word")));
        }
        let too_long = |bytes_max| ChatError::Unreadable(format!("one event of it is over {bytes_max} bytes"));
        let found = events.push(bytes).map_err(|error| too_long(error.bytes_max))?;
        found.iter().try_for_each(|data| self.read(data))
    }

    /// The connection has ended.
    fn end(&mut self) -> Result<(), ChatError> {
        if let Some(rest) = self.events.take().and_then(EventReader::finish) {
            // A whole event only lacks its empty line; a part of one is what a server left that died.
            let died = |_| ChatError::BrokenOff("it ended in the midst of an event".to_owned());
            self.read(&rest).map_err(died)?;
        }
        if self.stage == Stage::Open {
            return Err(ChatError::BrokenOff("the connection ended before the answer did".to_owned()));
        }
        self.stage = Stage::Closed;
        Ok(())
    }

    fn read(&mut self, data: &str) -> Result<(), ChatError> {
        let data = data.trim();
        if data.is_empty() || self.stage == Stage::Done {
            return Ok(());
        }
        if data == "[DONE]" {
            self.hear();
            self.stage = Stage::Done;
            return Ok(());
        }
        // The position says enough; the parser's own words may repeat a piece of the answer.
        let broken = |error: serde_json::Error| {
            ChatError::Unreadable(format!("one event of it is no JSON from column {} on", error.column()))
        };
        let chunk: Chunk = serde_json::from_str(data).map_err(broken)?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(failed_midway(&error));
        }
        for choice in chunk.choices.into_iter().flatten() {
            self.take_choice(choice)?;
        }
        self.usage = counted(&chunk.usage).or(self.usage);
        Ok(())
    }

    fn take_choice(&mut self, choice: Choice) -> Result<(), ChatError> {
        let delta = choice.delta.unwrap_or_default();
        let text = text_of(&delta.content);
        let thought = [&delta.reasoning_content, &delta.reasoning].iter().any(|value| !text_of(value).is_empty());
        if !text.is_empty() || thought || choice.finish_reason.is_some() {
            self.hear();
        }
        if !text.is_empty() {
            self.text_bytes += text.len();
            if self.text_bytes > TEXT_BYTES_MAX {
                return Err(ChatError::Unreadable(format!("it is over {TEXT_BYTES_MAX} bytes")));
            }
            self.ready.push_back(ChatDelta::Text(text));
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            let cut = matches!(reason.as_str(), "length" | "max_tokens" | "content_filter");
            if cut && self.text_bytes == 0 {
                return Err(ChatError::Unreadable(format!("it stopped before its first word, because of {reason}")));
            }
            if cut {
                self.ready.push_back(ChatDelta::Cut);
            }
            self.stage = Stage::Stopped;
        }
        Ok(())
    }

    fn has_spoken(&self) -> Result<(), ChatError> {
        let silent = || ChatError::BrokenOff("it ended before it began".to_owned());
        if self.text_bytes == 0 { Err(silent()) } else { Ok(()) }
    }
}

/// What a server says went wrong, in the shapes that there are: an object with a message, or a text alone.
pub(super) fn message_of(error: &Value) -> Option<String> {
    let said = error.as_str().or_else(|| error["message"].as_str())?;
    let line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The count of tokens, if there is one; an answer is none the worse without.
fn counted(usage: &Value) -> Option<TokenUsage> {
    Some(TokenUsage { input: usage["prompt_tokens"].as_u64()?, output: usage["completion_tokens"].as_u64()? })
}

/// Text, or the texts of a list of parts, which some servers send in its place.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// An error in the midst of a stream, whose headers said that all is well.
fn failed_midway(error: &Value) -> ChatError {
    let message = message_of(error).unwrap_or_else(|| "the server says that it failed".to_owned());
    let number = |name: &str| error[name].as_u64().or_else(|| error[name].as_str()?.parse().ok());
    let status = number("code").or_else(|| number("status"));
    match status {
        Some(429) => ChatError::Overloaded { retry_after: None },
        Some(status @ 400..=499) if status != 408 => ChatError::Refused { status: status.to_string(), message },
        _ => ChatError::BrokenOff(message),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(30);

    /// What a stream of these bytes is, when it ends after them.
    async fn read(pieces: Vec<Result<String, ChatError>>) -> (Vec<ChatDelta>, Option<ChatError>) {
        collect(Completion::new(futures::stream::iter(pieces), patience(LONG, LONG))).await
    }

    fn patience(first: Duration, silence: Duration) -> Patience {
        Patience { first: (Instant::now() + first, first), silence }
    }

    async fn collect<S>(completion: Completion<S>) -> (Vec<ChatDelta>, Option<ChatError>)
    where
        S: Stream<Item = Result<String, ChatError>> + Unpin,
    {
        let all: Vec<_> = completion.into_deltas().collect().await;
        let mut error = None;
        let deltas = all.into_iter().filter_map(|delta| delta.map_err(|e| error = Some(e)).ok()).collect();
        (deltas, error)
    }

    async fn whole(stream: &str) -> (Vec<ChatDelta>, Option<ChatError>) {
        read(vec![Ok(stream.to_owned())]).await
    }

    fn text(text: &str) -> ChatDelta {
        ChatDelta::Text(text.to_owned())
    }

    const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n";

    #[tokio::test]
    async fn text_comes_in_order_with_the_last_count_and_what_cut_it() {
        let stream = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"b\"}]},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":null}}\n\n\
                      data: {\"choices\":null,\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        let usage = ChatDelta::Usage(TokenUsage { input: 9, output: 2 });
        assert_eq!(whole(stream).await, (vec![text("a"), text("b"), ChatDelta::Cut, usage], None));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_say_that_it_ended_broke_off() {
        let stopped = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        for (rest, code) in [
            ("", Some("model_broke_off")),
            ("data: [DONE]\n\n", None),
            ("data: [DONE]", None),
            (stopped, None),
            ("data: {\"choices\":[{\"del", Some("model_broke_off")),
            ("data: {broken\n\n", Some("model_unreadable")),
            ("data: {\"error\":{\"message\":\"out of memory\"}}\n\n", Some("model_broke_off")),
            ("data: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n", Some("model_overloaded")),
            ("data: {\"error\":{\"message\":\"no\",\"code\":\"400\"}}\n\n", Some("model_refused")),
        ] {
            let (deltas, error) = whole(&format!("{WORD}{rest}")).await;
            assert_eq!((deltas, error.as_ref().map(ChatError::code)), (vec![text("word")], code), "{rest:?} {error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_word_is_none() {
        for (stream, code) in [
            ("", "model_broke_off"),
            ("data: [DONE]\n\n", "model_broke_off"),
            ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", "model_broke_off"),
            ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n", "model_unreadable"),
        ] {
            let (deltas, error) = whole(stream).await;
            assert_eq!((deltas, error.map(|error| error.code())), (Vec::new(), Some(code)), "{stream:?}");
        }
    }

    #[tokio::test]
    async fn a_break_after_the_end_is_no_failure() {
        let lost = || Err(ChatError::BrokenOff("reset".to_owned()));
        let done = "data: [DONE]\n\n";
        assert_eq!(read(vec![Ok(format!("{WORD}{done}")), lost()]).await, (vec![text("word")], None));
        assert_eq!(read(vec![Ok(WORD.to_owned()), lost()]).await.1, lost().err());
        let open = futures::stream::iter([Ok(format!("{WORD}{done}"))]).chain(futures::stream::pending());
        let began = Instant::now();
        assert_eq!(collect(Completion::new(open, patience(LONG, LONG))).await, (vec![text("word")], None));
        assert!(began.elapsed() < LONG, "a connection that stays open holds nothing up");
        let babble = futures::stream::iter([Ok(format!("{WORD}{done}"))]).chain(forever(": still here\n"));
        assert_eq!(collect(Completion::new(babble, patience(LONG, LONG))).await, (vec![text("word")], None));
    }

    fn forever(piece: &str) -> impl Stream<Item = Result<String, ChatError>> + Unpin {
        futures::stream::repeat_with(move || Ok(piece.to_owned()))
    }

    #[tokio::test]
    async fn silence_ends_it_before_the_first_word_and_after() {
        let silent = futures::stream::pending();
        let timed_out = Some(ChatError::TimedOut { seconds: 0 });
        assert_eq!(collect(Completion::new(silent, patience(SHORT, LONG))).await, (Vec::new(), timed_out.clone()));
        let stops = futures::stream::iter([Ok(WORD.to_owned())]).chain(futures::stream::pending());
        assert_eq!(collect(Completion::new(stops, patience(LONG, SHORT))).await, (vec![text("word")], timed_out));
    }

    #[tokio::test]
    async fn what_is_no_word_ends_it_however_much_of_it_comes() {
        let empty = "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n";
        for piece in [": keep-alive\n\n", empty, "data:", "\n"] {
            let many = piece.repeat(100);
            let (deltas, error) = collect(Completion::new(forever(&many), patience(LONG, LONG))).await;
            assert_eq!((deltas, error.map(|error| error.code())), (Vec::new(), Some("model_unreadable")), "{piece:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_ends() {
        let piece = WORD.replace("word", &"words".repeat(1_000));
        let (deltas, error) = collect(Completion::new(forever(&piece), patience(LONG, LONG))).await;
        assert_eq!((deltas.len(), error.map(|error| error.code())), (TEXT_BYTES_MAX / 5_000, Some("model_unreadable")));
    }

    #[tokio::test]
    async fn thinking_is_a_sign_of_life_and_no_part_of_the_answer() {
        let thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
        let slow = futures::stream::iter(0..8).then(|at| async move {
            tokio::time::sleep(SHORT / 2).await;
            Ok(if at < 7 { thought.to_owned() } else { format!("{WORD}data: [DONE]\n\n") })
        });
        let thinking = Completion::new(Box::pin(slow), patience(SHORT, SHORT * 4));
        assert_eq!(collect(thinking).await, (vec![text("word")], None));
    }

    #[tokio::test]
    async fn a_reader_that_takes_its_time_is_not_taken_for_a_silent_server() {
        let pieces = futures::stream::iter([WORD, WORD, "data: [DONE]\n\n"].map(|piece| Ok(piece.to_owned())));
        let mut completion = Completion::new(pieces, patience(SHORT, SHORT));
        let mut words = 0;
        while completion.next().await.unwrap().is_some() {
            words += 1;
            tokio::time::sleep(SHORT * 2).await;
        }
        assert_eq!(words, 2);
    }

    /// What is said, and how it ends, when these bytes come.
    fn said(pieces: Vec<Vec<u8>>) -> (String, Option<ChatError>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bytes = futures::stream::iter(pieces.into_iter().map(Ok));
            let mut completion = Completion::new(bytes, patience(LONG, LONG));
            let mut said = String::new();
            loop {
                match completion.next().await {
                    Ok(Some(ChatDelta::Text(text))) => said.push_str(&text),
                    Ok(Some(_)) => {}
                    Ok(None) => return (said, None),
                    Err(error) => return (said, Some(error)),
                }
            }
        })
    }

    proptest! {
        #[test]
        fn an_answer_is_the_same_however_its_bytes_are_cut_and_broken_off_wherever_they_end(
            words in prop::collection::vec("[a-z가-힣 \\n\"]{1,6}", 1..6),
            cuts in prop::collection::vec(0usize..2_000, 0..20),
            lost in 0usize..2_000,
        ) {
            let frame = |text: &String| {
                format!("data: {}\n\n", serde_json::json!({"choices": [{"delta": {"content": text}}]}))
            };
            let stream: String = words.iter().map(frame).chain(["data: [DONE]\n\n".to_owned()]).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = |bytes: &[u8]| -> Vec<Vec<u8>> {
                let cut = |at: usize| at.min(bytes.len());
                cuts.windows(2).map(|ends| bytes[cut(ends[0])..cut(ends[1])].to_vec()).collect()
            };
            let whole = words.concat();
            prop_assert_eq!(said(pieces(stream.as_bytes())), (whole.clone(), None));
            // Three bytes from the end on, only white space is lost after the mark that it is done.
            let kept = stream.len().saturating_sub(3 + lost);
            let (part, error) = said(pieces(&stream.as_bytes()[..kept]));
            prop_assert!(error.is_some() && whole.starts_with(&part), "{part:?} {error:?}");
        }

        #[test]
        fn whatever_a_server_sends_it_ends(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    "data: \\PC{0,20}\n\n".prop_map(String::into_bytes),
                    "data: \\{\"choices\": \\[(\\{\\}|null|1|\\{\"delta\": 1\\})?\\]\\}\n\n".prop_map(String::into_bytes),
                    Just(WORD.as_bytes().to_vec()),
                ],
                0..12,
            ),
        ) {
            let words = pieces.iter().filter(|piece| piece.as_slice() == WORD.as_bytes()).count();
            let (text, _) = said(pieces);
            prop_assert!(text.len() <= words * "word".len(), "{text:?}");
        }
    }
}
