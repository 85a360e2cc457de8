//! The table `webhooks`: what others have told, whether it has been handled, and what payments are worth to callers.
//!
//! # Keys
//! The partition key `id`; there is no sort key. There are two kinds of items:
//!
//! | `id` | |
//! |---|---|
//! | `<source>#<id of the event>` | an [`Event`] |
//! | `payment#<id of the payment>` | what is known of a payment, and how much of it is in its caller's budget |
//!
//! # States of an event
//! `received` → `handled`, `ignored` with a reason, or `failed`. One conditional write receives it, so that the same event is received
//! once; one that has failed is received anew when it is sent again. Whatever handles it writes what follows from it in one transaction with its end, whose
//! condition is that it is still `received`: however often it is begun, it is done once.
//!
//! # Stream
//! The table's stream has new images. An image with the `status` `received` and no `attempts` starts the worker; all others are filtered
//! out before anything runs. Nothing looks after events besides: the stream hands a record out again until its worker succeeds, and tells
//! a queue of those that it gives up.
//!
//! # Cost
//! An event is under 4 KB for the most part: four write units to receive it, eight to end it, and two each for payment and caller.
//!
//! # Expiry
//! DynamoDB deletes events some time after `expires_at` (seconds since 1970), [`KEPT_DAYS`] days after they came; payments stay, since nobody knows how
//! late a refund is.

mod event;
mod ledger;
mod payment;

pub use event::{Event, EventStatus, Kept, NewEvent};
pub use ledger::{Ledger, Posted};
pub use payment::{Fact, Paid, Refunded};

use aws_sdk_dynamodb::Client;

use crate::definition::{Attribute, Key, TableDefinition};

/// The table's key, and its stream.
pub const TABLE: TableDefinition = TableDefinition {
    name: "webhooks",
    key: Key {
        partition: Attribute::string("id"),
        sort: None,
    },
    indexes: &[],
    vector: None,
    ttl_attribute: Some("expires_at"),
    stream: true,
};

/// How many days an event is kept. Senders try again for some days at most.
pub const KEPT_DAYS: u64 = 90;

/// The events.
#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    table: String,
}

impl Webhooks {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}
