//! What every embedder, every reranker and every chat model promises, checked on those that run here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::{ChatDelta, ChatModel, ChatRequest, Embedder, Extractive, Hashing, Passage, Reranker};

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

async fn chat_model_keeps_its_promises(model: &dyn ChatModel) {
    let nothing = ChatRequest { question: "Where is Busan?".to_owned(), ..ChatRequest::default() };
    let answer = text_of(model, nothing).await;
    assert!(!answer.is_empty() && !answer.contains('['), "{answer}");
    let asked = ChatRequest {
        question: "How tall is the tower in Seoul?".to_owned(),
        passages: vec![
            passage(1, "The river is wide. It flows through the city and then into the sea."),
            passage(2, "Seoul has a tower. The tower in Seoul is 236 metres tall, and it stands on a hill."),
        ],
        ..ChatRequest::default()
    };
    let quoted = text_of(model, asked).await;
    assert!(quoted.contains("236 metres") && quoted.contains("[2]"), "{quoted}");
}

fn passage(n: usize, text: &str) -> Passage {
    Passage { n, title: String::new(), heading_path: Vec::new(), header: None, text: text.to_owned() }
}

async fn text_of(model: &dyn ChatModel, request: ChatRequest) -> String {
    let deltas: Vec<_> = model.stream(request).await.unwrap().collect().await;
    let text = |delta| match delta {
        Ok(ChatDelta::Text(text)) => text,
        Ok(ChatDelta::Usage(_)) => String::new(),
        Err(error) => panic!("{error}"),
    };
    deltas.into_iter().map(text).collect()
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
