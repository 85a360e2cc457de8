//! What can fail, in the words of the operation that failed.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::waiters::table_exists::WaitUntilTableExistsError;

/// A call to the database failed. The sources say why; none of them carries credentials.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused the call, or could not be reached in time.
    #[error("could not {operation}")]
    Call {
        /// The operation, as a verb: "write the request record".
        operation: &'static str,
        /// DynamoDB's own error, or the one of the connection.
        #[source]
        source: Box<aws_sdk_dynamodb::Error>,
    },
    /// The call could not be built: a mandatory field is missing from a definition.
    #[error("could not {operation}")]
    Build {
        /// The operation, as a verb.
        operation: &'static str,
        /// The field that is missing.
        #[source]
        source: Box<BuildError>,
    },
    /// A record does not fit an item, or an item is not a record this version knows.
    #[error("could not {operation}")]
    Item {
        /// The operation, as a verb.
        operation: &'static str,
        /// The field at fault.
        #[source]
        source: ItemError,
    },
    /// Others changed the same item at every attempt.
    #[error("could not {operation}: the item changed too often meanwhile")]
    Contended {
        /// The operation, as a verb.
        operation: &'static str,
    },
    /// The table took, or gave, only a part of what it was asked to, at every attempt.
    #[error("could not {operation}: the table takes no more at present")]
    Throttled {
        /// The operation, as a verb.
        operation: &'static str,
    },
    /// A table was created but did not become active in time.
    #[error("the table {table} did not become active")]
    NotActive {
        /// The table's name.
        table: String,
        /// The state of the last look.
        #[source]
        source: Box<WaitUntilTableExistsError>,
    },
}

/// A record does not fit an item, or an item is not a record this version knows.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// The record is not an object, or a field has the wrong type.
    #[error("a field does not have the expected type")]
    Json(#[from] serde_json::Error),
    /// The item holds an attribute of a type no record has: binary or a set.
    #[error("an attribute is of a type that no record has")]
    UnknownAttributeType,
    /// A chunk has a number that its document has no chunk of, or twice the same.
    #[error("there is no chunk of that number, or it is there twice")]
    ChunkNumber,
    /// The record has a time outside the calendar this format covers.
    #[error("a time cannot be written in RFC 3339")]
    Time(#[from] time::error::Format),
}

impl StoreError {
    /// Whether the database has answered, and said no: then nothing was written. `false` where it is not known.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Call { source, .. } => source.code().is_some_and(|code| code != "InternalServerError"),
            Self::Build { .. } | Self::Item { .. } => true,
            Self::Contended { .. } | Self::Throttled { .. } | Self::NotActive { .. } => false,
        }
    }

    pub(crate) fn call(operation: &'static str, source: impl Into<aws_sdk_dynamodb::Error>) -> Self {
        Self::Call {
            operation,
            source: Box::new(source.into()),
        }
    }

    pub(crate) fn item(operation: &'static str, source: impl Into<ItemError>) -> Self {
        Self::Item {
            operation,
            source: source.into(),
        }
    }
}
