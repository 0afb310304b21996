//! When the views follow: at once when somebody waits for them, and in fewer and larger commits while much comes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::followers::{Gathering, follow_keyword, follow_vector};
use super::receipt::prove_removals;
use super::{Indexer, IndexingError};
use crate::generations::{OpenedGeneration, VectorFollower};
use crate::types::{GenerationId, Seq};

/// The longest that changes are gathered before they can be found.
const GATHERED_MAX: Duration = Duration::from_secs(5);
/// How long vectors follow before words have their turn again.
const VECTORS_TURN: Duration = Duration::from_secs(1);
/// As long as changes have been coming in, divided by this, more are waited for.
const GATHERED_SHARE: u32 = 4;

/// For how long changes are gathered for one commit. The first one that comes is found at once; while they keep coming,
/// commits get rarer, because each costs a flush to disk and a segment that has to be merged.
#[derive(Debug, Default)]
pub(super) struct Pace {
    busy_since: Option<Instant>,
}

impl Pace {
    pub(super) fn window(&self) -> Duration {
        self.busy_since.map_or(Duration::ZERO, |since| (since.elapsed() / GATHERED_SHARE).min(GATHERED_MAX))
    }

    /// Hears whether a round that began then had anything to do.
    pub(super) fn note(&mut self, began: Instant, moved: bool) {
        self.busy_since = moved.then(|| self.busy_since.unwrap_or(began));
    }
}

/// Somebody waits for the views, until this is dropped.
pub(super) struct Asks<'a>(&'a AtomicUsize);

impl<'a> Asks<'a> {
    pub(super) fn of(asked: &'a AtomicUsize) -> Self {
        asked.fetch_add(1, Ordering::Relaxed);
        Self(asked)
    }
}

impl Drop for Asks<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Indexer {
    /// Brings the views of every generation up to the newest change.
    ///
    /// # Errors
    /// [`IndexingError`]; what was applied stays applied.
    pub async fn catch_up(&self) -> Result<(), IndexingError> {
        // Whoever gathers changes at this moment commits them.
        let _asks = Asks::of(&self.asked);
        let _alone = self.following.lock().await;
        let mut newest = BTreeMap::new();
        for views in self.parts.generations.all() {
            newest.insert(views.id, self.parts.store.last_seq(views.id).await?);
        }
        // What comes in meanwhile has its own time.
        while self.follow_round(Gathering::none()).await? && !self.has_followed(&newest).await? {}
        self.caught_up.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the views of these generations have come as far.
    async fn has_followed(&self, newest: &BTreeMap<GenerationId, Seq>) -> Result<bool, IndexingError> {
        for views in self.parts.generations.all() {
            let Some(wanted) = newest.get(&views.id) else { return Ok(false) };
            let follows = views.embedder.is_some() && views.vector_follower != VectorFollower::Truth;
            if views.keyword.checkpoint() < *wanted
                || (follows && self.parts.store.checkpoint(&views.vector_view).await? < *wanted)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Follows for one commit of each view, for which changes are gathered as long as `pace` says, nobody asks for them and
    /// `more` may come; says whether there were any.
    pub(super) async fn follow_at(
        &self,
        pace: &mut Pace,
        more: &(dyn Fn() -> bool + Sync),
    ) -> Result<bool, IndexingError> {
        if !self.has_caught_up() {
            return self.catch_up().await.map(|()| true);
        }
        let _alone = self.following.lock().await;
        let began = Instant::now();
        let may_wait = || more() && self.asked.load(Ordering::Relaxed) == 0;
        let moved = self.follow_round(Gathering { window: pace.window(), may_wait: &may_wait }).await?;
        pace.note(began, moved);
        Ok(moved)
    }

    async fn follow_round(&self, gathering: Gathering<'_>) -> Result<bool, IndexingError> {
        self.refresh().await?;
        let moved = self.follow(gathering).await?;
        // A generation that shall serve does so when its words have caught up.
        self.refresh().await?;
        let looks = moved || !self.has_caught_up();
        if looks || self.prove_again.swap(false, Ordering::Relaxed) {
            self.prove_again.store(true, Ordering::Relaxed);
            prove_removals(self.parts.store.as_ref(), &self.parts.generations.all(), self.parts.clock).await?;
            self.prove_again.store(false, Ordering::Relaxed);
        }
        Ok(moved)
    }

    /// Opens and closes generations as the truth has them.
    async fn refresh(&self) -> Result<(), IndexingError> {
        if self.parts.generations.refresh().await? {
            self.look_for_unchunked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Says whether any view moved.
    async fn follow(&self, gathering: Gathering<'_>) -> Result<bool, IndexingError> {
        let mut moved = false;
        for views in self.parts.generations.all() {
            match self.follow_one(&views, gathering).await {
                Ok(followed) => moved |= followed,
                Err(error) => {
                    // One that was dropped a moment ago has no index any more.
                    let known = self.parts.store.generations().await?;
                    if known.iter().any(|generation| generation.id == views.id) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(moved)
    }

    async fn follow_one(&self, views: &Arc<OpenedGeneration>, gathering: Gathering<'_>) -> Result<bool, IndexingError> {
        let store = self.parts.store.as_ref();
        // Where each text is embedded, that takes so long that words need not hurry, nor vectors wait for them.
        let embeds = views.embedder.is_some() && self.parts.embed;
        let window = if embeds { gathering.window.min(VECTORS_TURN) } else { gathering.window };
        let mut moved = follow_keyword(store, views, Gathering { window, ..gathering }).await?;
        // Without an embedder the vectors of an earlier time wait where they are, and so does what happened since.
        let began = Instant::now();
        while views.embedder.is_some() && follow_vector(store, views, self.parts.lease).await? {
            moved = true;
            if began.elapsed() >= VECTORS_TURN {
                break;
            }
        }
        // Another process may fill an index that all have.
        let filling = views.vector_follower != VectorFollower::Own && views.embedded_share.get() < 1.0;
        if moved || filling || !self.has_caught_up() {
            views.measure().await?;
        }
        Ok(moved)
    }

    /// Whether this process has once found everything that was committed before.
    pub fn has_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_found_at_once_and_those_of_a_long_stream_in_larger_commits() {
        let mut pace = Pace::default();
        assert_eq!(pace.window(), Duration::ZERO);
        let now = Instant::now();
        pace.note(now - Duration::from_secs(8), true);
        assert!((Duration::from_secs(2)..Duration::from_secs(3)).contains(&pace.window()));
        pace.note(now, true);
        assert!(pace.window() >= Duration::from_secs(2), "it is counted from the first of them");
        pace.note(now - Duration::from_secs(3_600), false);
        assert_eq!(pace.window(), Duration::ZERO, "after a rest the next one is found at once");
        pace.note(now - Duration::from_secs(3_600), true);
        assert_eq!(pace.window(), GATHERED_MAX);
    }
}
