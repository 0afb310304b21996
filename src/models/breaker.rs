//! A circuit breaker: what fails again and again is left alone for a while, then tried once.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// The breaker of one model.
pub(super) struct Breaker {
    /// Failures one after another that open it; 0 never does.
    failures_max: u32,
    /// How long it stays open.
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls pass; so many have failed since the last that went well.
    Closed { failures: u32 },
    /// No call passes until then, and one does afterwards.
    Open { until: Instant },
    /// One call is on its way to find out.
    Probing,
}

/// Leave to make one call. What became of it is said to it; dropped without a word, it counts neither way.
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    is_probe: bool,
}

impl Breaker {
    pub(super) fn new(failures_max: u32, open_for: Duration) -> Self {
        Self { failures_max, open_for, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Leave to call, or how long there is none.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> Result<Pass, Duration> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now < until => return Err(until - now),
            State::Open { .. } => true,
            State::Probing => return Err(Duration::ZERO),
        };
        if is_probe {
            *state = State::Probing;
        }
        drop(state);
        Ok(Pass { breaker: Arc::clone(self), is_probe })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state of a breaker")
    }
}

impl Pass {
    /// The model has begun to answer, so others need not wait for the end of a probe.
    pub(super) fn began(&mut self) {
        if std::mem::take(&mut self.is_probe) {
            *self.breaker.state() = State::Closed { failures: 0 };
        }
    }

    /// The call went well, or failed for a reason that lies in the call.
    pub(super) fn went_well(mut self) {
        let mut state = self.breaker.state();
        if matches!(*state, State::Closed { .. }) || self.is_probe {
            *state = State::Closed { failures: 0 };
        }
        drop(state);
        self.is_probe = false;
    }

    /// The call failed for a reason that lies in the model.
    pub(super) fn failed(mut self, now: Instant) {
        let open = State::Open { until: now + self.breaker.open_for };
        let mut state = self.breaker.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 == self.breaker.failures_max => open,
            State::Closed { failures } => State::Closed { failures: failures.saturating_add(1) },
            State::Probing if self.is_probe => open,
            // A call that began before the breaker opened tells nothing new.
            other => other,
        };
        drop(state);
        self.is_probe = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            // Nobody waited for the probe's end, so the next call is one.
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(30);

    fn breaker() -> (Arc<Breaker>, Instant) {
        (Arc::new(Breaker::new(3, OPEN_FOR)), Instant::now())
    }

    fn fail(breaker: &Arc<Breaker>, times: u32, now: Instant) {
        (0..times).for_each(|_| breaker.admit(now).ok().unwrap().failed(now));
    }

    #[test]
    fn failures_one_after_another_open_it_and_a_success_between_them_does_not() {
        let (breaker, now) = breaker();
        fail(&breaker, 2, now);
        breaker.admit(now).ok().unwrap().went_well();
        fail(&breaker, 2, now);
        fail(&breaker, 1, now);
        assert_eq!(breaker.admit(now).err(), Some(OPEN_FOR));
        assert_eq!(breaker.admit(now + Duration::from_secs(10)).err(), Some(Duration::from_secs(20)));
    }

    #[test]
    fn one_probe_finds_out_whether_it_closes() {
        let (breaker, now) = breaker();
        fail(&breaker, 3, now);
        let later = now + OPEN_FOR;
        let probe = breaker.admit(later).ok().unwrap();
        assert!(breaker.admit(later).is_err(), "one probe at a time");
        probe.failed(later);
        assert_eq!(breaker.admit(later).err(), Some(OPEN_FOR));
        let much_later = later + OPEN_FOR;
        let mut second = breaker.admit(much_later).ok().unwrap();
        second.began();
        assert!(breaker.admit(much_later).is_ok(), "it is closed as soon as the probe begins to answer");
        drop(second);
        fail(&breaker, 2, much_later);
        assert!(breaker.admit(much_later).is_ok(), "and counts from nought");
    }

    #[test]
    fn a_probe_that_nobody_waits_for_gives_its_place_to_the_next() {
        let (breaker, now) = breaker();
        let begun_before = breaker.admit(now).ok().unwrap();
        fail(&breaker, 3, now);
        let later = Instant::now() + OPEN_FOR;
        drop(breaker.admit(later).ok().unwrap());
        let probe = breaker.admit(later).ok().unwrap();
        begun_before.failed(later);
        assert!(breaker.admit(later).is_err(), "the probe is still on its way");
        probe.went_well();
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn without_a_limit_it_never_opens() {
        let breaker = Arc::new(Breaker::new(0, OPEN_FOR));
        let now = Instant::now();
        fail(&breaker, 100, now);
        assert!(breaker.admit(now).is_ok());
    }
}
