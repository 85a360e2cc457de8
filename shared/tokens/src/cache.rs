//! Keeps an issuer's keys between requests, and decides when they are fetched.
//!
//! Nothing runs in the background, since a function is frozen between requests: whoever needs keys that are missing or old
//! fetches them, one at a time, and all others who need them wait for that one fetch.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::{FetchError, Invalid, TokenError};
use crate::fetch::Source;
use crate::keys::KeySet;

/// How long keys are used without asking again.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How often an unknown key may be asked for: anyone can send tokens that name one.
const UNKNOWN_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long after a failure old keys are used without another attempt.
const RETRY_WITH_KEYS: Duration = Duration::from_secs(30);
/// How long a failure is everybody's when there are no keys: long enough for those who waited for the same fetch.
const RETRY_WITHOUT_KEYS: Duration = Duration::from_secs(1);

/// An issuer's keys, fetched when they are needed.
#[derive(Debug)]
pub(crate) struct KeyCache {
    source: Source,
    /// What verifications read; never held over an await.
    kept: RwLock<Option<Arc<Kept>>>,
    /// Held over the fetch, so that there is one.
    attempts: Mutex<Attempts>,
}

#[derive(Debug)]
struct Kept {
    keys: KeySet,
    since: Instant,
}

#[derive(Debug, Default)]
struct Attempts {
    failed: Option<(Instant, Arc<FetchError>)>,
    unknown: Option<Instant>,
}

impl KeyCache {
    /// Fetches nothing yet.
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            kept: RwLock::default(),
            attempts: Mutex::default(),
        }
    }

    /// The key that a token with this `kid` and `alg` is verified with.
    ///
    /// # Errors
    /// None of the issuer's keys fits, or there are no keys and they cannot be fetched.
    pub(crate) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<DecodingKey>, TokenError> {
        if let Some(kept) = self.kept()
            && kept.is_fresh()
        {
            match kept.keys.find(id, algorithm) {
                Err(Invalid::UnknownKey) => {}
                found => return Ok(found?),
            }
        }
        let mut attempts = self.attempts.lock().await;
        // Again, because whoever held the lock may have fetched them.
        let kept = self.kept();
        let found = kept.as_ref().map(|kept| kept.keys.find(id, algorithm));
        let is_fresh = kept.as_ref().is_some_and(|kept| kept.is_fresh());
        let is_unknown = matches!(found, Some(Err(Invalid::UnknownKey)));
        match found {
            Some(found) if is_fresh && !(is_unknown && attempts.may_ask_for_unknown()) => return Ok(found?),
            _ => {}
        }
        if is_fresh {
            attempts.unknown = Some(Instant::now());
        }
        match (self.refresh(&mut attempts, kept.is_some()).await, kept) {
            (Ok(kept), _) | (Err(_), Some(kept)) => Ok(kept.keys.find(id, algorithm)?),
            (Err(error), None) => Err(TokenError::Unavailable(error)),
        }
    }

    async fn refresh(&self, attempts: &mut Attempts, has_keys: bool) -> Result<Arc<Kept>, Arc<FetchError>> {
        if let Some(error) = attempts.recent_failure(has_keys) {
            return Err(error);
        }
        match self.source.fetch().await {
            Ok(keys) => {
                attempts.failed = None;
                let since = Instant::now();
                let kept = Arc::new(Kept { keys, since });
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&kept));
                Ok(kept)
            }
            Err(error) => {
                let error = Arc::new(error);
                attempts.failed = Some((Instant::now(), Arc::clone(&error)));
                if has_keys {
                    // Nobody else hears of it: the keys from before stay in use.
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the issuer's keys could not be fetched again");
                }
                Err(error)
            }
        }
    }

    fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < KEPT
    }
}

impl Attempts {
    fn may_ask_for_unknown(&self) -> bool {
        self.unknown.is_none_or(|at| at.elapsed() >= UNKNOWN_EVERY)
    }

    fn recent_failure(&self, has_keys: bool) -> Option<Arc<FetchError>> {
        let pause = if has_keys {
            RETRY_WITH_KEYS
        } else {
            RETRY_WITHOUT_KEYS
        };
        let (at, error) = self.failed.as_ref()?;
        (at.elapsed() < pause).then(|| Arc::clone(error))
    }
}
