//! AG-UI 1.0 as it goes over the wire: what clients send is read leniently, what they get is strict. The only place
//! that knows the protocol.
//!
//! Specification: <https://docs.ag-ui.com>, frozen schema 1.0. Optional fields are left out and never null, because
//! clients reject a null and with it the run. Peers that send no `protocolVersion` are of the time before 1.0 and get
//! nothing that their verifier does not know.

use serde_json::{Map, Value, json};

use crate::agent::{AgentEvent, RunInput};
use crate::types::{Caller, Filter, Hit, Message, Role};

/// A request that cannot be run, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidInput(pub(super) String);

/// The protocol version that this server speaks.
const PROTOCOL_VERSION: &str = "1.0";
/// Characters of a passage in the tool result: it comes back with every later request.
const SNIPPET_CHARS: usize = 240;
/// Most messages of one request.
const MESSAGES_MAX: usize = 10_000;
/// The most passages that a client may ask for.
const PASSAGES_MAX: u64 = 64;

/// Reads a `RunAgentInput`. `passages` is how many passages are retrieved when the client does not say.
pub(super) fn parse(body: &Value, passages: usize, caller: Caller) -> Result<RunInput, InvalidInput> {
    let body = body.as_object().ok_or_else(|| invalid("the body has to be an object"))?;
    let messages = match body.get("messages") {
        Some(Value::Array(messages)) if messages.len() <= MESSAGES_MAX => messages,
        Some(Value::Array(_)) => return Err(invalid(&format!("messages has over {MESSAGES_MAX} entries"))),
        _ => return Err(invalid("messages has to be an array")),
    };
    if body.get("tools").is_some_and(|tools| !tools.is_array() && !tools.is_null()) {
        return Err(invalid("tools has to be an array"));
    }
    let mut turns = messages.iter().map(turn).collect::<Result<Vec<_>, _>>()?;
    turns.retain(|turn| !turn.content.trim().is_empty());
    let question = match turns.last() {
        Some(last) if last.role == Role::User => turns.pop().map(|turn| turn.content).unwrap_or_default(),
        _ => return Err(invalid("the last message with text has to be from the user")),
    };
    // Instructions are the service's own; a client's system messages are context and no more.
    let (instructions, history): (Vec<_>, Vec<_>) = turns.into_iter().partition(|turn| turn.role == Role::System);
    let mut context = contexts(body.get("context"))?;
    context.extend(instructions.into_iter().map(|turn| ("system message".to_owned(), turn.content)));
    let props = body.get("forwardedProps").and_then(Value::as_object);
    Ok(RunInput {
        run_id: required_id(body, "runId", "run_id")?,
        thread_id: required_id(body, "threadId", "thread_id")?,
        question,
        history,
        context,
        filter: filter(props)?,
        caller,
        k: props
            .and_then(|props| props.get("top_k"))
            .and_then(Value::as_u64)
            .map_or(passages, |k| usize::try_from(k.clamp(1, PASSAGES_MAX)).unwrap_or(passages)),
    })
}

/// Whether the peer speaks 1.0 or later.
pub(super) fn is_current(body: &Value) -> bool {
    body.get("protocolVersion").is_some_and(Value::is_string)
}

fn required_id(body: &Map<String, Value>, name: &str, alias: &str) -> Result<String, InvalidInput> {
    // Microsoft's Python client sends the alias.
    let id = body.get(name).or_else(|| body.get(alias)).and_then(Value::as_str);
    let id = id.filter(|id| !id.is_empty() && id.len() <= 512);
    id.map(str::to_owned).ok_or_else(|| invalid(&format!("{name} has to be a string of 1 to 512 bytes")))
}

fn turn(message: &Value) -> Result<Message, InvalidInput> {
    let role = message.get("role").and_then(Value::as_str).ok_or_else(|| invalid("a message has no role"))?;
    let role = match role {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        // Tool results, reasoning and activities are not what somebody said, and never evidence.
        "tool" | "reasoning" | "activity" => return Ok(Message { role: Role::Assistant, content: String::new() }),
        other => return Err(invalid(&format!("a message has the unknown role {other:?}"))),
    };
    let content = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(part_text).collect::<Vec<_>>().join("\n"),
        None | Some(Value::Null) => String::new(),
        Some(_) => return Err(invalid("a message's content has to be a string or an array of parts")),
    };
    Ok(Message { role, content })
}

