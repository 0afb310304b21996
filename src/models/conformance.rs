//! What every embedder, every reranker and every chat model promises, checked on those that run here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::{
    CallLimits, ChatDelta, ChatModel, ChatRequest, Embedder, Extractive, GuardOptions, Guarded, Hashing, Metered,
    Passage, PriceTable, Reranker,
};
use crate::types::{Message, Role};

async fn embedder_keeps_its_promises(embedder: &dyn Embedder) {
    let texts = ["a cat", "고양이 한 마리", "", "a cat"].map(str::to_owned).to_vec();
    let together = embedder.embed_passages(texts.clone()).await.unwrap();
    assert_eq!(together.len(), 4);
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(vector.len(), embedder.dimensions());
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-3, "{text:?} has length {length}");
        let alone = embedder.embed_passages(vec![text.clone()]).await.unwrap();
        assert_eq!(&alone[0], vector, "{text:?} depends on its batch");
    }
    assert_eq!(embedder.embed_query("a cat").await.unwrap().len(), embedder.dimensions());
}

pub(super) async fn reranker_keeps_its_promises(reranker: &dyn Reranker) {
    assert!(!reranker.id().is_empty());
    let passages = ["an otter eats crabs", "고양이는 참치를 좋아한다", "", "an otter eats crabs"].map(str::to_owned);
    let long = "crabs and otters and rivers ".repeat(4_000);
    let passages: Vec<String> = passages.into_iter().chain([long]).collect();
    let later = || Instant::now() + Duration::from_secs(60);
    for query in ["what does an otter eat", "수달은 무엇을 먹나", ""] {
        let together = reranker.rerank(query, &passages, later()).await.unwrap().scores;
        assert_eq!(together.len(), passages.len(), "{query:?}");
        assert!(together.iter().all(|score| score.is_finite()), "{together:?}");
        let backwards: Vec<String> = passages.iter().rev().cloned().collect();
        let mut backwards = reranker.rerank(query, &backwards, later()).await.unwrap().scores;
        backwards.reverse();
        assert_eq!(backwards, together, "{query:?} depends on the order");
        for (passage, score) in passages.iter().zip(&together) {
            let alone = reranker.rerank(query, std::slice::from_ref(passage), later()).await.unwrap().scores;
            assert_eq!(alone, [*score], "{query:?} depends on the other passages");
        }
    }
    assert!(reranker.rerank("otter", &[], later()).await.unwrap().scores.is_empty());
    let too_late = reranker.rerank("otter", &passages, Instant::now()).await.unwrap();
    assert!(too_late.scores.is_empty(), "{too_late:?}");
}

pub(super) async fn chat_model_keeps_its_promises(model: &dyn ChatModel) {
    assert!(!model.name().is_empty());
    let answer = text_of(model, asked("Where is Busan?", Vec::new())).await;
    assert!(!answer.is_empty() && !answer.contains('['), "{answer}");
    let passages = vec![
        passage(1, "The river is wide. It flows through the city and then into the sea."),
        passage(2, "Seoul has a tower. The tower in Seoul is 236 metres tall, and it stands on a hill."),
    ];
    let tower = asked("How tall is the tower in Seoul?", passages);
    let quoted = text_of(model, tower.clone()).await;
    assert!(quoted.contains("236 metres") && quoted.contains("[2]"), "{quoted}");
    // A stream that is dropped in its midst costs nobody anything, and calls run side by side.
    let mut dropped = model.stream(tower.clone()).await.unwrap();
    let _ = dropped.next().await;
    drop(dropped);
    let (one, other) = futures::future::join(text_of(model, tower.clone()), text_of(model, tower)).await;
    assert_eq!((one.as_str(), other.as_str()), (quoted.as_str(), quoted.as_str()));
}

fn asked(question: &str, passages: Vec<Passage>) -> ChatRequest {
    let shown: String = passages.iter().map(|passage| format!("[{}] {}\n", passage.n, passage.text)).collect();
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let messages = vec![message(Role::System, &shown), message(Role::User, question)];
    ChatRequest { messages, question: question.to_owned(), passages, tokens_max: None }
}

fn passage(n: usize, text: &str) -> Passage {
    Passage { n, title: String::new(), heading_path: Vec::new(), header: None, text: text.to_owned() }
}

async fn text_of(model: &dyn ChatModel, request: ChatRequest) -> String {
    let deltas: Vec<_> = model.stream(request).await.unwrap().collect().await;
    let deltas: Vec<ChatDelta> = deltas.into_iter().map(Result::unwrap).collect();
    let named = |delta: &ChatDelta| matches!(delta, ChatDelta::Answering { model: name } if !name.is_empty());
    assert!(deltas.first().is_some_and(named), "{deltas:?} does not begin with who answers");
    assert_eq!(deltas.iter().filter(|delta| named(delta)).count(), 1, "{deltas:?}");
    let text = |delta| if let ChatDelta::Text(text) = delta { Some(text) } else { None };
    deltas.into_iter().filter_map(text).collect()
}

#[tokio::test]
async fn the_hashing_embedder_keeps_its_promises() {
    embedder_keeps_its_promises(&Hashing::new()).await;
}

#[tokio::test]
async fn the_local_embedder_keeps_its_promises() {
    let folder = std::env::var_os("IBID_MODELS").expect("IBID_MODELS is not set: run `cargo xtask test`");
    let path = super::locate(&super::E5_SMALL_Q4, folder.as_ref()).expect("IBID_MODELS holds e5-small-q4.bin");
    let embedder = super::LocalEmbedder::open(&path, &super::E5_SMALL_Q4, 2).unwrap();
    embedder_keeps_its_promises(&embedder).await;
    chat_model_keeps_its_promises(&Extractive::new(Some(Arc::new(embedder)))).await;
}

#[tokio::test]
async fn the_extractive_model_keeps_its_promises() {
    chat_model_keeps_its_promises(&Extractive::new(None)).await;
    chat_model_keeps_its_promises(&Extractive::new(Some(Arc::new(Hashing::new())))).await;
}

#[tokio::test]
async fn a_guarded_and_a_metered_model_keep_the_promises_of_the_one_beneath() {
    let minute = Duration::from_secs(60);
    let options = GuardOptions {
        retries: 2,
        retry_wait: Duration::ZERO,
        retry_wait_max: minute,
        breaker_failures: 5,
        breaker_open: minute,
        calls_max: 2,
        call_wait: minute,
        answer_timeout: minute,
        random: || 0.5,
    };
    let extractive: Arc<dyn ChatModel> = Arc::new(Extractive::new(None));
    let guarded: Arc<dyn ChatModel> = Arc::new(Guarded::new(extractive, None, options));
    chat_model_keeps_its_promises(guarded.as_ref()).await;
    let limits = CallLimits { calls_max: 10, tokens_max: 10_000, cost_micros_max: None };
    chat_model_keeps_its_promises(&Metered::new(guarded, Arc::new(PriceTable::default()), limits)).await;
}
