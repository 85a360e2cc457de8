//! A DynamoDB in memory on a loopback port, and the store that speaks to it.

use std::future::pending;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynoxide::Database;
use lambent_store::{Store, StoreConfig, create_tables};
use tokio::net::TcpListener;

pub(crate) async fn endpoint() -> String {
    serve(Database::memory().unwrap()).await
}

/// The server ends with the test's runtime.
pub(crate) async fn serve(database: Database) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        database,
        pending(),
    ));
    url
}

/// A store with its tables, and a plain client to look behind it.
pub(crate) async fn store() -> (Store, Client) {
    store_at(endpoint().await).await
}

pub(crate) async fn store_at(endpoint: String) -> (Store, Client) {
    let config = StoreConfig::local(endpoint);
    let store = Store::connect(&config);
    create_tables(&store).await.unwrap();
    (store, raw_client(&config))
}

pub(crate) fn raw_client(config: &StoreConfig) -> Client {
    let builder = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(config.endpoint.clone().unwrap());
    Client::from_conf(builder.build())
}
