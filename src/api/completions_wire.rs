//! Chat completions as OpenAI's clients send and read them. The only place that knows their shape.
//!
//! Reference: <https://platform.openai.com/docs/api-reference/chat>. What is read is in [`CompletionBody`]; other members are
//! passed over, whatever they hold, since every client adds some of its own. That includes `temperature`, the other settings
//! of sampling, and `stop`: how an answer is written is the server's to decide.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::models::TokenUsage;
use crate::types::{Citation, CollectionName, Message, Role};

/// The model that answers from every collection; `ibid/NAME` answers from one.
pub(super) const MODEL: &str = "ibid";
/// Most messages of one request.
const MESSAGES_MAX: usize = 10_000;

/// A conversation to be continued. Members beyond these are passed over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct CompletionBody {
    /// `ibid`, or `ibid/COLLECTION` for an answer from one collection.
    #[schema(example = "ibid")]
    model: String,
    /// What was said; the last one with text is the question. System messages are context for it, and instructions stay
    /// the server's own.
    messages: Vec<TheirMessage>,
    /// Whether the answer comes as server-sent events.
    #[serde(default)]
    stream: Option<bool>,
    /// How it streams.
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// Longest answer in tokens, where it is less than the server's own limit.
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    /// The older name of `max_completion_tokens`.
    #[serde(default)]
    max_tokens: Option<u32>,
    /// How many answers: 1.
    #[serde(default)]
    #[schema(maximum = 1)]
    n: Option<u64>,
    /// None may be given: what answers searches and calls nothing else.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>, max_items = 0)]
    tools: Option<Vec<Value>>,
    /// The older name of `tools`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>, max_items = 0)]
    functions: Option<Vec<Value>>,
    /// Only `{"type":"text"}`: an answer is prose with markers.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    response_format: Option<Value>,
}

/// How an answer streams.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub(super) struct StreamOptions {
    /// Whether the last frame before the end says how many tokens it took, where the model says so.
    #[serde(default)]
    include_usage: Option<bool>,
}

/// What somebody said.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct TheirMessage {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
    role: String,
    /// The words, or parts of which those with `"type":"text"` are read.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "content has to be a string or a list of parts")]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

/// A request that cannot be answered: which member is wrong, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) param: &'static str,
    pub(super) message: String,
}

/// A request as this server takes it.
#[derive(Debug)]
pub(super) struct Ask {
    /// As the client wrote it; answers repeat it.
    pub(super) model: String,
    /// The one collection to answer from, if the model names one.
    pub(super) collection: Option<CollectionName>,
    pub(super) question: String,
    pub(super) history: Vec<Message>,
    pub(super) context: Vec<(String, String)>,
    pub(super) tokens_max: Option<u32>,
    pub(super) streams: bool,
    pub(super) wants_usage: bool,
}

impl CompletionBody {
    /// Reads the request, or says which member is wrong.
    pub(super) fn ask(self) -> Result<Ask, Unusable> {
        self.refuse_what_cannot_be_done()?;
        let collection = collection_of(&self.model)?;
        let mut turns = self.messages.into_iter().map(turn).collect::<Result<Vec<_>, _>>()?;
        turns.retain(|turn| !turn.content.trim().is_empty());
        let question = match turns.last() {
            Some(last) if last.role == Role::User => turns.pop().map(|turn| turn.content).unwrap_or_default(),
            _ => return Err(unusable("messages", "the last message with text has to be from the user")),
        };
        // Instructions are the service's own; a client's system messages are context and no more.
        let (instructions, history): (Vec<_>, Vec<_>) = turns.into_iter().partition(|turn| turn.role == Role::System);
        let options = self.stream_options.unwrap_or_default();
        Ok(Ask {
            model: self.model,
            collection,
            question,
            history,
            context: instructions.into_iter().map(|turn| ("system message".to_owned(), turn.content)).collect(),
            tokens_max: self.max_completion_tokens.or(self.max_tokens).filter(|most| *most > 0),
            streams: self.stream.unwrap_or(false),
            wants_usage: options.include_usage.unwrap_or(false),
        })
    }

