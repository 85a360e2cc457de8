//! `Parsed<T>`: a body that is read before the decision over its caller, because what it says decides what it can cost; and what a
//! request can cost at most.

use std::{fmt, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts, Request},
};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use http_body::Body as _;
use lambent_schema::MAX_BODY_BYTES;

use crate::{Failure, Tariff, valid::read_json};

/// A body in a form of its own, made from its bytes.
pub trait FromBody: Sized + Send + Sync + 'static {
    /// Reads it.
    ///
    /// # Errors
    /// It is not JSON, or breaks rules.
    fn from_body(body: Bytes) -> Result<Self, Failure>;
}

/// The body of a request to an endpoint that is mounted on a service which is
/// [`priced_by_body`](crate::Service::priced_by_body). A handler that takes one never sees a bad body.
#[derive(Debug)]
pub struct Parsed<T>(pub Arc<T>);

impl<T: FromBody, S: Sync> FromRequestParts<S> for Parsed<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let parsed = parts.extensions.get::<Arc<T>>().cloned();
        parsed.map(Self).ok_or_else(|| Failure::internal(NotRead))
    }
}

/// A handler takes a [`Parsed`] body, and its service is not priced by that.
#[derive(Debug, thiserror::Error)]
#[error("the body was not read: the service is not priced by it")]
struct NotRead;

/// The most that a request can cost, by its caller's own limit of output tokens.
pub(crate) type PriceOf = Box<dyn Fn(Option<u32>) -> u64 + Send + Sync>;

/// What reading a request for its price has given.
#[derive(Default)]
pub(crate) struct Priced {
    /// `None` where nobody said how much.
    pub(crate) price: Option<PriceOf>,
    /// What is wrong with the body. Told to those who are admitted.
    pub(crate) unread: Option<Failure>,
}

/// By what a request is priced.
#[derive(Clone)]
pub(crate) enum Pricing {
    /// By the bytes of its body.
    ByBytes(Tariff),
    /// By what its body says.
    ByBody(Arc<dyn Reads>),
}

/// Reads the body, keeps it for the handler, and tells the price.
pub(crate) trait Reads: Send + Sync {
    fn read<'a>(self: Arc<Self>, request: &'a mut Request) -> BoxFuture<'a, Priced>;
}

struct ByBody<T, P> {
    price: P,
    of: std::marker::PhantomData<fn() -> T>,
}

impl Pricing {
    pub(crate) fn by_body<T: FromBody>(
        price: impl Fn(&T, Option<u32>) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self::ByBody(Arc::new(ByBody {
            price,
            of: std::marker::PhantomData,
        }))
    }

    /// The price of this request.
    pub(crate) async fn of(&self, request: &mut Request) -> Priced {
        match self {
            Self::ByBody(reads) => Arc::clone(reads).read(request).await,
            Self::ByBytes(tariff) => {
                // A longer one is not read.
                let bytes = request.body().size_hint().upper().unwrap_or(u64::MAX);
                let (tariff, bytes) = (Arc::clone(tariff), bytes.min(MAX_BODY_BYTES as u64));
                Priced {
                    price: Some(Box::new(move |max_output_tokens| {
                        tariff(bytes, max_output_tokens)
                    })),
                    unread: None,
                }
            }
        }
    }
}

impl<T, P> Reads for ByBody<T, P>
where
    T: FromBody,
    P: Fn(&T, Option<u32>) -> u64 + Send + Sync + 'static,
{
    fn read<'a>(self: Arc<Self>, request: &'a mut Request) -> BoxFuture<'a, Priced> {
        Box::pin(async move {
            let mut whole = Request::new(std::mem::replace(request.body_mut(), Body::empty()));
            whole.headers_mut().clone_from(request.headers());
            let read = read_json(whole).await.and_then(T::from_body);
            match read {
                Ok(body) => {
                    let body = Arc::new(body);
                    request.extensions_mut().insert(Arc::clone(&body));
                    Priced {
                        price: Some(Box::new(move |most| (self.price)(&body, most))),
                        unread: None,
                    }
                }
                // Nothing will be asked of a model.
                Err(failure) => Priced {
                    price: Some(Box::new(|_| 0)),
                    unread: Some(failure),
                },
            }
        })
    }
}

impl fmt::Debug for Pricing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByBytes(_) => "Pricing::ByBytes",
            Self::ByBody(_) => "Pricing::ByBody",
        })
    }
}
