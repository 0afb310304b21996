//! The rules of AG-UI 1.0 that no schema says: what the official verifier refuses, and what it will refuse next.
//!
//! The unit tests and the promises both include this file, so it knows nothing of this crate.

use std::collections::BTreeSet;

use serde_json::Value;

/// Members that may be null, by the type of the event.
const NULLABLE: [(&str, &str); 3] = [("CUSTOM", "value"), ("STATE_SNAPSHOT", "snapshot"), ("RAW", "event")];
/// What every client that is in use knows. Chunks are left out: one client ignores them.
const KNOWN: [&str; 13] = [
    "RUN_STARTED",
    "RUN_FINISHED",
    "RUN_ERROR",
    "STEP_STARTED",
    "STEP_FINISHED",
    "TEXT_MESSAGE_START",
    "TEXT_MESSAGE_CONTENT",
    "TEXT_MESSAGE_END",
    "TOOL_CALL_START",
    "TOOL_CALL_ARGS",
    "TOOL_CALL_END",
    "TOOL_CALL_RESULT",
    "CUSTOM",
];

/// What is open in a stream, and what was said in it.
#[derive(Default)]
struct Stream {
    ids: Option<(String, String)>,
    ended: bool,
    steps: BTreeSet<String>,
    texts: BTreeSet<String>,
    calls: BTreeSet<String>,
    used: BTreeSet<String>,
    closed_calls: BTreeSet<String>,
}

/// The first rule that a stream breaks. `is_current` says that the peer speaks 1.0.
pub(crate) fn broken_rule(events: &[Value], is_current: bool) -> Option<String> {
    let mut stream = Stream::default();
    for event in events {
        let broken = stream.broken_by(event, is_current).or_else(|| broken_alone(event, is_current));
        if let Some(rule) = broken {
            return Some(format!("{rule}: {event}"));
        }
    }
    (!stream.ended).then(|| "a stream ends with RUN_FINISHED or RUN_ERROR".to_owned())
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_default()
}

impl Stream {
    fn broken_by(&mut self, event: &Value, is_current: bool) -> Option<&'static str> {
        let kind = text(event, "type");
        if self.ended {
            return Some("nothing follows the terminal event");
        }
        if self.ids.is_none() && !["RUN_STARTED", "RUN_ERROR"].contains(&kind) {
            return Some("the first event is RUN_STARTED or RUN_ERROR");
        }
        match kind {
            "RUN_STARTED" => self.started(event),
            "RUN_FINISHED" => self.finished(event, is_current),
            "RUN_ERROR" => {
                self.ended = true;
                (text(event, "message").is_empty() || text(event, "code").is_empty())
                    .then_some("an error has code and message")
            }
            "STEP_STARTED" => (!self.steps.insert(text(event, "stepName").to_owned())).then_some("a step starts once"),
            "STEP_FINISHED" => (!self.steps.remove(text(event, "stepName"))).then_some("a step that is open finishes"),
            _ if kind.starts_with("TEXT_MESSAGE_") => self.text_message(kind, text(event, "messageId")),
            _ if kind.starts_with("TOOL_CALL_") => self.tool_call(kind, event),
            "CUSTOM" => (!self.texts.is_empty()).then_some("no custom event stands within a message"),
            _ => None,
        }
    }

    fn started(&mut self, event: &Value) -> Option<&'static str> {
        if self.ids.is_some() {
            return Some("a run starts once");
        }
        self.ids = Some((text(event, "threadId").to_owned(), text(event, "runId").to_owned()));
        (event["protocolVersion"] != "1.0").then_some("a start declares the version")
    }

    fn finished(&mut self, event: &Value, is_current: bool) -> Option<&'static str> {
        self.ended = true;
        let ids = Some((text(event, "threadId").to_owned(), text(event, "runId").to_owned()));
        if self.ids != ids {
            return Some("a run finishes under the ids that it started with");
        }
        if !(self.steps.is_empty() && self.texts.is_empty() && self.calls.is_empty()) {
            return Some("everything is closed when a run finishes");
        }
        let has_outcome = event.get("outcome").is_some();
        (has_outcome && !is_current).then_some("a peer of before 1.0 is told no outcome")
    }

    fn text_message(&mut self, kind: &str, id: &str) -> Option<&'static str> {
        match kind {
            "TEXT_MESSAGE_START" if !self.used.insert(id.to_owned()) => Some("ids are used once"),
            "TEXT_MESSAGE_START" => (!self.texts.insert(id.to_owned())).then_some("a message starts once"),
            "TEXT_MESSAGE_CONTENT" => (!self.texts.contains(id)).then_some("words belong to an open message"),
            _ => (!self.texts.remove(id)).then_some("a message that is open ends"),
        }
    }

    fn tool_call(&mut self, kind: &str, event: &Value) -> Option<&'static str> {
        let id = text(event, "toolCallId");
        match kind {
            "TOOL_CALL_START" => {
                let parent = text(event, "parentMessageId");
                if !self.used.insert(id.to_owned()) || !self.used.insert(parent.to_owned()) {
                    return Some("ids are used once, and a call has a message of its own");
                }
                (!self.calls.insert(id.to_owned())).then_some("a call starts once")
            }
            "TOOL_CALL_ARGS" => (!self.calls.contains(id)).then_some("arguments belong to an open call"),
            "TOOL_CALL_END" => {
                self.closed_calls.insert(id.to_owned());
                (!self.calls.remove(id)).then_some("a call that is open ends")
            }
            _ => {
                let known = self.closed_calls.contains(id) && self.used.insert(text(event, "messageId").to_owned());
                (!known || !event["content"].is_string()).then_some("a result is a string and follows its call")
            }
        }
    }
}

/// What an event breaks whatever stands around it.
fn broken_alone(event: &Value, is_current: bool) -> Option<&'static str> {
    let Some(members) = event.as_object() else { return Some("an event is an object") };
    let kind = text(event, "type");
    if !KNOWN.contains(&kind) {
        return Some("an event is of a type that every client knows");
    }
    let may_be_null = |name: &str| NULLABLE.contains(&(kind, name));
    if members.iter().any(|(name, value)| value.is_null() && !may_be_null(name)) {
        return Some("no member is null");
    }
    if event.get("timestamp").is_some_and(|time| !time.is_u64()) {
        return Some("a timestamp is an integer");
    }
    let counts = event["usage"].as_array().into_iter().flatten().filter_map(Value::as_object);
    if counts.flatten().any(|(name, count)| name.ends_with("Tokens") && !count.is_u64()) {
        return Some("tokens are counted in whole numbers");
    }
    let vendor = kind != "CUSTOM" || event["name"] == "annotations" || text(event, "name").starts_with("ibid.");
    if !vendor {
        return Some("a custom event has our prefix");
    }
    (!is_current && event.to_string().contains("pendingToolCallIds"))
        .then_some("a peer of before 1.0 is told of no pending calls")
}
