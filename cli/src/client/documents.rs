//! `lambent documents`: what can be asked.

use clap::{Args, Subcommand};
use lambent_schema::endpoints::{
    documents::{DocumentList, DocumentsDelete, DocumentsList},
    jobs::MAX_PAGE,
};

use super::{
    add::{Add, add},
    connection::{Api, Connection},
    failure::Failure,
    hit_rate::{HitRate, hit_rate},
    terminal::{line, write},
};
use crate::welcome::say;

/// Adds documents to ask, lists and deletes them, and tells how well they are found.
#[derive(Debug, Args)]
pub(crate) struct DocumentsCommand {
    #[command(subcommand)]
    name: Name,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Name {
    /// Adds files of text or Markdown. What is there already and unchanged is skipped: run it again after an interruption.
    Add(Add),
    /// Lists your documents, the one put last first.
    List,
    /// Deletes documents.
    Delete {
        /// Their ids, as `list` shows them.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Tells how many questions of a file find the passage that answers them.
    HitRate(HitRate),
}

/// Runs the command.
///
/// # Errors
/// It, or a part of it, failed.
pub(crate) async fn documents(command: DocumentsCommand) -> Result<(), Failure> {
    let connection = command.connection;
    match command.name {
        Name::Add(files) => add(files, &connection).await,
        Name::List => list(&connection.open(say)?).await,
        Name::Delete { ids } => delete(&connection.open(say)?, &ids).await,
        Name::HitRate(questions) => hit_rate(questions, &connection.open(say)?).await,
    }
}

async fn list(api: &Api) -> Result<(), Failure> {
    let limit = MAX_PAGE.to_string();
    let mut cursor: Option<String> = None;
    let mut is_first = true;
    loop {
        let mut query = vec![("limit", limit.as_str())];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: DocumentList = api.json(api.call::<DocumentsList>(None, &query)).await?;
        if is_first && page.documents.is_empty() {
            say("There are no documents: `lambent documents add FILE...` adds some.");
        } else if is_first && !show(["ID", "TITLE", "CHUNKS", "UPDATED"]) {
            return Ok(());
        }
        is_first = false;
        for document in page.documents {
            let day = document.updated_at.get(..10).unwrap_or_default();
            let chunks = document.chunks.to_string();
            // Whoever read it may have seen enough.
            if !show([&document.document_id, &line(&document.title, 45), &chunks, day]) {
                return Ok(());
            }
        }
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// Whether anybody reads the row.
fn show([id, title, chunks, updated]: [&str; 4]) -> bool {
    write(&format!("{id:<40} {title:<48} {chunks:>6}  {updated}\n")).is_ok()
}

async fn delete(api: &Api, ids: &[String]) -> Result<(), Failure> {
    let mut failed = 0;
    for id in ids {
        let deleted = api.send(api.call::<DocumentsDelete>(Some(id), &[])).await;
        match deleted {
            Ok(_) => say(&format!("deleted    {id}")),
            Err(failure) if failure.concerns_all() => return Err(failure),
            Err(failure) => {
                failed += 1;
                say(&format!("failed     {id}: {failure}"));
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Some(format!(
            "{failed} of {} documents were not deleted",
            ids.len()
        ))),
    }
}
