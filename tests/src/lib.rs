//! Tests of the whole API over HTTP, and what they stand on
