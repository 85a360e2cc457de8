//! The keys of this machine: the pepper, the developer's own key, and the one that the test events carry.

use std::{fs, io, path::Path};

use lambent_callers::{ApiKey, Pepper};
use lambent_schema::Scope;
use lambent_store::{
    Callers, StoreError,
    callers::{Limits, NewKey, Rate},
    now_ms,
};

use super::StartError;

/// What keys' hashes are made with, for the database in the same folder.
const PEPPER: &str = "pepper";
/// The key of whoever develops here.
const KEY: &str = "key";

/// What the key in the test events may spend in a month: a dollar. Everybody knows it.
const EVENTS_BUDGET: u64 = 1_000_000;

/// An event that carries a key for `sam local invoke`.
const EVENT: &str = include_str!("../../../events/analyse.json");

/// The pepper in this folder, made at the first time. With a new one the old key is void.
///
/// # Errors
/// The folder cannot be read or written.
pub fn pepper(folder: &Path) -> Result<Pepper, StartError> {
    let file = folder.join(PEPPER);
    let failed = |error| StartError::Folder(file.clone(), error);
    match fs::read_to_string(&file) {
        Ok(text) => Pepper::new(text.trim()).ok_or_else(|| failed(io::ErrorKind::InvalidData.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let pepper = Pepper::generate().map_err(|error| failed(io::Error::other(error)))?;
            let _ = fs::remove_file(folder.join(KEY));
            write_secret(&file, &String::from_utf8_lossy(pepper.reveal())).map_err(failed)?;
            Ok(pepper)
        }
        Err(error) => Err(failed(error)),
    }
}

/// The developer's key: the one in this folder, or a new one, kept there if there is a folder. It is made sure that the table knows
/// it.
pub(crate) async fn own(
    callers: &Callers,
    pepper: &Pepper,
    folder: Option<&Path>,
) -> Result<ApiKey, StartError> {
    let file = folder.map(|folder| folder.join(KEY));
    let kept = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
    let key = match kept.and_then(|text| ApiKey::parse(text.trim())) {
        Some(key) => key,
        None => {
            let path = || file.clone().unwrap_or_default();
            let key =
                ApiKey::generate().map_err(|error| StartError::Folder(path(), io::Error::other(error)))?;
            if let Some(file) = &file {
                write_secret(file, &key.reveal()).map_err(|error| StartError::Folder(file.clone(), error))?;
            }
            key
        }
    };
    // Anew, since the pepper may be another one than the last time.
    callers.delete_key(key.id()).await.map_err(StartError::Tables)?;
    insert(callers, pepper, &key, "local development", None)
        .await
        .map_err(StartError::Tables)?;
    Ok(key)
}

/// The key in the test events: known to everybody, and valid only while somebody tests with `sam local` here.
pub(crate) async fn of_events(callers: &Callers, pepper: &Pepper, is_valid: bool) -> Result<(), StartError> {
    let Some(key) = events_key() else { return Ok(()) };
    callers.delete_key(key.id()).await.map_err(StartError::Tables)?;
    if is_valid {
        let inserted = insert(callers, pepper, &key, "test events", Some(EVENTS_BUDGET)).await;
        inserted.map_err(StartError::Tables)?;
    }
    Ok(())
}

/// The key that the test events carry.
fn events_key() -> Option<ApiKey> {
    let event: serde_json::Value = serde_json::from_str(EVENT).ok()?;
    ApiKey::parse(event["headers"]["X-Api-Key"].as_str()?)
}

/// A key that may do everything, as often as a test wants to.
async fn insert(
    callers: &Callers,
    pepper: &Pepper,
    key: &ApiKey,
    name: &str,
    budget: Option<u64>,
) -> Result<(), StoreError> {
    let new = NewKey {
        id: key.id().to_owned(),
        hash: key.hash(pepper),
        name: name.to_owned(),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
        limits: Limits {
            rate: Rate {
                interval_ms: 1,
                burst: 100_000,
            },
            budget,
            concurrency: 1000,
            max_output_tokens: None,
        },
        created_at_ms: now_ms(),
    };
    callers.create_key(&new).await.map(|_is_new| ())
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// It cannot be written.
pub fn write_secret(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    // One that was there may have had other rights.
    #[cfg(unix)]
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    opened.write_all(text.as_bytes())
}
