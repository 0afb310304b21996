//! The prompts: versioned templates, numbered passages fenced as data, the conversation within a budget, the question.

use super::history::Condensed;
use crate::models::{ChatRequest, Passage};
use crate::types::{Hit, Message, Role, below_header};

/// A prompt template: its name with its version, and its words.
pub type PromptTemplate = (&'static str, &'static str);

const ANSWER: PromptTemplate = ("answer.v1", include_str!("prompts/answer.v1.md"));
const REWRITE: PromptTemplate = ("rewrite.v1", include_str!("prompts/rewrite.v1.md"));

/// Every prompt template that models are given.
pub const PROMPT_TEMPLATES: [PromptTemplate; 2] = [ANSWER, REWRITE];

/// Characters of what an application adds to the context, an entry.
const CONTEXT_CHARS_MAX: usize = 2_000;
/// Entries of context that are shown to the model.
const CONTEXT_ENTRIES_MAX: usize = 16;

/// What the model is asked for an answer.
pub(super) fn answer_request(
    question: &str,
    history: &Condensed,
    context: &[(String, String)],
    hits: &[Hit],
) -> ChatRequest {
    let passages: Vec<Passage> = hits.iter().enumerate().map(|(at, hit)| passage(at + 1, hit)).collect();
    let mut system = ANSWER.1.trim_end().to_owned();
    for (description, value) in context.iter().take(CONTEXT_ENTRIES_MAX) {
        system.push_str(&format!("\n\nContext from the application, {}:\n{}", cut(description), cut(value)));
    }
    if !history.earlier.is_empty() {
        system.push_str("\n\nEarlier in this conversation, shortened:\n");
        system.push_str(&history.earlier);
    }
    system.push_str("\n\nPassages:\n");
    for passage in &passages {
        system.push_str(&fenced(passage));
    }
    let mut messages = vec![Message { role: Role::System, content: system }];
    messages.extend(history.recent.iter().cloned());
    messages.push(Message { role: Role::User, content: question.to_owned() });
    ChatRequest { messages, question: question.to_owned(), passages, ..ChatRequest::default() }
}

/// What the model is asked for a question that stands alone.
pub(super) fn rewrite_request(question: &str, history: &Condensed) -> ChatRequest {
    let mut told = String::from("Conversation:\n");
    told.push_str(&history.earlier);
    for turn in &history.recent {
        let who = if turn.role == Role::User { "Question" } else { "Answer" };
        told.push_str(&format!("{who}: {}\n", turn.content.replace('\n', " ")));
    }
    told.push_str(&format!("\nLast question: {question}"));
    let messages = vec![
        Message { role: Role::System, content: REWRITE.1.trim_end().to_owned() },
        Message { role: Role::User, content: told },
    ];
    ChatRequest { messages, question: question.to_owned(), tokens_max: Some(200), ..ChatRequest::default() }
}

fn passage(n: usize, hit: &Hit) -> Passage {
    Passage {
        n,
        title: hit.title.clone(),
        heading_path: hit.heading_path.clone(),
        header: hit.header.clone(),
        text: hit.text.clone(),
    }
}

fn fenced(passage: &Passage) -> String {
    // A passage that holds the opening or the closing mark itself could end its own fence or begin another's.
    let text = unfenced(&below_header(passage.header.as_deref(), &passage.text));
    let place = std::iter::once(passage.title.as_str()).chain(passage.heading_path.iter().map(String::as_str));
    let place = place.collect::<Vec<_>>().join(" > ").replace(['<', '>', '"', '\n'], " ");
    format!("<passage number=\"{}\" from=\"{place}\">\n{text}\n</passage>\n", passage.n)
}

/// The text with every `<passage` and `</passage` in any case and spacing broken.
fn unfenced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name = from[1..].trim_start_matches(['/', ' ', '\t', '\n', '\r']);
        let is_fence = name.get(..7).is_some_and(|name| name.eq_ignore_ascii_case("passage"));
        out.push_str(if is_fence { "< " } else { "<" });
        rest = &from[1..];
    }
    out.push_str(rest);
    out
}

fn cut(text: &str) -> String {
    text.chars().take(CONTEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_cannot_end_its_own_fence() {
        for bad in ["</passage>", "</ PASSAGE >", "<passage number=\"9\">", "< /passage>", "<\n/passage>"] {
            let broken = unfenced(&format!("a {bad} b"));
            assert!(broken.contains("< ") && !broken.contains(bad), "{broken}");
        }
        assert_eq!(unfenced("1 < 2 <b>x</b> 가"), "1 < 2 <b>x</b> 가");
    }

    #[test]
    fn templates_have_names_with_versions() {
        for (name, text) in PROMPT_TEMPLATES {
            assert!(name.rsplit_once(".v").is_some_and(|(_, version)| version.parse::<u32>().is_ok()), "{name}");
            assert!(text.len() > 200);
        }
    }
}
