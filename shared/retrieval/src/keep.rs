//! Keeping documents: all or nothing is visible.

use std::time::Duration;

use lambent_llm::Purpose;
use lambent_schema::endpoints::documents::{self as api, DocumentRequest};
use lambent_service::{Record, Stage};
use lambent_store::{
    CallerId,
    documents::{Begun, Chunk, Document, Embedding, NewDocument, Published, Version},
    instant_text, now_ms,
};
use tokio::time::{Instant, timeout_at};

use crate::{KeepError, Library, Piece, split};

/// The longest that is waited for old chunks to be deleted: the sweeper comes for what is left.
const SWEEPING: Duration = Duration::from_secs(5);

/// How many bytes are embedded for each of a document's, at most: see [`embedded`].
const TIMES: u64 = 4;
/// And for any document.
const AND: u64 = 4096;

/// A version of a document on its way.
pub enum Prepared {
    /// All of its chunks are in the table, and nobody sees them yet.
    Ready(Box<Version>),
    /// It is visible already: the same work was done before.
    Kept(Box<Document>),
}

/// A document that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The document.
    pub document: api::Document,
    /// The version that it has replaced, for [`Library::sweep`].
    pub replaced: Option<String>,
}

/// The most bytes that are embedded of a document, by those of its title and text, or of anything that holds both.
#[must_use]
pub fn embedded_at_most(bytes: u64) -> u64 {
    bytes.saturating_mul(TIMES).saturating_add(AND)
}

impl Library {
    /// Keeps a document, and deletes what it replaces: [`Library::prepare`], [`Library::publish`] and [`Library::sweep`].
    ///
    /// # Errors
    /// See [`KeepError`]. Nothing of it is visible then, but after an error of the table, or after the deadline, it may be whole.
    pub async fn keep(
        &self,
        record: &Record,
        caller: &CallerId,
        version: &str,
        request: &DocumentRequest,
        deadline: Instant,
    ) -> Result<api::Document, KeepError> {
        let keeping = async {
            let prepared = self.prepare(record, caller, version, request, deadline).await?;
            self.publish(prepared, deadline).await
        };
        let kept = timeout_at(deadline, keeping).await;
        let kept = kept.map_err(|_elapsed| KeepError::TimedOut)??;
        if let Some(replaced) = &kept.replaced {
            self.sweep(replaced, deadline).await;
        }
        Ok(kept.document)
    }

    /// Splits and embeds a document, and writes its chunks, so that it only has to be published. `version` is a UUIDv7: of a document's
    /// versions the greatest stays. It is also the id of a document that has none. What embedding costs and takes is told to `record`. Can be dropped,
    /// and done again, at any time.
    ///
    /// # Errors
    /// See [`KeepError`].
    pub async fn prepare(
        &self,
        record: &Record,
        caller: &CallerId,
        version: &str,
        request: &DocumentRequest,
        deadline: Instant,
    ) -> Result<Prepared, KeepError> {
        let pieces = split(&request.text)?;
        let texts = embedded(request, &pieces)?;
        let id = request.id.as_deref().unwrap_or(version);
        // Before it is paid for.
        if let Some(document) = self.there(caller, id, version).await? {
            return Ok(Prepared::Kept(Box::new(document)));
        }
        let embedder = self.embedder.metered(record.clone());
        let embedding = embedder.embed(&texts, Purpose::Document, deadline);
        let embedded = record.timed(Stage::Embed, embedding).await?;
        let mut chunks = Vec::with_capacity(pieces.len());
        for (piece, vector) in pieces.iter().zip(embedded.vectors) {
            chunks.push(Chunk {
                position: piece.position,
                text: piece.text.to_owned(),
                embedding: Embedding::new(vector.into_vec())?,
            });
        }
        let new = NewDocument {
            version: version.to_owned(),
            caller: caller.clone(),
            id: id.to_owned(),
            title: request.title.clone(),
            metadata: request.metadata.clone(),
            embedding_model: self.embedder.model().to_owned(),
            chunks: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
            now_ms: now_ms(),
        };
        let mut open = match self.documents.begin(&new).await? {
            Begun::Open(open) => open,
            Begun::Published | Begun::Obsolete => {
                let document = self.there(caller, id, version).await?;
                let document = document.ok_or(KeepError::GivenUp)?;
                return Ok(Prepared::Kept(Box::new(document)));
            }
        };
        if !self.documents.add_chunks(&mut open, &chunks, now_ms()).await? {
            return Err(KeepError::GivenUp);
        }
        Ok(Prepared::Ready(open))
    }

    /// Makes a document visible, and what it replaces invisible, at once.
    ///
    /// # Errors
    /// See [`KeepError`].
    pub async fn publish(&self, prepared: Prepared, deadline: Instant) -> Result<Kept, KeepError> {
        let version = match prepared {
            Prepared::Ready(version) => version,
            Prepared::Kept(document) => {
                return Ok(Kept {
                    document: told(*document),
                    replaced: None,
                });
            }
        };
        match self.documents.publish(&version, now_ms()).await? {
            Published::Now { document, replaced } => Ok(Kept {
                document: told(*document),
                replaced,
            }),
            Published::Outdated => {
                self.sweep(version.as_str(), deadline).await;
                Err(KeepError::Outdated)
            }
            Published::Obsolete => Err(KeepError::GivenUp),
            Published::Incomplete(missing) => Err(KeepError::Incomplete(missing)),
        }
    }

    /// Deletes the chunks of a version that nobody sees any more. What cannot be deleted is only logged: it is found again.
    pub async fn sweep(&self, version: &str, deadline: Instant) {
        let until = deadline.min(Instant::now() + SWEEPING);
        match timeout_at(until, self.documents.sweep(version, now_ms())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(version, %error, "could not sweep what was replaced"),
            Err(_elapsed) => tracing::info!(version, "left what was replaced to the sweeper"),
        }
    }

    /// The document if it is of this version already.
    async fn there(&self, caller: &CallerId, id: &str, version: &str) -> Result<Option<Document>, KeepError> {
        let Some(document) = self.documents.get(caller, id).await? else {
            return Ok(None);
        };
        match document.version.as_str().cmp(version) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Equal => Ok(Some(document)),
            std::cmp::Ordering::Greater => Err(KeepError::Outdated),
        }
    }
}

/// What is embedded of each piece: the document's title, a line feed and the piece's text. A piece in the middle of a document often does not
/// name what it is about, and nobody would find it by that.
///
/// A title that is repeated for many small pieces could take more than what is reserved for it by the bytes of the request, so that
/// there is a limit, which texts do not reach but to reach it.
fn embedded(request: &DocumentRequest, pieces: &[Piece<'_>]) -> Result<Vec<String>, KeepError> {
    let texts: Vec<_> = pieces
        .iter()
        .map(|piece| format!("{}\n{}", request.title, piece.text))
        .collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let most = embedded_at_most((request.title.len() + request.text.len()) as u64);
    if bytes as u64 > most {
        return Err(KeepError::Split(crate::SplitError::TooMany));
    }
    Ok(texts)
}

/// A document as its caller is told.
#[must_use]
pub fn told(document: Document) -> api::Document {
    api::Document {
        document_id: document.id,
        title: document.title,
        metadata: document.metadata,
        chunks: document.chunks,
        embedding_model: document.embedding_model,
        created_at: instant_text(document.created_at),
        updated_at: instant_text(document.updated_at),
    }
}
