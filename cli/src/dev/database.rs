//! The database: DynamoDB in this process, on a loopback port, or one elsewhere.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use lambent_store::{Store, StoreConfig, create_tables};
use tokio_util::sync::CancellationToken;

use super::{StartError, address, config::Database, listen};

/// How often expired items are deleted. DynamoDB takes its time too.
const SWEEP: Duration = Duration::from_secs(15 * 60);

pub(crate) struct Started {
    pub(crate) config: StoreConfig,
    pub(crate) url: Option<String>,
}

/// Starts the database, with its tables. One elsewhere has its own.
pub(crate) async fn start(
    database: &Database,
    inside: IpAddr,
    stop: &CancellationToken,
) -> Result<Started, StartError> {
    let opened = match database {
        Database::Elsewhere(config) => {
            return Ok(Started {
                config: config.clone(),
                url: None,
            });
        }
        Database::Memory => dynoxide::Database::memory()
            .map_err(|error| StartError::Database(error.to_string(), "memory".to_owned()))?,
        Database::Folder(folder) => open(folder)?,
    };
    let any = SocketAddr::from((inside, 0));
    let listener = listen(any).await?;
    let url = format!("http://{}", address(&listener, any));
    let sweeper = opened.clone();
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        opened,
        stop.clone().cancelled_owned(),
    ));
    tokio::spawn(stop.clone().run_until_cancelled_owned(sweep(sweeper)));
    let config = StoreConfig::local(url.clone());
    create_tables(&Store::connect(&config))
        .await
        .map_err(StartError::Tables)?;
    Ok(Started {
        config,
        url: Some(url),
    })
}

/// The file in which `lambent dev` says where its database answers, while it runs.
const URL: &str = "database-url";

/// Says where the database answers.
pub(crate) fn announce(folder: &Path, url: &str) -> Result<(), StartError> {
    std::fs::write(folder.join(URL), url).map_err(|error| StartError::Folder(folder.to_owned(), error))
}

/// Takes that back.
pub(crate) fn withdraw(folder: &Path) {
    // It may be gone, or the folder with it.
    let _ = std::fs::remove_file(folder.join(URL));
}

/// The database of a `lambent dev` that runs with this folder now, if one does.
pub(crate) async fn running(folder: &Path) -> Option<StoreConfig> {
    let url = std::fs::read_to_string(folder.join(URL)).ok()?;
    let config = StoreConfig::local(url.trim());
    let callers = Store::connect(&config).callers().ok()?;
    callers.keys(0).await.is_ok().then_some(config)
}

fn open(folder: &Path) -> Result<dynoxide::Database, StartError> {
    std::fs::create_dir_all(folder).map_err(|error| StartError::Folder(folder.to_owned(), error))?;
    let file = folder.join("dynamodb.sqlite").display().to_string();
    dynoxide::Database::new(&file).map_err(|error| StartError::Database(error.to_string(), file))
}

async fn sweep(database: dynoxide::Database) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "could not delete expired items");
        }
    }
}
