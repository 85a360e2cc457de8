//! `lambent ask` and `lambent documents`: clients of the API, as anybody's would be.
//!
//! They know the contract and an address, nothing of what answers there: the API of this machine, or a deployed one.

mod add;
mod ask;
mod connection;
mod documents;
mod events;
mod failure;
mod file;
mod folder;
mod hit_rate;
mod keep;
mod metadata;
mod progress;
mod rank;
mod shown;
mod terminal;

pub(crate) use ask::{Ask, ask};
pub(crate) use documents::{DocumentsCommand, documents};