/// The words of a part; pictures and files are passed over, because a run must not fail for them.
fn part_text(part: &Value) -> Option<&str> {
    (part.get("type")?.as_str()? == "text").then(|| part.get("text")?.as_str()).flatten()
}

fn contexts(context: Option<&Value>) -> Result<Vec<(String, String)>, InvalidInput> {
    let entries = match context {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(invalid("context has to be an array")),
    };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let pair = |entry| Some((text(entry, "description")?, text(entry, "value")?));
    entries
        .iter()
        .map(|entry| pair(entry).ok_or_else(|| invalid("a context entry needs the strings description and value")))
        .collect()
}

/// `forwardedProps.filter` as in `/v1/search`, and `forwardedProps.collection` for one collection.
fn filter(props: Option<&Map<String, Value>>) -> Result<Filter, InvalidInput> {
    let Some(props) = props else { return Ok(Filter::default()) };
    let unusable = |error: &dyn std::fmt::Display| invalid(&format!("forwardedProps.filter is not valid: {error}"));
    let mut filter: Filter = match props.get("filter") {
        None | Some(Value::Null) => Filter::default(),
        Some(value) => serde_json::from_value(value.clone()).map_err(|error| unusable(&error))?,
    };
    if let Some(name) = props.get("collection").and_then(Value::as_str) {
        filter.collections.push(name.parse().map_err(|error: crate::types::InvalidName| unusable(&error))?);
    }
    filter.facets().map_err(|error| unusable(&error))?;
    Ok(filter)
}

fn invalid(message: &str) -> InvalidInput {
    InvalidInput(message.to_owned())
}

/// Turns our events into AG-UI events, and closes what it opened when a run breaks off.
#[derive(Debug)]
pub(super) struct Emitter {
    thread_id: String,
    run_id: String,
    current: bool,
}

impl Emitter {
    /// An emitter for one run. `current` says that the peer speaks 1.0 or later.
    pub(super) fn new(input: &RunInput, current: bool) -> Self {
        Self { thread_id: input.thread_id.clone(), run_id: input.run_id.clone(), current }
    }

    /// The AG-UI events for one of ours.
    pub(super) fn events(&self, event: AgentEvent) -> Vec<Value> {
        match event {
            AgentEvent::Started => vec![json!({
                "type": "RUN_STARTED", "threadId": self.thread_id, "runId": self.run_id,
                "protocolVersion": PROTOCOL_VERSION,
            })],
            AgentEvent::StepStarted(step) => vec![json!({"type": "STEP_STARTED", "stepName": step.as_str()})],
            AgentEvent::StepFinished(step) => vec![json!({"type": "STEP_FINISHED", "stepName": step.as_str()})],
            AgentEvent::Searched { query, hits } => self.tool_call(&query, &hits),
            AgentEvent::AnswerStarted => {
                vec![json!({"type": "TEXT_MESSAGE_START", "messageId": self.answer_id(), "role": "assistant"})]
            }
            AgentEvent::AnswerDelta { text, citations } => {
                let mut content = json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": self.answer_id(), "delta": text});
                if let Some(citations) = citations {
                    content["metadata"] = json!({"citations": citations});
                }
                vec![content]
            }
            AgentEvent::AnswerEnded { citations, grounded } => {
                let id = self.answer_id();
                let metadata = json!({"citations": citations, "ibid.grounded": grounded});
                let value = json!({"messageId": id, "citations": citations, "grounded": grounded});
                vec![
                    json!({"type": "TEXT_MESSAGE_END", "messageId": id, "metadata": metadata}),
                    // After the message and never inside: one client closes its text when it sees a custom event.
                    json!({"type": "CUSTOM", "name": "ibid.citations", "value": value}),
                ]
            }
            AgentEvent::Finished { usage } => {
                let mut finished = json!({"type": "RUN_FINISHED", "threadId": self.thread_id, "runId": self.run_id});
                finished["result"] = json!({"answerMessageId": self.answer_id()});
                if let Some(usage) = usage.filter(|_| self.current) {
                    let total = usage.input + usage.output;
                    finished["usage"] = json!([{
                        "inputTokens": usage.input, "outputTokens": usage.output, "totalTokens": total,
                    }]);
                }
                vec![finished]
            }
        }
    }

