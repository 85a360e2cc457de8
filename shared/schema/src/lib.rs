//! The contract of the Lambent API: types, endpoint table, OpenAPI document
