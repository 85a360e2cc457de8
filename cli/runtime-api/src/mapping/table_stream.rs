//! The stream of a DynamoDB table, over the protocol of DynamoDB Streams.
//!
//! For a stand-in on this machine: plain HTTP, and credentials that are made up.

mod record;

use std::{error::Error, iter::successors, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_dynamodbstreams::{
    Client,
    config::{BehaviorVersion, Builder, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::{get_records::GetRecordsError, get_shard_iterator::GetShardIteratorError},
    types::{ShardIteratorType, Stream},
};
use futures::future::BoxFuture;

use super::{Page, Shard, SourceError, StreamSource};

/// For one call. Whoever reads tries again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The latest stream of a table.
#[derive(Debug, Clone)]
pub struct TableStream {
    client: Client,
    arn: String,
}

impl TableStream {
    /// Finds the stream of a table, at an endpoint like `http://127.0.0.1:8000`.
    ///
    /// # Errors
    /// The table has no stream, or nobody answers there.
    pub async fn find(endpoint: &str, region: &str, table: &str) -> Result<Self, SourceError> {
        let client = client(endpoint, region);
        let mut streams = Vec::new();
        let mut last = None;
        loop {
            let request = client.list_streams().table_name(table);
            let listed = request.set_exclusive_start_stream_arn(last).send().await;
            let listed = listed.map_err(|error| call("list the streams of a table", error))?;
            streams.extend(listed.streams.unwrap_or_default());
            last = listed.last_evaluated_stream_arn;
            if last.is_none() {
                break;
            }
        }
        // Labels are the times at which streams were made.
        let latest = streams
            .into_iter()
            .max_by(|one, other| one.stream_label.cmp(&other.stream_label));
        let arn = latest.and_then(|stream: Stream| stream.stream_arn);
        let arn = arn.ok_or_else(|| SourceError::NoStream(table.to_owned()))?;
        Ok(Self { client, arn })
    }

    async fn read_shards(&self) -> Result<Vec<Shard>, SourceError> {
        let mut shards = Vec::new();
        let mut last = None;
        loop {
            let request = self.client.describe_stream().stream_arn(&self.arn);
            let described = request.set_exclusive_start_shard_id(last).send().await;
            let described = described.map_err(|error| call("describe the stream", error))?;
            let Some(stream) = described.stream_description else {
                return Ok(shards);
            };
            shards.extend(stream.shards.unwrap_or_default().into_iter().filter_map(|shard| {
                Some(Shard {
                    id: shard.shard_id?,
                    parent: shard.parent_shard_id,
                })
            }));
            last = stream.last_evaluated_shard_id;
            if last.is_none() {
                return Ok(shards);
            }
        }
    }

    async fn begin(&self, shard: &str, after: Option<&str>) -> Result<String, SourceError> {
        const OPERATION: &str = "get a shard's iterator";
        let kind = match after {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let request = self.client.get_shard_iterator();
        let request = request
            .stream_arn(&self.arn)
            .shard_id(shard)
            .shard_iterator_type(kind);
        let begun = request.set_sequence_number(after.map(str::to_owned)).send().await;
        let begun = begun.map_err(|error| {
            let is_trimmed = error
                .as_service_error()
                .is_some_and(GetShardIteratorError::is_trimmed_data_access_exception);
            trimmed_or(is_trimmed, OPERATION, error)
        })?;
        begun.shard_iterator.ok_or_else(|| SourceError::Call {
            operation: OPERATION,
            source: "the answer holds none".into(),
        })
    }

    async fn read(&self, iterator: &str) -> Result<Page, SourceError> {
        let read = self.client.get_records().shard_iterator(iterator).send().await;
        let read = read.map_err(|error| {
            let is_trimmed = error
                .as_service_error()
                .is_some_and(GetRecordsError::is_trimmed_data_access_exception);
            trimmed_or(is_trimmed, "get records", error)
        })?;
        let records = read.records.unwrap_or_default().into_iter();
        Ok(Page {
            records: records.map(|record| record::record(record, &self.arn)).collect(),
            next: read.next_shard_iterator,
        })
    }
}

impl StreamSource for TableStream {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn shards(&self) -> BoxFuture<'_, Result<Vec<Shard>, SourceError>> {
        Box::pin(self.read_shards())
    }

    fn iterator<'a>(
        &'a self,
        shard: &'a str,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<String, SourceError>> {
        Box::pin(self.begin(shard, after))
    }

    fn records<'a>(&'a self, iterator: &'a str) -> BoxFuture<'a, Result<Page, SourceError>> {
        Box::pin(self.read(iterator))
    }
}

fn client(endpoint: &str, region: &str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build());
    Client::from_conf(config.build())
}

fn trimmed_or<E>(is_trimmed: bool, operation: &'static str, error: SdkError<E>) -> SourceError
where
    E: Error + Send + Sync + 'static,
{
    if is_trimmed {
        SourceError::Trimmed(chain(&error).into())
    } else {
        call(operation, error)
    }
}

fn call<E>(operation: &'static str, error: SdkError<E>) -> SourceError
where
    E: Error + Send + Sync + 'static,
{
    SourceError::Call {
        operation,
        source: chain(&error).into(),
    }
}

/// The whole story: the SDK's own message is no more than "dispatch failure".
fn chain(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |&error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
