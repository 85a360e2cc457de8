//! A table with a stream, and a mapping of it to a function that notes what it is given.

use std::{
    future::{Future, pending},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use lambent_runtime_api::{InvokeError, MappingConfig, StreamSource, TableStream, mapping};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// For everything that is waited for: a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for a mapping to do what it should not, were it to.
pub(crate) const A_WHILE: Duration = Duration::from_millis(400);
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:local:123456789012:function:worker";

/// A table `jobs` with the key `pk`, whose stream holds both images.
pub(crate) struct Table {
    database: dynoxide::Database,
    pub(crate) endpoint: String,
}

impl Table {
    pub(crate) async fn start() -> Self {
        let table = Self::without_stream("other").await;
        table.create(json!({
            "TableName": "jobs",
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }));
        table
    }

    pub(crate) async fn without_stream(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        let server = dynoxide::server::serve_with_shutdown(listener, database.clone(), pending());
        tokio::spawn(server);
        let table = Self { database, endpoint };
        table.create(json!({"TableName": name}));
        table
    }

    fn create(&self, mut table: Value) {
        table["BillingMode"] = json!("PAY_PER_REQUEST");
        table["KeySchema"] = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
        table["AttributeDefinitions"] = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
        let request = serde_json::from_value(table).unwrap();
        self.database.create_table(request).unwrap();
    }

    /// Writes an item with this key and these attributes.
    pub(crate) fn put(&self, key: &str, mut attributes: Value) {
        attributes["pk"] = json!({"S": key});
        let request = json!({"TableName": "jobs", "Item": attributes});
        let request = serde_json::from_value(request).unwrap();
        self.database.put_item(request).unwrap();
    }

    /// Writes items that have a number and nothing else.
    pub(crate) fn put_numbered(&self, items: impl IntoIterator<Item = (String, usize)>) {
        for (key, number) in items {
            self.put(&key, json!({"n": {"N": number.to_string()}}));
        }
    }

    pub(crate) fn delete(&self, key: &str) {
        let request = json!({"TableName": "jobs", "Key": {"pk": {"S": key}}});
        let request = serde_json::from_value(request).unwrap();
        self.database.delete_item(request).unwrap();
    }

    pub(crate) async fn stream(&self) -> TableStream {
        TableStream::find(&self.endpoint, "eu-central-1", "jobs")
            .await
            .unwrap()
    }
}

/// A configuration with short pauses.
pub(crate) fn config() -> MappingConfig {
    MappingConfig {
        backoff: Duration::from_millis(1)..=Duration::from_millis(20),
        ..MappingConfig::new(FUNCTION_ARN)
    }
}

/// A mapping that runs, and what came of it.
#[derive(Clone)]
pub(crate) struct Run {
    /// The records of each invocation.
    pub(crate) batches: Arc<Mutex<Vec<Vec<Value>>>>,
    /// The records that were handled, in the order in which their invocations ended.
    pub(crate) handled: Arc<Mutex<Vec<Value>>>,
    /// What the destination was told.
    pub(crate) discarded: Arc<Mutex<Vec<Value>>>,
    pub(crate) stop: CancellationToken,
}

impl Run {
    /// Starts a mapping to a function that does this with its records. Records count as handled if it returns `null`.
    pub(crate) fn start<F, O>(
        config: MappingConfig,
        source: impl StreamSource,
        function: F,
    ) -> (Self, JoinHandle<()>)
    where
        F: Fn(Vec<Value>) -> O + Clone + Send + Sync + 'static,
        O: Future<Output = Result<Value, InvokeError>> + Send,
    {
        let run = Self {
            batches: Arc::default(),
            handled: Arc::default(),
            discarded: Arc::default(),
            stop: CancellationToken::new(),
        };
        let (of_function, of_destination) = (run.clone(), run.clone());
        let invoke = Arc::new(move |event: Bytes| {
            let (run, function) = (of_function.clone(), function.clone());
            let future = async move {
                let mut event: Value = serde_json::from_slice(&event).unwrap();
                let records = event["Records"].take().as_array().unwrap().clone();
                run.batches.lock().unwrap().push(records.clone());
                let answer = function(records.clone()).await?;
                if answer.is_null() {
                    run.handled.lock().unwrap().extend(records);
                }
                Ok(answer.to_string().into())
            };
            Box::pin(future) as futures::future::BoxFuture<'static, Result<Bytes, InvokeError>>
        });
        let on_failure = Arc::new(move |what| of_destination.discarded.lock().unwrap().push(what));
        let running = mapping(config, source, invoke, on_failure, run.stop.clone()).unwrap();
        (run, tokio::spawn(running))
    }

    /// Waits until this is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| {
            let sizes: Vec<_> = self.batches.lock().unwrap().iter().map(Vec::len).collect();
            panic!(
                "it never came to that: {sizes:?}, {:?}",
                self.discarded.lock().unwrap()
            );
        });
    }

    /// Waits until so many records are handled.
    pub(crate) async fn until_handled(&self, count: usize) {
        self.until(|run| run.handled.lock().unwrap().len() >= count).await;
    }

    /// Waits until the destination was told of a batch, and returns that.
    pub(crate) async fn until_discarded(&self) -> Value {
        self.until(|run| !run.discarded.lock().unwrap().is_empty()).await;
        self.discarded.lock().unwrap()[0].clone()
    }

    /// The keys of the records of each invocation.
    pub(crate) fn keys_of_batches(&self) -> Vec<Vec<String>> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .map(|records| records.iter().map(key).collect())
            .collect()
    }
}

/// A function that handles everything.
pub(crate) async fn handles(_: Vec<Value>) -> Result<Value, InvokeError> {
    Ok(Value::Null)
}

pub(crate) fn fails() -> Result<Value, InvokeError> {
    Err(InvokeError::Handler(
        json!({"errorMessage": "as the test wants it"}),
    ))
}

/// The key of a record's item.
pub(crate) fn key(record: &Value) -> String {
    record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()
}

/// The number of a record's item.
pub(crate) fn number(record: &Value) -> usize {
    let number = record["dynamodb"]["NewImage"]["n"]["N"].as_str().unwrap();
    number.parse().unwrap()
}

pub(crate) fn sequence_number(record: &Value) -> String {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
}
