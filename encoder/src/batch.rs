//! Shares out work: texts of like length make a batch, and threads take batches until none is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::EncoderError;
use crate::model::Scratch;

/// Tokens of a batch, unless one sequence alone has more. It is enough rows to make the unpacking of weights cheap,
/// and few enough for the activations to stay in the cache.
pub(crate) const TOKENS_MAX: usize = 512;

/// The results of sequences with these `lengths`, in their order, worked out by up to `threads` threads. `work` is given the
/// places of a batch's sequences, which have at most `tokens_max` tokens unless it is one alone, and gives their results. With
/// one thread, or one batch, no thread is started.
pub(crate) fn share<T: Clone + Default + Send>(
    lengths: &[usize],
    tokens_max: usize,
    threads: usize,
    work: impl Fn(&[usize], &mut Scratch) -> Result<Vec<T>, EncoderError> + Sync,
) -> Result<Vec<T>, EncoderError> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(lengths[*index]));
    let batches = cut(&order, lengths, tokens_max);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut scratch = Scratch::default();
        let mut done = Vec::new();
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.extend(batch.iter().copied().zip(work(batch, &mut scratch)?));
        }
        Ok(done)
    };
    let helpers = threads.min(batches.len()).saturating_sub(1);
    let parts: Vec<Result<Vec<(usize, T)>, EncoderError>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..helpers).map(|_| scope.spawn(worker)).collect();
        let mut parts = vec![worker()];
        let joined = handles.into_iter().map(|handle| handle.join());
        parts.extend(joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        parts
    });
    let mut results = vec![T::default(); lengths.len()];
    for part in parts {
        for (index, result) in part? {
            results[index] = result;
        }
    }
    Ok(results)
}

/// Cuts the sequences, longest first, into runs of at most `tokens_max` tokens.
fn cut<'a>(order: &'a [usize], lengths: &[usize], tokens_max: usize) -> Vec<&'a [usize]> {
    let mut batches = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (place, index) in order.iter().enumerate() {
        let length = lengths[*index];
        if place > start && sum + length > tokens_max {
            batches.push(&order[start..place]);
            (start, sum) = (place, 0);
        }
        sum += length;
    }
    if start < order.len() {
        batches.push(&order[start..]);
    }
    batches
}