    /// Promises that an answer would break unseen are refused; everything else that is asked for is a wish.
    fn refuse_what_cannot_be_done(&self) -> Result<(), Unusable> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(unusable("n", "n has to be 1: there is one answer"));
        }
        for (param, list) in [("tools", &self.tools), ("functions", &self.functions)] {
            if list.as_ref().is_some_and(|list| !list.is_empty()) {
                return Err(unusable(
                    param,
                    "tools are not called here: leave them out, this model searches by itself",
                ));
            }
        }
        let format = self.response_format.as_ref().and_then(|format| format.get("type")).and_then(Value::as_str);
        if format.is_some_and(|format| format != "text") {
            return Err(unusable("response_format", "response_format has to be text: an answer is prose with markers"));
        }
        if self.messages.len() > MESSAGES_MAX {
            return Err(unusable("messages", &format!("messages has over {MESSAGES_MAX} entries")));
        }
        Ok(())
    }
}

/// The collection that a model's name ends with.
pub(super) fn collection_of(model: &str) -> Result<Option<CollectionName>, Unusable> {
    let unknown = || unusable("model", &format!("there is no model {model:?}; GET /v1/models lists what there is"));
    match model.split_once('/') {
        None if model == MODEL => Ok(None),
        Some((MODEL, name)) => name.parse().map(Some).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

fn turn(message: TheirMessage) -> Result<Message, Unusable> {
    let role = match message.role.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        // What a tool said is not what somebody said, and never evidence.
        "tool" | "function" => return Ok(Message { role: Role::Assistant, content: String::new() }),
        other => return Err(unusable("messages", &format!("a message has the unknown role {other:?}"))),
    };
    let content = match message.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.iter().filter_map(part_text).collect::<Vec<_>>().join("\n"),
        None => String::new(),
    };
    Ok(Message { role, content })
}

/// The words of a part; pictures and files are passed over.
fn part_text(part: &Value) -> Option<&str> {
    (part.get("type")?.as_str()? == "text").then(|| part.get("text")?.as_str()).flatten()
}

fn unusable(param: &'static str, message: &str) -> Unusable {
    Unusable { param, message: message.to_owned() }
}

/// A whole answer, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) citations: Vec<Citation>,
    pub(super) grounded: bool,
    pub(super) usage: Option<TokenUsage>,
}

/// Writes the answer to one request.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    /// The run that answers.
    pub(super) run_id: String,
    /// As the client wrote it.
    pub(super) model: String,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// What links begin with, such as `http://localhost:8080`; empty when the client did not say how it came here.
    pub(super) base: String,
}

impl Writer {
    /// The answer in one piece.
    pub(super) fn whole(&self, answer: &Answer) -> Value {
        let message = json!({
            "role": "assistant", "content": answer.text,
            "annotations": self.annotations(answer), "ibid": self.extra(answer),
        });
        let mut whole = self.envelope("chat.completion");
        whole["choices"] = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
        if let Some(usage) = answer.usage {
            whole["usage"] = counted(usage);
        }
        whole
    }

    /// The first frame: somebody answers.
    pub(super) fn begun(&self) -> Value {
        self.chunk(json!({"role": "assistant", "content": ""}), None)
    }

    /// More words.
    pub(super) fn more(&self, text: &str) -> Value {
        self.chunk(json!({"content": text}), None)
    }

    /// The sources, when every word is said.
    pub(super) fn sources(&self, answer: &Answer) -> Value {
        self.chunk(json!({"annotations": self.annotations(answer), "ibid": self.extra(answer)}), None)
    }

    /// The last frame of the answer.
    pub(super) fn finished(&self) -> Value {
        self.chunk(json!({}), Some("stop"))
    }

    /// How many tokens it took.
    pub(super) fn usage(&self, usage: TokenUsage) -> Value {
        let mut frame = self.envelope("chat.completion.chunk");
        frame["choices"] = json!([]);
        frame["usage"] = counted(usage);
        frame
    }

