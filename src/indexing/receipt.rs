//! Receipts: what was removed is looked for in the truth and in every view, after they have followed the change that
//! removed it, and what was found is kept.

use std::collections::BTreeSet;

use super::IndexingError;
use crate::generations::{OpenedGeneration, VectorFollower};
use crate::store::Store;
use crate::types::{ChunkId, Removal, RemovalProof, Seq};

/// Removals that are looked for at a time.
const REMOVALS_AT_ONCE: u32 = 500;
/// Chunks that a view is asked for at a time.
const CHUNKS_AT_ONCE: usize = 4_096;

/// Looks for what was removed and not yet looked for, as far as all views have followed; says how many removals have a proof
/// now. Without an embedder the vectors of an earlier time wait where they are, and so do the proofs.
pub(super) async fn prove_removals(
    store: &dyn Store,
    generations: &[std::sync::Arc<OpenedGeneration>],
    clock: fn() -> i64,
) -> Result<u64, IndexingError> {
    let (mut proven, mut after) = (0, 0);
    loop {
        // What is listed here was committed before the views are asked how far they are.
        let mut removals = store.unproven_removals(Seq(i64::MAX as u64), after, REMOVALS_AT_ONCE).await?;
        let Some(last) = removals.last().map(|removal| removal.number) else { return Ok(proven) };
        after = last;
        let passed = passed(store, generations).await?;
        removals.retain(|removal| removal.seq <= passed);
        if removals.is_empty() {
            return Ok(proven);
        }
        let mut proofs = Vec::with_capacity(removals.len());
        for removal in &removals {
            let verified_at_ms = clock();
            let (mut keyword_left, mut vector_left) = (0, 0);
            for views in generations {
                keyword_left += left_in_keyword(views, removal).await?;
                vector_left += left_in_vector(views, removal).await?;
            }
            let truth_left = store.left_of(removal).await?;
            let proof = RemovalProof { verified_at_ms, truth_left, keyword_left, vector_left };
            if !proof.is_clean() {
                tracing::error!(uri = removal.uri, ?proof, "something of a removed document is left");
            }
            proofs.push((removal.number, proof));
        }
        store.prove_removals(&proofs).await?;
        proven += proofs.len() as u64;
    }
}

/// The change that every view has followed. One that holds all that concerns it has followed every change there is.
async fn passed(store: &dyn Store, generations: &[std::sync::Arc<OpenedGeneration>]) -> Result<Seq, IndexingError> {
    const ALL: Seq = Seq(u64::MAX);
    let mut passed = ALL;
    for views in generations {
        let last = store.last_seq(views.id).await?;
        let vector = match views.vector_follower {
            VectorFollower::Truth => ALL,
            VectorFollower::Own | VectorFollower::Shared => store.checkpoint(&views.vector_view).await?,
        };
        for checkpoint in [views.keyword.checkpoint(), vector] {
            passed = passed.min(if checkpoint >= last { ALL } else { checkpoint });
        }
    }
    Ok(passed)
}

async fn left_in_keyword(views: &OpenedGeneration, removal: &Removal) -> Result<u64, IndexingError> {
    let (keyword, document) = (std::sync::Arc::clone(&views.keyword), removal.document);
    let held = tokio::task::spawn_blocking(move || keyword.chunks_of(document)).await;
    let held = held.map_err(|_| IndexingError::Cancelled)??;
    let is_removed = |chunk: &ChunkId| removal.chunks.iter().any(|(first, last)| (*first..=*last).contains(&chunk.0));
    Ok(held.iter().filter(|chunk| is_removed(chunk)).count() as u64)
}

async fn left_in_vector(views: &OpenedGeneration, removal: &Removal) -> Result<u64, IndexingError> {
    let all = removal.chunks.iter().flat_map(|(first, last)| *first..=*last).map(ChunkId);
    let all: Vec<ChunkId> = all.collect();
    let mut left = BTreeSet::new();
    for part in all.chunks(CHUNKS_AT_ONCE) {
        left.extend(views.vector.held(part).await?);
    }
    Ok(left.len() as u64)
}
