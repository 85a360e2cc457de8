//! Who calls. A handler that takes a [`Caller`] is told; that nobody else gets that far is the contract's word, kept before the
//! handler and before the body is read.

use std::{fmt, sync::Arc};

use axum::extract::FromRequestParts;
use futures::future::BoxFuture;
use http::{HeaderMap, request::Parts};
use lambent_schema::Scope;
use lambent_store::{CallerId, Callers, StoreError, callers::Held};

use crate::{Failure, RequestLimits};

/// The caller of the request being served. Taken as an argument by handlers; endpoints that are public have none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose things it may read and write.
    pub id: CallerId,
    /// All that it may, not only what this endpoint asks for.
    pub scopes: Vec<String>,
    /// The most tokens that a model may write for one of its answers, where that is less than the API's own limit.
    pub max_output_tokens: Option<u32>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Failure::internal(NoCaller))
    }
}

/// A handler takes a [`Caller`], and its endpoint's contract says that anybody may call.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint is public, so that it has no caller")]
struct NoCaller;

/// What decides over callers. One for all requests of a process.
pub trait Gate: Send + Sync + fmt::Debug {
    /// Decides over a request: who calls, whether it may, and whether it can pay.
    fn admit<'a>(&'a self, asking: Asking<'a>) -> BoxFuture<'a, Result<Admitted, Failure>>;
}

/// The most that a request can cost in millionths of a dollar, by the bytes of its body and its caller's own limit of output tokens.
pub type Tariff = Arc<dyn Fn(u64, Option<u32>) -> u64 + Send + Sync>;

/// A request that asks to be admitted.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Its headers, with the credentials.
    pub headers: &'a HeaderMap,
    /// The scope that its endpoint needs; `None` where any caller will do.
    pub scope: Option<Scope>,
    /// The most that it can cost, by its caller's own limit of output tokens; `None` where it spends nothing.
    pub price: Option<&'a (dyn Fn(Option<u32>) -> u64 + Sync)>,
    /// When its function is surely gone, in milliseconds since 1970.
    pub until_ms: u64,
}

/// A request that may go on.
#[derive(Debug)]
pub struct Admitted {
    /// Who calls.
    pub caller: Caller,
    /// What its answer says about limits.
    pub limits: Option<RequestLimits>,
    /// What is reserved for it.
    pub hold: Option<Hold>,
}

/// Money reserved for a request; the end of its record settles it.
#[derive(Debug)]
pub struct Hold {
    callers: Callers,
    held: Held,
}

impl Hold {
    /// What `callers` has reserved.
    #[must_use]
    pub fn new(callers: Callers, held: Held) -> Self {
        Self { callers, held }
    }

    /// What is reserved, for whoever does the work elsewhere and settles it there.
    #[must_use]
    pub const fn held(&self) -> &Held {
        &self.held
    }

    /// Gives back what was not spent.
    pub(crate) async fn settle(self, spent: u64) -> Result<(), StoreError> {
        self.callers.settle(&self.held, spent).await
    }
}