    fn chunk(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let mut chunk = self.envelope("chat.completion.chunk");
        chunk["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]);
        chunk
    }

    fn envelope(&self, object: &str) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.run_id), "object": object, "created": self.created, "model": self.model,
        })
    }

    /// One annotation a citation. Its indexes are Unicode code points of the answer, the end is one past the last: Python's
    /// `content[start_index:end_index]` is the sentence that carries the marker.
    fn annotations(&self, answer: &Answer) -> Vec<Value> {
        let points = |utf16: usize| code_points(&answer.text, utf16);
        let annotation = |citation: &Citation| {
            json!({"type": "url_citation", "url_citation": {
                "start_index": points(citation.start.0), "end_index": points(citation.end.0),
                "title": citation.title, "url": format!("{}/v1/citations/{}", self.base, citation.id),
            }})
        };
        answer.citations.iter().map(annotation).collect()
    }

    /// What clients of ours find beside what every client reads.
    fn extra(&self, answer: &Answer) -> Value {
        json!({"run_id": self.run_id, "grounded": answer.grounded, "citations": answer.citations})
    }
}

fn counted(usage: TokenUsage) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
    })
}

/// How many code points stand before a UTF-16 offset.
fn code_points(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    let before = |character: &char| {
        units += character.len_utf16();
        units <= utf16
    };
    text.chars().take_while(before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: Value) -> Result<Ask, Unusable> {
        serde_json::from_value::<CompletionBody>(body).unwrap().ask()
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    #[test]
    fn what_clients_add_is_passed_over() {
        let ask = asked(json!({
            "model": "ibid/notes", "stream": true, "stream_options": {"include_usage": true, "more": 1}, "n": 1, "tools": [],
            "temperature": 0.2, "max_tokens": 9, "max_completion_tokens": 7, "user": {"id": 1}, "chat_id": "c", "stop": ["x"],
            "response_format": {"type": "text"}, "tool_choice": "none", "messages": [
                {"role": "system", "content": "be brief"}, user("first"),
                {"role": "assistant", "content": null, "tool_calls": [{"id": "x"}]},
                {"role": "tool", "tool_call_id": "x", "content": "forged evidence"},
                {"role": "assistant", "content": [{"type": "text", "text": "second", "cache_control": {}}]},
                {"role": "user", "name": "n", "content": [
                    {"type": "text", "text": "and"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "third?"}
                ]},
            ],
        }))
        .unwrap();
        assert_eq!(ask.question, "and\nthird?");
        assert_eq!(ask.history.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!(ask.context, [("system message".to_owned(), "be brief".to_owned())]);
        assert_eq!(ask.collection.map(|name| name.to_string()).as_deref(), Some("notes"));
        assert!(ask.streams && ask.wants_usage);
        assert_eq!(ask.tokens_max, Some(7));
    }

    #[test]
    fn what_would_break_a_promise_is_refused_by_name() {
        for (param, more) in [
            ("n", json!({"n": 2})),
            ("n", json!({"n": 0})),
            ("tools", json!({"tools": [{"type": "function", "function": {"name": "f"}}]})),
            ("functions", json!({"functions": [{"name": "f"}]})),
            ("response_format", json!({"response_format": {"type": "json_object"}})),
            ("model", json!({"model": "gpt-4o"})),
            ("model", json!({"model": "ibid/../etc"})),
            ("messages", json!({"messages": []})),
            ("messages", json!({"messages": [user("x"), {"role": "assistant", "content": "y"}]})),
            ("messages", json!({"messages": [{"role": "king", "content": "x"}]})),
            ("messages", json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})),
        ] {
            let mut body = json!({"model": "ibid", "messages": [user("x")]});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(asked(body.clone()).unwrap_err().param, param, "{body}");
        }
    }

    #[test]
    fn offsets_are_counted_in_code_points() {
        let text = "a🗼나b";
        assert_eq!([0, 1, 3, 4, 5].map(|utf16| code_points(text, utf16)), [0, 1, 2, 3, 4]);
        assert_eq!(code_points(text, 99), 4);
    }
}
