//! The API over HTTP, as its callers see it.

mod analyse;
mod analyse_stream;
mod errors;
mod many_streams;
mod request_log;
mod service;
