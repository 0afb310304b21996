//! The stage that gives every chunk its vector, behind the words and apart from them.

use std::time::Duration;

use super::IndexingError;
use crate::generations::OpenedGeneration;
use crate::memory::Memory;
use crate::store::{MissingText, Store};
use crate::types::{DocumentId, GenerationId};

/// Documents that one round looks at.
const DOCUMENTS_PER_ROUND: u32 = 64;
/// Texts that one call embeds: enough to keep two cores busy, few enough that a stop loses little and a question that
/// comes in between does not wait long.
const TEXTS_PER_CALL: usize = 16;
/// And that one call embeds while memory is short.
const TEXTS_PER_CALL_WHEN_SHORT: usize = 4;
/// Texts of one round. Its documents become searchable by meaning at its end, so it is kept short; a document with more
/// texts takes several rounds.
const TEXTS_PER_ROUND: usize = 128;

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Texts that were embedded.
    pub(super) texts: u64,
    /// Documents that are complete.
    pub(super) documents: u64,
}

/// Embeds some of what waits, and keeps it from other processes for the time of a lease. A round that finds nothing says so
/// with zeros, and so does one without an embedder. `embedded` hears of each call's texts.
pub(super) async fn embed_round(
    store: &dyn Store,
    views: &OpenedGeneration,
    (lease, memory): (Duration, &Memory),
    embedded: &(dyn Fn(usize) + Send + Sync),
) -> Result<Round, IndexingError> {
    let mut round = Round::default();
    let Some(embedder) = &views.embedder else { return Ok(round) };
    let generation = views.id;
    let (documents, texts) = gather(store, generation, lease).await?;
    let mut left = texts.as_slice();
    while !left.is_empty() {
        let most = if memory.is_near() { TEXTS_PER_CALL_WHEN_SHORT } else { TEXTS_PER_CALL };
        let (part, rest) = left.split_at(most.min(left.len()));
        left = rest;
        let inputs = part.iter().map(|text| text.input.clone()).collect();
        let vectors = embedder.embed_passages(inputs).await?;
        let pairs: Vec<_> = part.iter().map(|text| text.hash).zip(vectors).collect();
        let completed = store.save_embeddings(generation, &pairs, &documents).await?;
        round.documents += completed;
        round.texts += part.len() as u64;
        embedded(part.len());
    }
    if !documents.is_empty() {
        round.documents += store.save_embeddings(generation, &[], &documents).await?;
    }
    Ok(round)
}

/// The next documents, and what they lack, each text once and long ones together.
async fn gather(
    store: &dyn Store,
    generation: GenerationId,
    lease: Duration,
) -> Result<(Vec<DocumentId>, Vec<MissingText>), IndexingError> {
    let mut documents = Vec::new();
    let mut texts: Vec<MissingText> = Vec::new();
    for id in store.claim_documents(generation, DOCUMENTS_PER_ROUND, lease).await? {
        texts.extend(store.missing_texts(id, generation).await?);
        documents.push(id);
        if texts.len() >= TEXTS_PER_ROUND {
            break;
        }
    }
    texts.sort_by(|a, b| b.input.len().cmp(&a.input.len()).then(a.hash.cmp(&b.hash)));
    texts.dedup_by(|a, b| a.hash == b.hash);
    texts.truncate(TEXTS_PER_ROUND);
    Ok((documents, texts))
}
