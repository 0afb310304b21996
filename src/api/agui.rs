//! AG-UI 1.0 as it goes over the wire. The only place that knows the protocol's events.
//!
//! Specification: <https://docs.ag-ui.com>, frozen schema 1.0. Optional fields are left out and never null, because
//! clients reject a null and with it the run. Peers that send no `protocolVersion` are of the time before 1.0 and get
//! nothing that their verifier does not know. The frames of a run depend on its events alone, so that the n-th frame is
//! the same whenever the run is followed again.

use serde_json::{Value, json};

use super::agui_input::Peer;
use crate::agent::{AgentEvent, RunSummary, Step};
use crate::types::{Citation, Hit};

/// The protocol version that this server speaks.
const PROTOCOL_VERSION: &str = "1.0";
/// Characters of a passage in the tool result: it comes back with every later request.
const SNIPPET_CHARS: usize = 240;

/// Turns our events into AG-UI events, and closes what is open when a run is stopped.
#[derive(Debug)]
pub(super) struct Emitter {
    thread_id: String,
    run_id: String,
    peer: Peer,
    step: Option<Step>,
    is_answering: bool,
    hits: Vec<Hit>,
}

impl Emitter {
    /// An emitter for one run.
    pub(super) fn new(thread_id: &str, run_id: &str, peer: Peer) -> Self {
        Self {
            thread_id: thread_id.to_owned(),
            run_id: run_id.to_owned(),
            peer,
            step: None,
            is_answering: false,
            hits: Vec::new(),
        }
    }

    /// The AG-UI events for one of ours.
    pub(super) fn events(&mut self, event: &AgentEvent) -> Vec<Value> {
        match event {
            AgentEvent::Started => vec![json!({
                "type": "RUN_STARTED", "threadId": self.thread_id, "runId": self.run_id,
                "protocolVersion": PROTOCOL_VERSION,
            })],
            AgentEvent::StepStarted { step } => {
                self.step = Some(*step);
                vec![json!({"type": "STEP_STARTED", "stepName": step.as_str()})]
            }
            AgentEvent::StepFinished { step } => {
                self.step = None;
                vec![json!({"type": "STEP_FINISHED", "stepName": step.as_str()})]
            }
            AgentEvent::Rewritten { question, query, by } => {
                vec![custom("ibid.rewritten", json!({"question": question, "query": query, "by": by}))]
            }
            AgentEvent::Searched { query, hits } => {
                self.hits.clone_from(hits);
                self.tool_call(query, hits)
            }
            AgentEvent::AnswerStarted => {
                self.is_answering = true;
                vec![json!({"type": "TEXT_MESSAGE_START", "messageId": self.answer_id(), "role": "assistant"})]
            }
            AgentEvent::AnswerDelta { text, citations } => {
                let mut content = json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": self.answer_id(), "delta": text});
                if let Some(citations) = citations {
                    content["metadata"] = json!({"citations": citations});
                }
                vec![content]
            }
            AgentEvent::AnswerEnded { citations, grounded, withheld, nearest } => {
                self.is_answering = false;
                self.answer_ended(citations, (*grounded, *withheld), *nearest)
            }
            AgentEvent::Finished { summary } => vec![self.finished(summary)],
            AgentEvent::Failed { code, message } => vec![Self::error(code, message)],
            AgentEvent::Cancelled { reason } => self.cancelled(reason),
        }
    }

    /// The event that ends a run that failed.
    fn error(code: &str, message: &str) -> Value {
        json!({"type": "RUN_ERROR", "code": code, "message": message})
    }

    fn answer_ended(&self, citations: &[Citation], (grounded, withheld): (bool, u32), nearest: usize) -> Vec<Value> {
        let id = self.answer_id();
        let metadata = json!({"citations": citations, "ibid.grounded": grounded, "ibid.withheld": withheld});
        let mut value = json!({"messageId": id, "citations": citations, "grounded": grounded, "withheld": withheld});
        if nearest > 0 {
            let passages = self.hits.iter().take(nearest).enumerate();
            value["nearest"] = passages.map(|(at, hit)| tool_passage(at + 1, hit)).collect();
        }
        // After the message and never inside: one client closes its text when it sees a custom event.
        let mut events = vec![
            json!({"type": "TEXT_MESSAGE_END", "messageId": id, "metadata": metadata}),
            custom("ibid.citations", value),
        ];
        if self.peer.annotations {
            let annotations: Vec<Value> = citations.iter().map(annotation).collect();
            events.push(custom("annotations", json!({"messageId": id, "annotations": annotations})));
        }
        events
    }

    fn finished(&self, summary: &RunSummary) -> Value {
        let mut finished = json!({"type": "RUN_FINISHED", "threadId": self.thread_id, "runId": self.run_id});
        let mut result = json!({
            "answerMessageId": self.answer_id(), "grounded": summary.grounded, "withheld": summary.withheld,
            "model": summary.model, "steps": summary.steps, "tools": summary.tools,
        });
        let counts =
            [("tokensIn", summary.tokens_in), ("tokensOut", summary.tokens_out), ("costMicros", summary.cost_micros)];
        for (name, count) in counts {
            if let Some(count) = count {
                result[name] = json!(count);
            }
        }
        finished["result"] = result;
        if let (true, Some(read), Some(written)) = (self.peer.current, summary.tokens_in, summary.tokens_out) {
            finished["usage"] = json!([{
                "model": summary.model, "inputTokens": read, "outputTokens": written, "totalTokens": read + written,
            }]);
        }
        finished
    }

