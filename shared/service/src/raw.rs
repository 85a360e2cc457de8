//! `RawBody`: a body byte by byte, for what is signed.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;

use crate::{Failure, valid::read};

/// A body as it was sent, of at most `MAX` bytes, whatever it is declared as. For what is verified before it is understood.
///
/// # Errors
/// 413 if it is longer, 400 if it breaks off.
#[derive(Debug, Clone)]
pub struct RawBody<const MAX: usize>(pub Bytes);

impl<const MAX: usize, S: Sync> FromRequest<S> for RawBody<MAX> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        read(request, MAX).await.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn read_at_most_four(body: &'static str) -> Result<Bytes, u16> {
        let request = Request::new(Body::from(body));
        let read = RawBody::<4>::from_request(request, &()).await;
        read.map(|body| body.0)
            .map_err(|failure| failure.problem().status)
    }

    #[tokio::test]
    async fn a_body_is_taken_as_it_is_up_to_its_limit() {
        assert_eq!(read_at_most_four("{ \n}").await.unwrap(), "{ \n}");
        assert_eq!(read_at_most_four("12345").await, Err(413));
    }
}
