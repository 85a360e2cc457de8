//! DynamoDB: one file a table
