//! The id in the path.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use lambent_service::Failure;

use crate::unknown;

/// The longest id that a document may have.
const MAX_BYTES: usize = 128;

/// The id of a document. What is none is as unknown as a document that is not there, and the table is not asked.
pub(crate) struct DocumentId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for DocumentId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| unknown())?;
        if is_id(&text) {
            Ok(Self(text))
        } else {
            Err(unknown())
        }
    }
}

/// Whether a document could be put with this id: the contract's pattern.
fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:@-".contains(&byte);
    text.len() <= MAX_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_put_is_no_id() {
        for id in ["a", "night-trains", "9", "A.b_c~d:e@f", &"x".repeat(128)] {
            assert!(is_id(id), "{id}");
        }
        for wrong in ["", "-a", ".", "a b", "a/b", "é", "a\n", &"x".repeat(129)] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
