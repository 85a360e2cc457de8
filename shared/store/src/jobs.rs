//! The table `jobs`: work that is done after its request has been answered, how far it has come, and who is told of its end.
//!
//! # Keys
//! | | partition key | sort key |
//! |---|---|---|
//! | table | `id` | |
//! | index `by_caller`, what lists show | `caller` | `id` |
//! | index `by_due`, keys only | `due_shard` = `0` to `3` | `due_at`, in ms since 1970 |
//!
//! There are four kinds of items:
//!
//! | `id` | |
//! |---|---|
//! | the job's id, a UUIDv7 | the job: a [`Job`], and `due_shard`, `due_at`, `expires_at` |
//! | `input#<job id>` | what it works on, as text in `input`. Apart, because each change of the job is paid by the size of its item. How many `parts` it has, if it is longer than one item can hold |
//! | `input#<job id>#1` and so on | its further parts, in `input`, at most [`MAX_PART_BYTES`] each |
//! | `idempotency#<hash of caller and key>` | which `job_id` a caller's idempotency key stands for, and the `body_hash` of its request |
//!
//! The ids of jobs are in the order of their creation, so that `by_caller` is too. Inputs and idempotency records have none of the
//! indexes' attributes, and a job has those of `by_due` only while somebody has to look at it at a later time if nothing else happens
//! until then: the sweeper asks [`Jobs::due`] for those ids, and what it does sets the next time.
//!
//! # States
//! `queued` → `running` → `succeeded`, `failed` or `cancelled`. Whoever wants to work on a job takes it ([`Jobs::take`]), which
//! counts an attempt and gives a lock and a lease. Renewing and ending need the lock, so that whoever lost it cannot write any more;
//! once the lease has ended, another may take the job, or put it back into the queue ([`Jobs::requeue`]).
//!
//! A job with a callback is `waiting` until it has ended, then `due` → `sending` → `delivered`, or `retrying` → `due` again, or
//! `failed`. The number of the try is its fence.
//!
//! # Stream
//! The table's stream has new images. An image with the `status` `queued` starts a worker, one with the `callback_status` `due` a
//! sender; all other records are filtered out before anything runs. So [`Jobs::requeue`] and [`Jobs::callback_again`] start them anew.
//!
//! # Lost answers
//! A write whose answer is lost is sent again by the SDK, and finds what it did itself. [`Jobs::create`], [`Jobs::take`],
//! [`Jobs::finish`] and [`Jobs::cancel`] recognise that; elsewhere it is as if somebody else had been faster, and the sweeper comes.
//!
//! # Cost
//! In write units, of which a million are $0.625. A job is under 1 KB until it has a result, which counts from then on: KB is the size
//! of its item, rounded up. A transaction counts double, but not in indexes; a changed sort key is two writes to its index.
//!
//! | | table | `by_caller` | `by_due` |
//! |---|---|---|---|
//! | create | 2, 2 for each KB of input, 2 for an idempotency key | 1 | 1 |
//! | take | 1 | 1 | 2 |
//! | renew | 1 | | |
//! | end | KB | 1 | 1; 2 with a callback |
//! | take a callback, and write what came of it | KB each | 1 each | 2, and 1 at the end |
//! | forget the input, all its parts | 1 for each KB of it | | |
//!
//! A job of 2 KB (so 3 with its names) that succeeds with a result of 2 KB is 10 + 4 + 5 + 3 = 22 units, $13.75 per million jobs; a
//! callback adds 12. A document of 200,000 characters of English is 400 + 200 units more, $0.0004. A refused condition costs as much
//! as a write. Expiry deletes for free.
//!
//! # Expiry
//! DynamoDB deletes jobs and inputs some time after `expires_at` (seconds since 1970), [`KEPT_DAYS`] days after their creation, however
//! they ended; idempotency records after [`IDEMPOTENCY_HOURS`] hours, from when on they count for nothing.

mod callback;
mod cancel;
mod change;
mod create;
mod end;
mod input;
mod item;
mod read;
mod refused;
mod take;

pub use callback::FailedTry;
pub use cancel::Cancelling;
pub use create::{Created, Idempotency, NewJob};
pub use end::Ending;
pub use item::{CallbackStatus, Job, JobKind, JobStatus, Spent};
pub use read::Page;
pub use take::{Renewal, Take, Taking};

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use crate::definition::{Attribute, Index, Key, Projection, TableDefinition};
use crate::due::{self, DUE_AT, DUE_SHARD, SHARDS, after};

/// The table's keys, and its stream.
pub const TABLE: TableDefinition = TableDefinition {
    name: "jobs",
    key: Key {
        partition: ID,
        sort: None,
    },
    indexes: &[
        Index {
            name: BY_CALLER,
            key: Key {
                partition: Attribute::string("caller"),
                sort: Some(ID),
            },
            projection: Projection::Include(LISTED),
        },
        due::INDEX,
    ],
    vector: None,
    ttl_attribute: Some(EXPIRES_AT),
    stream: true,
};

/// How many days a job is kept from its creation on, and its input with it.
pub const KEPT_DAYS: i64 = 7;

/// How many hours an idempotency key stands for the job that it was first sent for.
pub const IDEMPOTENCY_HOURS: i64 = 24;

/// How long a job may be in the queue before the sweeper looks at it: the stream should have started a worker long before.
pub const QUEUED_DUE: Duration = Duration::from_secs(10 * 60);

/// How long a callback may be due before the sweeper looks at it.
pub const CALLBACK_DUE: Duration = Duration::from_secs(5 * 60);

/// The longest input, in bytes: more than the body of a request may have. A transaction holds 4 MB.
pub const MAX_INPUT_BYTES: usize = 2 * 1024 * 1024;

/// The longest part of an input, in bytes. An item holds 400 KB, names and all.
pub const MAX_PART_BYTES: usize = 350 * 1024;

/// The longest result, in bytes; there is more than that in a job's item.
pub const MAX_RESULT_BYTES: usize = 350 * 1024;

const ID: Attribute = Attribute::string("id");
const BY_CALLER: &str = "by_caller";
const EXPIRES_AT: &str = "expires_at";

/// What lists show, besides the keys.
const LISTED: &[&str] = &[
    "kind",
    "status",
    "attempt",
    "created_at",
    "started_at",
    "finished_at",
    "request_id",
    "cancel_requested",
    "input_tokens",
    "output_tokens",
    "cost_tokens",
    "cost_compute",
    "error",
    "callback_url",
    "callback_status",
    "callback_attempt",
];

/// The jobs.
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Client,
    table: String,
}

impl Jobs {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn idempotency_id(key_hash: &str) -> String {
    format!("idempotency#{key_hash}")
}