    /// The event that ends a run that failed.
    pub(super) fn error(code: &str, message: &str) -> Value {
        json!({"type": "RUN_ERROR", "code": code, "message": message})
    }

    /// The search as a tool call with a message of its own: a client would merge it with the answer otherwise.
    fn tool_call(&self, query: &str, hits: &[Hit]) -> Vec<Value> {
        let call = format!("{}-search", self.run_id);
        let arguments = json!({"query": query}).to_string();
        let passages: Vec<Value> = hits.iter().enumerate().map(|(at, hit)| tool_passage(at + 1, hit)).collect();
        // A string, because clients before 1.0 reject parts.
        let content = json!({"query": query, "passages": passages}).to_string();
        vec![
            json!({"type": "TOOL_CALL_START", "toolCallId": call, "toolCallName": "search",
                "parentMessageId": format!("{}-tools", self.run_id)}),
            json!({"type": "TOOL_CALL_ARGS", "toolCallId": call, "delta": arguments}),
            json!({"type": "TOOL_CALL_END", "toolCallId": call}),
            json!({"type": "TOOL_CALL_RESULT", "messageId": format!("{}-result", self.run_id), "toolCallId": call,
                "role": "tool", "content": content}),
        ]
    }

    fn answer_id(&self) -> String {
        format!("{}-answer", self.run_id)
    }
}

fn tool_passage(n: usize, hit: &Hit) -> Value {
    let snippet: String = hit.text.chars().take(SNIPPET_CHARS).collect();
    json!({
        "n": n, "id": hit.chunk_id, "document_id": hit.document_id, "title": hit.title, "uri": hit.uri,
        "score": hit.score, "snippet": snippet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: Value) -> Result<RunInput, InvalidInput> {
        parse(&body, 8, Caller::Owner)
    }

    #[test]
    fn what_real_clients_send_is_read() {
        let input = parsed(json!({
            "thread_id": "t", "run_id": "r", "state": null, "forwardedProps": null, "unknown": 1,
            "messages": [
                {"id": "1", "role": "user", "content": "first"},
                {"id": "2", "role": "assistant", "content": null, "toolCalls": []},
                {"id": "3", "role": "tool", "toolCallId": "x", "content": "forged evidence"},
                {"id": "4", "role": "developer", "content": "be brief"},
                {"id": "5", "role": "user", "content": [
                    {"type": "text", "text": "and the"}, {"type": "binary", "data": "…"}, {"type": "text", "text": "second?"}
                ]},
            ],
        }))
        .unwrap();
        assert_eq!(input.question, "and the\nsecond?");
        assert_eq!(input.history.len(), 1);
        assert_eq!(input.context, [("system message".to_owned(), "be brief".to_owned())]);
    }

    #[test]
    fn malformed_input_is_refused_in_words() {
        for (body, word) in [
            (json!([]), "object"),
            (json!({"threadId": "t", "runId": "r"}), "messages"),
            (json!({"threadId": "t", "runId": "r", "messages": []}), "user"),
            (json!({"runId": "r", "messages": [{"role": "user", "content": "x"}]}), "threadId"),
            (json!({"threadId": 7, "runId": "r", "messages": [{"role": "user", "content": "x"}]}), "threadId"),
            (json!({"threadId": "t", "runId": "r", "messages": [{"role": "king", "content": "x"}]}), "king"),
            (json!({"threadId": "t", "runId": "r", "messages": [{"role": "user", "content": 7}]}), "content"),
        ] {
            let InvalidInput(message) = parsed(body).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
