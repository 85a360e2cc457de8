//! A DynamoDB in memory on a loopback port, with its tables and a key: what functions reach from inside.

use std::{future::pending, net::SocketAddr};

use lambent_callers::{ApiKey, CallersConfig, Pepper};
use lambent_schema::Scope;
pub use lambent_store::now_ms;
use lambent_store::{
    Callers, Store, StoreConfig,
    callers::{Limits, NewKey, Rate},
    create_tables,
};
use tokio::net::TcpListener;

/// A running database. It ends with the runtime that it was started on.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub config: StoreConfig,
    /// A handle on it.
    pub store: Store,
    /// What keys' hashes are made with.
    pub pepper: Pepper,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Database {
    /// Starts one, with its tables, and the key that the files in `events/` carry.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let database = Self::empty().await;
        create_tables(&database.store)
            .await
            .expect("the tables can be made");
        database.insert(&new_key(&events_key(), &database.pepper)).await;
        database
    }

    /// Starts one without tables.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn empty() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("the address of a bound listener");
        let memory = dynoxide::Database::memory().expect("a database in memory");
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, memory, pending()));
        let config = StoreConfig::local(format!("http://{address}"));
        Self {
            store: Store::connect(&config),
            config,
            pepper: Pepper::generate().expect("random bytes"),
            address,
        }
    }

    /// What callers are checked against.
    #[must_use]
    pub fn callers_config(&self) -> CallersConfig {
        CallersConfig::new(self.pepper.clone())
    }

    /// The table of callers.
    ///
    /// # Panics
    /// Never: its name is known.
    #[must_use]
    pub fn callers(&self) -> Callers {
        self.store.callers().expect("a table of callers")
    }

    /// Inserts a key.
    ///
    /// # Panics
    /// If it is there already, or the table cannot be written.
    pub async fn insert(&self, key: &NewKey) {
        assert!(self.callers().create_key(key).await.expect("a key can be made"));
    }
}

/// A plain client, to do behind the store what only somebody else would.
#[must_use]
pub fn client(config: &StoreConfig) -> aws_sdk_dynamodb::Client {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    let mut builder = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    builder.set_endpoint_url(config.endpoint.clone());
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}

/// The key that the files in `events/` carry.
///
/// # Panics
/// If the file is not as expected.
#[must_use]
pub fn events_key() -> ApiKey {
    let event = include_str!("../../events/analyse.json");
    let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
    let key = event["headers"]["X-Api-Key"].as_str().expect("a key");
    ApiKey::parse(key).expect("a key of the right form")
}

/// A key that may do everything, as it is kept.
#[must_use]
pub fn new_key(key: &ApiKey, pepper: &Pepper) -> NewKey {
    NewKey {
        id: key.id().to_owned(),
        hash: key.hash(pepper),
        name: "test".to_owned(),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
        limits: Limits {
            rate: Rate {
                interval_ms: 1,
                burst: 100_000,
            },
            budget: None,
            concurrency: 1000,
            max_output_tokens: None,
        },
        created_at_ms: now_ms(),
    }
}
