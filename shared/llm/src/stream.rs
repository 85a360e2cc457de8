//! An answer as it is written.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{BoxStream, FusedStream, Stream, StreamExt, unfold};
use lambent_schema::Usage;

use crate::error::ModelError;
use crate::reader::{Event, Finish, Reader};

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

impl From<Event> for Chunk {
    fn from(event: Event) -> Self {
        match event {
            Event::Delta(text) => Self::Delta(text),
            Event::End { usage, finish, .. } => Self::End { usage, finish },
        }
    }
}

/// The chunks of an answer: deltas, then [`Chunk::End`] or an error, then nothing.
///
/// The first chunk is already here. Dropping the stream closes the connection to the provider, which stops the model.
pub struct CompletionStream {
    events: futures::stream::Fuse<BoxStream<'static, Result<Event, ModelError>>>,
    is_filtered: bool,
}

impl CompletionStream {
    pub(crate) fn new(
        first: Event,
        reader: Reader,
        finish_error: impl Fn(ModelError) -> ModelError + Send + 'static,
    ) -> Self {
        let more = matches!(first, Event::Delta(_)).then_some(reader);
        let state = (Some(first), more, finish_error);
        let events = unfold(state, |(first, reader, finish_error)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (None, reader, finish_error)));
            }
            let mut reader = reader?;
            match reader.next().await {
                Ok(event @ Event::Delta(_)) => Some((Ok(event), (None, Some(reader), finish_error))),
                Ok(event) => Some((Ok(event), (None, None, finish_error))),
                Err(failure) => Some((Err(finish_error(failure.error)), (None, None, finish_error))),
            }
        });
        Self {
            events: events.boxed().fuse(),
            is_filtered: false,
        }
    }

    /// Whether a filter of the provider's ended the answer, or the model refused. Known after [`Chunk::End`].
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.is_filtered
    }
}

impl Stream for CompletionStream {
    type Item = Result<Chunk, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.events.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(Event::End { is_filtered, .. }))) = &polled {
            self.is_filtered = *is_filtered;
        }
        polled.map(|event| event.map(|event| event.map(Chunk::from)))
    }
}

impl FusedStream for CompletionStream {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

impl std::fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompletionStream").finish_non_exhaustive()
    }
}
