//! What a function does, by the contract: what it has to be told and allowed follows from that.

use lambent_schema::{
    Access, Dialect, Method, Operation, Scope, Transfer,
    background::{CHAT_SOCKET, CHAT_SWEEPER, CHAT_WORKER, JOBS_SWEEPER, JOBS_WORKER},
    operations,
};

/// Whether a function calls a model that chats: what waits for one streams, and nothing else does but embeddings, which are long; and the
/// workers.
pub(crate) fn calls_model(folder: &str) -> bool {
    [JOBS_WORKER.function, CHAT_WORKER.function].contains(&folder)
        || serves(folder, |op| {
            op.transfer == Transfer::Streaming && !embeds_alone(op)
        })
}

/// Whether a function calls a model that chats, or tells what its work can cost at most.
pub(crate) fn knows_model(folder: &str) -> bool {
    calls_model(folder) || only_prices(folder)
}

/// Whether a function tells what work can cost at most that another one does.
pub(crate) fn only_prices(folder: &str) -> bool {
    folder == CHAT_SOCKET.function || (accepts_jobs(folder) && !embeds(folder) && !calls_model(folder))
}

/// Whether a function has to do with sockets.
pub(crate) fn chats(folder: &str) -> bool {
    let in_background = [CHAT_SOCKET, CHAT_WORKER, CHAT_SWEEPER].map(|background| background.function);
    in_background.contains(&folder) || serves(folder, |op| op.tag == "Chat")
}

/// Whether a function calls the model that embeds: what spends on documents, or on embeddings alone; and the worker.
pub(crate) fn embeds(folder: &str) -> bool {
    uses_documents(folder) || serves(folder, embeds_alone)
}

fn embeds_alone(op: &Operation) -> bool {
    op.access == Access::Spender(Scope::Embeddings)
}

/// Whether a function has to do with documents and what embeds them.
pub(crate) fn uses_documents(folder: &str) -> bool {
    folder == JOBS_WORKER.function
        || serves(folder, |op| {
            op.tag == "Documents" && matches!(op.access, Access::Spender(_))
        })
}

/// Whether a function knows the names that OpenAI's clients may use for models.
pub(crate) fn knows_names(folder: &str) -> bool {
    serves(folder, |op| op.dialect == Dialect::OpenAi)
}

/// Whether a function puts documents and deletes them.
pub(crate) fn keeps_documents(folder: &str) -> bool {
    folder == JOBS_WORKER.function
        || serves(folder, |op| op.tag == "Documents" && op.method == Method::Delete)
}

/// Whether a function searches in documents.
pub(crate) fn searches_documents(folder: &str) -> bool {
    uses_documents(folder) && !keeps_documents(folder)
}

/// Whether a function asks for a caller; the workers for the one whose job or message it is.
pub(crate) fn asks_for_a_caller(folder: &str) -> bool {
    [JOBS_WORKER.function, CHAT_SOCKET.function, CHAT_WORKER.function].contains(&folder)
        || serves(folder, |op| op.access.asks_for_a_caller())
}

/// Whether a function makes jobs: it answers where they are.
pub(crate) fn accepts_jobs(folder: &str) -> bool {
    serves(folder, |op| {
        op.replies.iter().any(|reply| {
            let tells_where = reply.headers.iter().any(|(name, _)| *name == "location");
            reply.status == 202 && tells_where
        })
    })
}

/// Whether a function takes the address of a callback.
pub(crate) fn takes_callbacks(folder: &str) -> bool {
    serves(folder, |op| {
        let body = op.body.iter();
        body.flat_map(|body| &body.examples)
            .any(|(_, example)| example.get("callback_url").is_some())
    })
}

/// Whether a function reads and changes jobs that there are.
pub(crate) fn changes_jobs(folder: &str) -> bool {
    ["jobs-get", JOBS_SWEEPER.function, JOBS_WORKER.function].contains(&folder)
}

/// Whether a function serves an operation of this kind.
fn serves(folder: &str, is_of_kind: impl Fn(&Operation) -> bool) -> bool {
    operations()
        .iter()
        .any(|op| op.function == folder && is_of_kind(op))
}
