//! Why a document could not be kept.

use lambent_llm::ModelError;
use lambent_schema::{Problem, ProblemCode, Violation};
use lambent_store::{
    StoreError,
    documents::{MAX_CHUNKS, NotAnEmbedding},
};

use crate::SplitError;

/// A document could not be kept. `Display` is for the log; callers see the [`Problem`] that this converts to.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It is too many chunks.
    #[error("the text could not be split")]
    Split(#[from] SplitError),
    /// The embedding model failed.
    #[error("the text could not be embedded")]
    Model(#[from] ModelError),
    /// What the embedding model gave is none.
    #[error("the embedding cannot be kept")]
    Embedding(#[from] NotAnEmbedding),
    /// The table does not answer.
    #[error("the table of documents does not answer")]
    Store(#[from] StoreError),
    /// The deadline came first.
    #[error("the deadline came first")]
    TimedOut,
    /// A newer version is there.
    #[error("a newer version of the document is there")]
    Outdated,
    /// It took so long that the version was given up.
    #[error("the version was given up meanwhile")]
    GivenUp,
    /// So many chunks have not been added: a fault of ours.
    #[error("{0} chunks are missing")]
    Incomplete(usize),
}

impl KeepError {
    /// Whether the same document cannot be kept in a while either.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Split(_) | Self::Embedding(_) | Self::Outdated | Self::Incomplete(_) => true,
            Self::Model(error) => error.is_final(),
            Self::Store(_) | Self::TimedOut | Self::GivenUp => false,
        }
    }
}

impl From<&KeepError> for Problem {
    fn from(error: &KeepError) -> Self {
        match error {
            KeepError::Split(SplitError::TooMany) => Self::invalid(vec![Violation {
                pointer: "/text".to_owned(),
                detail: format!("Must not be more than {MAX_CHUNKS} chunks: put it as several documents"),
                code: "too_many_chunks".into(),
            }]),
            KeepError::Model(error) => Self::from(error),
            KeepError::TimedOut => Self::new(
                ProblemCode::Timeout,
                "It took too long. The document may be there all the same.",
            ),
            KeepError::Outdated => Self::new(
                ProblemCode::DocumentReplaced,
                "A version of the document that was put later is there.",
            ),
            KeepError::Store(_) | KeepError::GivenUp => Self::new(
                ProblemCode::StoreUnavailable,
                "The table of documents does not answer.",
            ),
            KeepError::Split(SplitError::Config(_)) | KeepError::Embedding(_) | KeepError::Incomplete(_) => {
                Self::new(
                    ProblemCode::Internal,
                    "Something went wrong here. It has been logged.",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_chunks_are_the_text_s_fault_and_a_newer_version_is_a_conflict() {
        let many = KeepError::from(SplitError::TooMany);
        let problem = Problem::from(&many);
        assert_eq!(
            (problem.status, problem.errors[0].pointer.as_str()),
            (422, "/text")
        );
        let replaced = Problem::from(&KeepError::Outdated);
        assert_eq!(
            (replaced.status, replaced.code.as_ref()),
            (409, "document_replaced")
        );
        assert!(many.is_final() && KeepError::Outdated.is_final());
        assert!(!KeepError::GivenUp.is_final() && !KeepError::TimedOut.is_final());
    }
}
