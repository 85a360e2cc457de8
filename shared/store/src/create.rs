//! Creates the tables where no template does: on this machine and in tests.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableInput;
use aws_sdk_dynamodb::types::{
    self, AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, ProjectionType,
    ScalarAttributeType, SearchSchemaElement, SearchSchemaElementType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification, TimeToLiveStatus, VectorAttributeDefinition, VectorDistanceFunction,
};

use crate::definition::{AttributeKind, Index, Key, Projection, TableDefinition, VectorIndex};
use crate::{Store, StoreError, callers, conversations, documents, jobs, requests, webhooks};

/// How long a table may take to become active.
const ACTIVE_WITHIN: Duration = Duration::from_secs(60);

/// Creates every table that does not exist yet, waits until it is active and switches expiry on. A table that
/// exists is left as it is.
///
/// # Errors
/// The first call that fails, or a table that is not active within a minute.
pub async fn create_tables(store: &Store) -> Result<(), StoreError> {
    create_table(&store.client, &store.config.requests_table, &requests::TABLE).await?;
    if let Some(name) = &store.config.callers_table {
        create_table(&store.client, name, &callers::TABLE).await?;
    }
    if let Some(name) = &store.config.jobs_table {
        create_table(&store.client, name, &jobs::TABLE).await?;
    }
    if let Some(name) = &store.config.documents_table {
        create_table(&store.client, name, &documents::TABLE).await?;
    }
    if let Some(name) = &store.config.webhooks_table {
        create_table(&store.client, name, &webhooks::TABLE).await?;
    }
    if let Some(name) = &store.config.conversations_table {
        create_table(&store.client, name, &conversations::TABLE).await?;
    }
    Ok(())
}

async fn create_table(client: &Client, name: &str, table: &TableDefinition) -> Result<(), StoreError> {
    create_unless_exists(client, name, table).await?;
    client
        .wait_until_table_exists()
        .table_name(name)
        .wait(ACTIVE_WITHIN)
        .await
        .map_err(|source| StoreError::NotActive {
            table: name.to_owned(),
            source: Box::new(source),
        })?;
    match table.ttl_attribute {
        Some(attribute) => enable_ttl(client, name, attribute).await,
        None => Ok(()),
    }
}

async fn create_unless_exists(
    client: &Client,
    name: &str,
    table: &TableDefinition,
) -> Result<(), StoreError> {
    const OPERATION: &str = "create a table";
    let input = create_table_input(name, table).map_err(|source| StoreError::Build {
        operation: OPERATION,
        source: Box::new(source),
    })?;
    let created = client
        .create_table()
        .set_table_name(input.table_name)
        .set_attribute_definitions(input.attribute_definitions)
        .set_key_schema(input.key_schema)
        .set_global_secondary_indexes(input.global_secondary_indexes)
        .set_vector_indexes(input.vector_indexes)
        .set_billing_mode(input.billing_mode)
        .set_stream_specification(input.stream_specification)
        .send()
        .await;
    match created {
        Err(error)
            if !error
                .as_service_error()
                .is_some_and(|error| error.is_resource_in_use_exception()) =>
        {
            Err(StoreError::call(OPERATION, error))
        }
        _ => Ok(()),
    }
}

async fn enable_ttl(client: &Client, name: &str, attribute: &str) -> Result<(), StoreError> {
    const OPERATION: &str = "switch on a table's expiry";
    let now = client
        .describe_time_to_live()
        .table_name(name)
        .send()
        .await
        .map_err(|error| StoreError::call(OPERATION, error))?;
    let status = now
        .time_to_live_description()
        .and_then(|ttl| ttl.time_to_live_status().cloned());
    if matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ) {
        return Ok(()); // DynamoDB refuses to enable it twice
    }
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(attribute)
        .enabled(true)
        .build()
        .map_err(|source| StoreError::Build {
            operation: OPERATION,
            source: Box::new(source),
        })?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(specification)
        .send()
        .await
        .map_err(|error| StoreError::call(OPERATION, error))?;
    Ok(())
}

/// The `CreateTable` call for a definition, under the name a deployment gives it.
///
/// # Errors
/// A definition that lacks a mandatory field; none of this crate's does.
pub fn create_table_input(name: &str, table: &TableDefinition) -> Result<CreateTableInput, BuildError> {
    let attributes = table
        .key_attributes()
        .into_iter()
        .map(|attribute| {
            let kind = match attribute.kind {
                AttributeKind::String => ScalarAttributeType::S,
                AttributeKind::Number => ScalarAttributeType::N,
            };
            AttributeDefinition::builder()
                .attribute_name(attribute.name)
                .attribute_type(kind)
                .build()
        })
        .collect::<Result<_, _>>()?;
    let indexes = table.indexes.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    let vector = table.vector.as_ref().map(vector_index).transpose()?;
    CreateTableInput::builder()
        .table_name(name)
        .set_attribute_definitions(Some(attributes))
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .set_vector_indexes(vector.map(|index| vec![index]))
        .billing_mode(BillingMode::PayPerRequest)
        .set_stream_specification(stream(table)?)
        .build()
}

fn stream(table: &TableDefinition) -> Result<Option<StreamSpecification>, BuildError> {
    if !table.stream {
        return Ok(None);
    }
    StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .map(Some)
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key_schema(&index.key)?))
        .projection(projection(index.projection))
        .build()
}

fn vector_index(index: &VectorIndex) -> Result<types::VectorIndex, BuildError> {
    let filters = index
        .filters
        .iter()
        .map(|filter| (filter, SearchSchemaElementType::InlineFilter));
    let schema = std::iter::once((&index.hash, SearchSchemaElementType::Hash))
        .chain(filters)
        .map(|(attribute, kind)| {
            SearchSchemaElement::builder()
                .attribute_name(attribute.name)
                .search_schema_element_type(kind)
                .build()
        })
        .collect::<Result<_, _>>()?;
    types::VectorIndex::builder()
        .index_name(index.name)
        .vector_attribute(
            VectorAttributeDefinition::builder()
                .attribute_name(index.attribute)
                .build()?,
        )
        .dimensions(i64::from(index.dimensions))
        .distance_function(VectorDistanceFunction::Cosine)
        .set_search_schema(Some(schema))
        .projection(projection(index.projection))
        .build()
}

fn projection(projection: Projection) -> types::Projection {
    let (kind, attributes) = match projection {
        Projection::All => (ProjectionType::All, None),
        Projection::KeysOnly => (ProjectionType::KeysOnly, None),
        Projection::Include(attributes) => (ProjectionType::Include, Some(attributes)),
    };
    let attributes = attributes.map(|names| names.iter().map(ToString::to_string).collect());
    types::Projection::builder()
        .projection_type(kind)
        .set_non_key_attributes(attributes)
        .build()
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, BuildError> {
    let sort = key.sort.map(|attribute| (attribute, KeyType::Range));
    std::iter::once((key.partition, KeyType::Hash))
        .chain(sort)
        .map(|(attribute, kind)| {
            KeySchemaElement::builder()
                .attribute_name(attribute.name)
                .key_type(kind)
                .build()
        })
        .collect()
}
