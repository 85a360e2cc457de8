//! The embedding model: texts to vectors whose nearness is the texts'.
//!
//! all-MiniLM-L6-v2 (Apache-2.0, English, 22 million parameters), in f32: half the width gives no numbers on a CPU. It is fetched
//! and loaded when somebody asks for the first time, since most who run this never do.

pub(crate) mod network;
pub(crate) mod words;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use crate::weights::progress::Progress;
use crate::weights::{FetchError, WeightsSource, fetch_embedding_weights};
use network::Network;
use words::Words;

/// The embedding model's name, as replies give it.
pub const EMBEDDING_MODEL: &str = "all-minilm-l6-v2";
/// How many numbers an embedding has.
pub const EMBEDDING_DIMENSIONS: usize = 384;

/// Texts that are read at once. More are no faster, and hold up other requests.
const BATCH: usize = 16;
/// Requests that wait their turn. Beyond it callers are asked to come again.
const MAX_WAITING: usize = 64;
/// How long a request waits for the weights, which take minutes on a slow line. They go on being fetched.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the embedding model cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableError {
    /// There are no weights.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The tokenizer cannot be read.
    #[error("the embedding model's tokenizer cannot be loaded")]
    Words(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A tensor is missing or has the wrong shape.
    #[error("the embedding model's weights cannot be loaded")]
    Weights(#[source] candle_core::Error),
    /// Another model was named.
    #[error("the embedding model has {found} dimensions, expected {EMBEDDING_DIMENSIONS}")]
    Dimensions { found: usize },
    /// The work was stopped with the runtime, or panicked.
    #[error("loading the embedding model was interrupted")]
    Interrupted(#[from] JoinError),
}

/// Why texts are not embedded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbedError {
    /// Too many are waiting.
    #[error("{MAX_WAITING} requests are waiting for the embedding model")]
    Busy,
    /// The weights are on their way.
    #[error("the embedding model's weights are being fetched")]
    Fetching,
    /// The model cannot be used.
    #[error(transparent)]
    Unusable(Arc<UnusableError>),
    /// The text cannot be read.
    #[error("the embedding model's tokenizer failed")]
    Words(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The computation failed.
    #[error("the embedding model's computation failed")]
    Compute(#[from] candle_core::Error),
    /// The work was stopped with the runtime, or panicked.
    #[error("the embedding model was interrupted")]
    Interrupted(#[from] JoinError),
}

/// The vectors of some texts.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// In the texts' order, each of length one.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// Word pieces that were read.
    pub(crate) tokens: usize,
    /// Texts of which only the beginning was read.
    pub(crate) truncated: usize,
}

/// The model, ready.
struct Model {
    words: Words,
    network: Network,
}

type Loading = Shared<BoxFuture<'static, Result<Arc<Model>, Arc<UnusableError>>>>;

/// The embedding model, which is fetched and loaded at its first use.
pub struct LocalEmbedder {
    source: WeightsSource,
    progress: Arc<dyn Progress>,
    loading: Mutex<Option<Loading>>,
    waiting: Semaphore,
    /// One computes at a time: it has every processor that it may have.
    turn: Arc<Semaphore>,
}

impl LocalEmbedder {
    /// The model of these weights. Nothing is fetched or loaded yet; `progress` is told when it is.
    pub fn new(source: WeightsSource, progress: impl Progress + 'static) -> Self {
        Self {
            source,
            progress: Arc::new(progress),
            loading: Mutex::new(None),
            waiting: Semaphore::new(MAX_WAITING),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Embeds texts. Dropping the future stops after the batch that is computed.
    pub(crate) async fn embed(&self, texts: Vec<String>) -> Result<Embedded, EmbedError> {
        let _place = self.waiting.try_acquire().map_err(|_| EmbedError::Busy)?;
        let model = tokio::time::timeout(PATIENCE, self.model())
            .await
            .map_err(|_| EmbedError::Fetching)?
            .map_err(EmbedError::Unusable)?;
        let words = Arc::clone(&model);
        let read = spawn_blocking(move || words.words.read(&texts)).await?;
        let read = Arc::new(read.map_err(EmbedError::Words)?);
        let mut vectors = vec![Vec::new(); read.ids.len()];
        for batch in read.batches(BATCH) {
            // In turns with other requests, so that a short one does not wait for a long one's end.
            let turn = Arc::clone(&self.turn).acquire_owned().await;
            let (model, read) = (Arc::clone(&model), Arc::clone(&read));
            let computed = spawn_blocking(move || {
                // Kept until this is done, though the caller may have gone.
                let _turn = turn;
                let texts: Vec<&[u32]> = batch.iter().map(|place| &*read.ids[*place]).collect();
                Ok::<_, candle_core::Error>((model.network.embed(&texts)?, batch))
            });
            let (computed, batch) = computed.await??;
            for (place, vector) in batch.into_iter().zip(computed) {
                vectors[place] = vector;
            }
        }
        Ok(Embedded {
            vectors,
            tokens: read.tokens(),
            truncated: read.truncated,
        })
    }

    /// The model, once it is loaded. Whoever asks first has it loaded, for all who ask meanwhile; after a failure the next one
    /// has it tried again.
    fn model(&self) -> Loading {
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loading {
            Some(begun) if !matches!(begun.peek(), Some(Err(_))) => begun.clone(),
            _ => loading.insert(self.load()).clone(),
        }
    }

    /// Goes on though nobody waits for it.
    fn load(&self) -> Loading {
        let (source, progress) = (self.source.clone(), Arc::clone(&self.progress));
        let work = tokio::spawn(async move {
            let weights = fetch_embedding_weights(&source, &*progress).await?;
            spawn_blocking(move || {
                let words = Words::load(&weights.tokenizer).map_err(UnusableError::Words)?;
                let network = Network::load(&weights.model).map_err(UnusableError::Weights)?;
                match network.dimensions().map_err(UnusableError::Weights)? {
                    EMBEDDING_DIMENSIONS => Ok(Arc::new(Model { words, network })),
                    found => Err(UnusableError::Dimensions { found }),
                }
            })
            .await?
        });
        let finished = async move {
            let loaded = work.await.unwrap_or_else(|error| Err(error.into()));
            loaded.map_err(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the embedding model cannot be used"
                );
                Arc::new(error)
            })
        };
        finished.boxed().shared()
    }
}

impl std::fmt::Debug for LocalEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEmbedder")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
