//! The functions that no request calls: what starts them, and how they are tried again.
//!
//! `template.yaml` and `lambent dev` both take it from here.

/// A function that no request calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Background {
    /// Folder, crate and binary of the function.
    pub function: &'static str,
    /// The longest an invocation may take, in seconds.
    pub timeout_secs: u32,
    /// What starts it.
    pub trigger: Trigger,
}

/// What starts a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Changes in a table: each of these hands them on beside the others, in lanes of its own.
    Stream(&'static [StreamTrigger]),
    /// The clock.
    Schedule {
        /// How often.
        every_minutes: u32,
    },
    /// What happens to sockets: these routes of a WebSocket API.
    Socket(&'static [&'static str]),
}

/// Changes in a table, by its stream. A record whose invocations all fail goes to the function's on-failure destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTrigger {
    /// What it is for.
    pub name: &'static str,
    /// The table, as the store names it.
    pub table: &'static str,
    /// Which changes: a JSON pattern.
    pub filter: &'static str,
    /// Changes in one invocation.
    pub batch_size: u32,
    /// Invocations at once for each shard of the stream. The changes of one item stay in order.
    pub parallelization_factor: u32,
    /// How often an invocation that failed is tried again.
    pub maximum_retry_attempts: u32,
}

/// How often a job is begun before it is given up.
pub const MAX_JOB_ATTEMPTS: u32 = 5;

/// The longest that a job may take, in seconds.
pub const JOB_TIMEOUT_SECS: u32 = 300;

/// Does jobs, one an invocation: a job's time is its own. Callbacks have lanes of their own, so that a server that is slow to answer holds
/// up no job, and a job no callback. A stream is for two readers at most: these are they.
pub const JOBS_WORKER: Background = Background {
    function: "jobs-worker",
    timeout_secs: JOB_TIMEOUT_SECS,
    trigger: Trigger::Stream(&[
        StreamTrigger {
            name: "jobs",
            filter: r#"{"dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}}"#,
            ..OF_JOBS
        },
        StreamTrigger {
            name: "callbacks",
            filter: r#"{"dynamodb": {"NewImage": {"callback_status": {"S": ["due"]}}}}"#,
            ..OF_JOBS
        },
    ]),
};

const OF_JOBS: StreamTrigger = StreamTrigger {
    name: "",
    table: "jobs",
    filter: "{}",
    batch_size: 1,
    parallelization_factor: 10,
    // The one after the last attempt finds the attempts used up, and says so.
    maximum_retry_attempts: MAX_JOB_ATTEMPTS,
};

/// Looks after jobs that nobody looks after any more, and callbacks whose next try is due.
pub const JOBS_SWEEPER: Background = Background {
    function: "jobs-sweeper",
    timeout_secs: 50,
    trigger: Trigger::Schedule { every_minutes: 1 },
};

/// How often an event that was received is tried to be handled before it is given up.
pub const MAX_WEBHOOK_ATTEMPTS: u32 = 5;

/// Handles the events that others send. A failed attempt is counted in its event, so that the change is told apart from the first one.
pub const WEBHOOKS_WORKER: Background = Background {
    function: "webhooks-worker",
    timeout_secs: 30,
    trigger: Trigger::Stream(&[StreamTrigger {
        name: "webhooks",
        table: "webhooks",
        filter: r#"{"dynamodb": {"NewImage": {"status": {"S": ["received"]}, "attempts": {"N": ["0"]}}}}"#,
        batch_size: 1,
        parallelization_factor: 10,
        // The one after the last attempt finds the attempts used up, and says so.
        maximum_retry_attempts: MAX_WEBHOOK_ATTEMPTS,
    }]),
};

/// The longest that an answer to a message over a socket may take, in seconds.
pub const CHAT_TIMEOUT_SECS: u32 = 300;

/// Takes what comes over sockets, and answers what needs no model. API Gateway waits for it 29 seconds at most.
pub const CHAT_SOCKET: Background = Background {
    function: "chat-socket",
    timeout_secs: 28,
    trigger: Trigger::Socket(&["$connect", "$disconnect", "$default"]),
};

/// Has the model answer what is said over sockets. An invocation answers all messages of its batch at once, and others that wait.
pub const CHAT_WORKER: Background = Background {
    function: "chat-worker",
    timeout_secs: CHAT_TIMEOUT_SECS,
    trigger: Trigger::Stream(&[StreamTrigger {
        name: "messages",
        table: "conversations",
        filter: r#"{"dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}}"#,
        batch_size: 25,
        parallelization_factor: 10,
        // The first one that is tried again tells its client that the answer was lost.
        maximum_retry_attempts: 5,
    }]),
};

/// Tells clients whose sockets will be closed soon, and those whose answers nobody is writing any more.
pub const CHAT_SWEEPER: Background = Background {
    function: "chat-sweeper",
    timeout_secs: 50,
    trigger: Trigger::Schedule { every_minutes: 1 },
};

/// All of them.
#[must_use]
pub const fn background() -> &'static [Background] {
    &[
        JOBS_WORKER,
        JOBS_SWEEPER,
        WEBHOOKS_WORKER,
        CHAT_SOCKET,
        CHAT_WORKER,
        CHAT_SWEEPER,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn filters_are_json_and_retries_suffice_for_all_attempts() {
        for (worker, attempts) in [
            (JOBS_WORKER, MAX_JOB_ATTEMPTS),
            (WEBHOOKS_WORKER, MAX_WEBHOOK_ATTEMPTS),
        ] {
            let Trigger::Stream(streams) = worker.trigger else {
                unreachable!("the workers ride streams")
            };
            for stream in streams {
                let filter: Value = serde_json::from_str(stream.filter).unwrap();
                assert!(filter.is_object(), "{filter}");
                assert!(stream.maximum_retry_attempts >= attempts);
            }
        }
    }
}
