//! The targets of a name, asked one after the other.

use lambent_schema::Problem;
use tokio::time::Instant;

use super::table::{ChatTarget, EmbeddingTarget, Entry, Target};

/// How a target is asked.
pub trait Way {
    /// Whether a request is passed on as it is, so that its provider says what is wrong with it.
    fn is_relay(&self) -> bool;
}

impl Way for ChatTarget {
    fn is_relay(&self) -> bool {
        matches!(self, Self::Relay(_))
    }
}

impl Way for EmbeddingTarget {
    fn is_relay(&self) -> bool {
        matches!(self, Self::Relay(_))
    }
}

/// The targets of a name, and what those of them have said that failed.
///
/// What a provider says is wrong with a request that was passed on is final. What cannot be said in a model's own protocol is not,
/// since the next one may speak OpenAI's.
#[derive(Debug)]
pub struct Chain<'a, T, E> {
    next: &'a [Target<T>],
    asked: Option<&'a Target<T>>,
    deadline: Instant,
    /// The last failure that may pass.
    passing: Option<E>,
}

impl<T> Entry<T> {
    /// Its targets, none of them to be asked after the deadline.
    #[must_use]
    pub fn chain<E>(&self, deadline: Instant) -> Chain<'_, T, E> {
        Chain {
            next: self.targets(),
            asked: None,
            deadline,
            passing: None,
        }
    }
}

impl<'a, T: Way, E: AsRef<Problem>> Chain<'a, T, E> {
    /// The next one to ask.
    pub fn next_target(&mut self) -> Option<&'a Target<T>> {
        let (first, others) = self.next.split_first()?;
        self.next = others;
        self.asked = Some(first);
        self.asked
    }

    /// What the one that was asked has said. `Ok` if there is another one to ask.
    ///
    /// # Errors
    /// What the caller is to be told: this failure. If it is a refusal, and one before it may pass, then that one, as it is what can be
    /// tried again.
    pub fn failed(&mut self, failure: E) -> Result<(), E> {
        let problem = failure.as_ref();
        let is_refused = problem.status < 500;
        let is_final = is_refused && self.asked.is_some_and(|target| target.way().is_relay());
        if self.next.is_empty() || is_final || Instant::now() >= self.deadline {
            return Err(self.passing.take().filter(|_| is_refused).unwrap_or(failure));
        }
        let target = self.asked.map(Target::label);
        tracing::warn!(target, code = %problem.code, "a model failed, asking the next one");
        if !is_refused {
            self.passing = Some(failure);
        }
        Ok(())
    }
}
