//! An answer as it is written.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{BoxStream, FusedStream, Stream, StreamExt, unfold};
use lambent_schema::Usage;

use crate::error::ModelError;
use crate::reader::{Finish, Reader};

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Text, as it came: a token or a few. Never empty.
    Delta(String),
    /// The end, once, last.
    End {
        /// Tokens read and written, as the provider counts them; zero if it does not say.
        usage: Usage,
        /// Why the model stopped.
        finish: Finish,
    },
}

/// The chunks of an answer: deltas, then [`Chunk::End`] or an error, then nothing.
///
/// The first chunk is already here. Dropping the stream closes the connection to the provider, which stops the model.
pub struct CompletionStream(futures::stream::Fuse<BoxStream<'static, Result<Chunk, ModelError>>>);

impl CompletionStream {
    pub(crate) fn new(
        first: Chunk,
        reader: Reader,
        finish_error: impl Fn(ModelError) -> ModelError + Send + 'static,
    ) -> Self {
        let more = matches!(first, Chunk::Delta(_)).then_some(reader);
        let state = (Some(first), more, finish_error);
        let chunks = unfold(state, |(first, reader, finish_error)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (None, reader, finish_error)));
            }
            let mut reader = reader?;
            match reader.next().await {
                Ok(chunk @ Chunk::Delta(_)) => Some((Ok(chunk), (None, Some(reader), finish_error))),
                Ok(chunk) => Some((Ok(chunk), (None, None, finish_error))),
                Err(failure) => Some((Err(finish_error(failure.error)), (None, None, finish_error))),
            }
        });
        Self(chunks.boxed().fuse())
    }
}

impl Stream for CompletionStream {
    type Item = Result<Chunk, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl FusedStream for CompletionStream {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl std::fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompletionStream").finish_non_exhaustive()
    }
}
