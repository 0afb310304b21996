//! What AG-UI clients send, read leniently: a `RunAgentInput` becomes what the agent is asked.

use serde_json::{Map, Value};

use crate::agent::{RunInput, Verification};
use crate::types::{Caller, Filter, Message, Role};

/// A request that cannot be run, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidInput(pub(super) String);

/// Most messages of one request.
const MESSAGES_MAX: usize = 10_000;
/// The most passages that a client may ask for.
const PASSAGES_MAX: u64 = 64;

/// Longest question in bytes; what is longer is a document, and those are ingested.
const QUESTION_BYTES_MAX: usize = 32 << 10;

/// What of a request is not for the agent but for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    /// Whether it speaks 1.0 or later.
    pub(super) current: bool,
    /// Whether it wants Microsoft's event of annotations, too.
    pub(super) annotations: bool,
}

/// Reads a `RunAgentInput`. `passages` is how many passages are retrieved when the client does not say.
pub(super) fn parse(body: &Value, passages: usize, caller: Caller) -> Result<(RunInput, Peer), InvalidInput> {
    let body = body.as_object().ok_or_else(|| invalid("the body has to be an object"))?;
    let messages = match body.get("messages") {
        Some(Value::Array(messages)) if messages.len() <= MESSAGES_MAX => messages,
        Some(Value::Array(_)) => return Err(invalid(&format!("messages has over {MESSAGES_MAX} entries"))),
        _ => return Err(invalid("messages has to be an array")),
    };
    if body.get("tools").is_some_and(|tools| !tools.is_array() && !tools.is_null()) {
        return Err(invalid("tools has to be an array"));
    }
    let turns = messages.iter().map(turn).collect::<Result<Vec<_>, _>>()?;
    let Conversation { question, history, instructions } = conversation(turns)?;
    let mut context = contexts(body.get("context"))?;
    context.extend(instructions);
    let none = Map::new();
    let props = body.get("forwardedProps").and_then(Value::as_object).unwrap_or(&none);
    let top_k = props.get("top_k").and_then(Value::as_u64);
    let input = RunInput {
        run_id: required_id(body, "runId", "run_id")?,
        thread_id: required_id(body, "threadId", "thread_id")?,
        listed: true,
        question,
        history,
        context,
        filter: filter(props)?,
        caller,
        k: top_k.map_or(passages, |k| usize::try_from(k.clamp(1, PASSAGES_MAX)).unwrap_or(passages)),
        verification: verification(props)?,
        keeps_on: choice(props, "on_disconnect", &["cancel", "continue"])? == Some("continue"),
        tokens_max: None,
    };
    let peer = Peer {
        current: body.get("protocolVersion").is_some_and(Value::is_string),
        // The one client that reads them names its ids so, and cannot send properties.
        annotations: props.get("annotations").and_then(Value::as_bool).unwrap_or(body.contains_key("thread_id")),
    };
    Ok((input, peer))
}

/// A conversation, taken apart.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The last thing that was asked.
    pub(super) question: String,
    /// What was said before; `None` when the client sends the new question alone, and the thread knows the rest.
    pub(super) history: Option<Vec<Message>>,
    /// Instructions of the client. The service has its own; a client's are context and no more.
    pub(super) instructions: Vec<(String, String)>,
}

/// Takes a conversation apart, whose last words have to be the user's.
pub(super) fn conversation(mut turns: Vec<Message>) -> Result<Conversation, InvalidInput> {
    turns.retain(|turn| !turn.content.trim().is_empty());
    let question = match turns.pop() {
        Some(last) if last.role == Role::User => last.content,
        _ => return Err(invalid("the last message with text has to be from the user")),
    };
    if question.len() > QUESTION_BYTES_MAX {
        return Err(invalid(&format!(
            "the question has {} bytes, and {QUESTION_BYTES_MAX} at most are read",
            question.len()
        )));
    }
    let (instructions, history): (Vec<_>, Vec<_>) = turns.into_iter().partition(|turn| turn.role == Role::System);
    Ok(Conversation {
        question,
        history: (!history.is_empty()).then_some(history),
        instructions: instructions.into_iter().map(|turn| ("system message".to_owned(), turn.content)).collect(),
    })
}

fn verification(props: &Map<String, Value>) -> Result<Verification, InvalidInput> {
    let mode = choice(props, "verification", &["annotate", "strict"])?;
    Ok(if mode == Some("strict") { Verification::Strict } else { Verification::Annotate })
}

/// One of a few words in `forwardedProps`.
fn choice<'a>(props: &'a Map<String, Value>, name: &str, known: &[&str]) -> Result<Option<&'a str>, InvalidInput> {
    match props.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if known.contains(&word.as_str()) => Ok(Some(word)),
        Some(other) => Err(invalid(&format!("forwardedProps.{name} is {other}, and has to be one of {known:?}"))),
    }
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
pub(super) fn part_text(part: &Value) -> Option<&str> {
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
fn filter(props: &Map<String, Value>) -> Result<Filter, InvalidInput> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: Value) -> Result<RunInput, InvalidInput> {
        parse(&body, 8, Caller::Owner).map(|(input, _)| input)
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
        assert_eq!(input.history.unwrap().len(), 1);
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