    /// Closes what is open, because a run that ends regularly may leave nothing open.
    fn cancelled(&mut self, reason: &str) -> Vec<Value> {
        let mut events = Vec::new();
        if std::mem::take(&mut self.is_answering) {
            events.push(json!({"type": "TEXT_MESSAGE_END", "messageId": self.answer_id()}));
        }
        if let Some(step) = self.step.take() {
            events.push(json!({"type": "STEP_FINISHED", "stepName": step.as_str()}));
        }
        events.push(if self.peer.current {
            json!({
                "type": "RUN_FINISHED", "threadId": self.thread_id, "runId": self.run_id,
                "outcome": {"type": "cancelled"}, "result": {"reason": reason},
            })
        } else {
            Self::error("cancelled", reason)
        });
        events
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

fn custom(name: &str, value: Value) -> Value {
    json!({"type": "CUSTOM", "name": name, "value": value})
}

/// A citation in the shape that Microsoft's Agent Framework puts back on its message.
fn annotation(citation: &Citation) -> Value {
    let snippet: String = citation.source_content.iter().map(|piece| piece.text.as_str()).collect();
    json!({
        "type": "citation", "title": citation.title, "url": format!("/v1/citations/{}", citation.id),
        "file_id": citation.document_id, "tool_name": "search", "snippet": snippet,
        "annotated_regions": [{"type": "text_span", "start_index": citation.start, "end_index": citation.end}],
        "additional_properties": {"n": citation.n, "source": citation.source, "verdict": citation.verdict},
    })
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
    use proptest::prelude::*;

    use super::*;
    use crate::agent::RewrittenBy;
    use crate::agui_rules::broken_rule;
    use crate::types::StepTime;

    fn citation(n: usize) -> Citation {
        let location = json!({"type": "span", "unit": "bytes", "start": 0, "end": 3, "headingPath": []});
        let document_id = "0".repeat(32);
        serde_json::from_value(json!({
            "n": n, "id": format!("cit_{n:024x}"), "chunkId": format!("c{n}"), "documentId": document_id, "collection": "default",
            "title": "나무", "source": "a.md", "url": "/v1/documents/x/text", "sourceContent": [{"text": "one"}],
            "location": location, "start": 0, "end": 3, "textOffset": 1, "score": 0.5, "verdict": "supported",
            "reasonCode": "verbatim", "reason": "It stands there.", "judge": "lexical",
        }))
        .expect("a citation is as it is on the wire")
    }

    fn summary() -> impl Strategy<Value = RunSummary> {
        let counts = (any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u64>>());
        (counts, any::<bool>()).prop_map(|((read, written, cost_micros), grounded)| RunSummary {
            model: "m".to_owned(),
            grounded,
            withheld: 0,
            tokens_in: read.map(u64::from),
            tokens_out: written.map(u64::from),
            cost_micros,
            steps: vec![StepTime { name: "retrieve".to_owned(), took_ms: 1 }],
            tools: vec!["search".to_owned()],
        })
    }

    fn delta() -> impl Strategy<Value = AgentEvent> {
        let cited = prop::option::of(1_usize..4);
        ("\\PC{0,8}", cited).prop_map(|(text, cited)| {
            let citations = cited.map(|most| (1..=most).map(citation).collect());
            AgentEvent::AnswerDelta { text, citations }
        })
    }

    /// The events of a run that is not broken off, without its last one.
    fn steps() -> impl Strategy<Value = Vec<AgentEvent>> {
        let rewritten = AgentEvent::Rewritten { question: "q".into(), query: "p".into(), by: RewrittenBy::Rules };
        let rewrite = prop::option::of(prop::option::of(Just(rewritten)));
        let answer = (prop::collection::vec(delta(), 0..6), 0_usize..4, any::<(bool, u32)>(), 0_usize..4);
        (rewrite, answer).prop_map(|(rewrite, (deltas, cited, (grounded, withheld), nearest))| {
            let mut events = vec![AgentEvent::Started];
            if let Some(told) = rewrite {
                events.push(AgentEvent::StepStarted { step: Step::Rewrite });
                events.extend(told);
                events.push(AgentEvent::StepFinished { step: Step::Rewrite });
            }
            events.push(AgentEvent::StepStarted { step: Step::Retrieve });
            events.push(AgentEvent::Searched { query: "q".to_owned(), hits: Vec::new() });
            events.push(AgentEvent::StepFinished { step: Step::Retrieve });
            events.push(AgentEvent::StepStarted { step: Step::Generate });
            events.push(AgentEvent::AnswerStarted);
            events.extend(deltas);
            let citations = (1..=cited).map(citation).collect();
            events.push(AgentEvent::AnswerEnded { citations, grounded, withheld, nearest });
            events.push(AgentEvent::StepFinished { step: Step::Generate });
            events
        })
    }

    /// How a run ends: whole, or broken off after so many of its events.
    fn runs() -> impl Strategy<Value = Vec<AgentEvent>> {
        let failed = Just(AgentEvent::Failed { code: "internal".to_owned(), message: "It broke.".to_owned() });
        let cancelled = Just(AgentEvent::Cancelled { reason: "It was cancelled.".to_owned() });
        let broken = (any::<prop::sample::Index>(), prop_oneof![failed, cancelled]);
        (steps(), prop::option::of(broken), summary()).prop_map(|(mut events, broken, summary)| {
            match broken {
                None => events.push(AgentEvent::Finished { summary }),
                Some((at, last)) => {
                    events.truncate(1 + at.index(events.len()));
                    events.push(last);
                }
            }
            events
        })
    }

    proptest! {
        #[test]
        fn however_a_run_goes_its_stream_breaks_no_rule(run in runs(), current: bool, annotations: bool) {
            let mut emitter = Emitter::new("t", "r", Peer { current, annotations });
            let events: Vec<Value> = run.iter().flat_map(|event| emitter.events(event)).collect();
            prop_assert_eq!(broken_rule(&events, current), None);
        }
    }
}
