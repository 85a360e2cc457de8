//! `lambent documents add`: files become documents, several at once.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use clap::Args;
use futures::StreamExt as _;
use lambent_schema::endpoints::documents::{MAX_METADATA, Metadata, MetadataValue};

use super::{
    connection::Connection,
    failure::Failure,
    file,
    folder::files_of,
    keep::{Keeper, Kept, SHA256, SOURCE},
    metadata,
    progress::Progress,
};
use crate::welcome::say;

/// How many files are under way at once.
const AT_ONCE: usize = 4;

/// What to add.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Files of text or Markdown in UTF-8; of a folder, all *.md, *.markdown, *.txt and *.text in it whose names begin with no dot.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What is to be known of them, besides `source` and `sha256`; several are possible. `year=2026` is a number, `draft=true` a truth.
    #[arg(long, value_name = "NAME=VALUE", value_parser = own_pair)]
    metadata: Vec<(String, MetadataValue)>,
    /// Adds what is unchanged too: after a change of the embedding model.
    #[arg(long)]
    again: bool,
}

fn own_pair(text: &str) -> Result<(String, MetadataValue), String> {
    let (name, value) = metadata::pair(text)?;
    match [SOURCE, SHA256].contains(&name.as_str()) {
        true => Err(format!("`{name}` is given to each document by this command")),
        false => Ok((name, value)),
    }
}

/// What became of the files.
#[derive(Debug, Default)]
struct Tally {
    added: usize,
    replaced: usize,
    unchanged: usize,
    failed: usize,
}

/// Adds them.
///
/// # Errors
/// Some could not be added, each of which was told, or none can be.
pub(crate) async fn add(add: Add, connection: &Connection) -> Result<(), Failure> {
    let metadata: Metadata = add.metadata.into_iter().collect();
    if metadata.len() > MAX_METADATA - 2 {
        let limit = MAX_METADATA - 2;
        return Err(Failure::Some(format!(
            "at most {limit} names with --metadata, besides {SOURCE} and {SHA256}"
        )));
    }
    let mut files: Vec<_> = add.files.iter().flat_map(|path| files_of(path)).collect();
    let here = std::env::current_dir().unwrap_or_default();
    let mut seen = HashSet::new();
    files.retain(|(path, _)| seen.insert(file::from_here(path, &here)));

    let progress = Progress::of(files.len());
    let telling = progress.clone();
    let keeper = Keeper {
        api: connection.open(move |line| telling.tell(line))?,
        metadata,
        again: add.again,
    };
    let mut outcomes = futures::stream::iter(files)
        .map(async |(path, found)| {
            let kept = match found {
                Ok(()) => keeper.keep(&path).await,
                Err(error) => Err(error.into()),
            };
            (path, kept)
        })
        .buffer_unordered(AT_ONCE);
    let mut tally = Tally::default();
    while let Some((path, kept)) = outcomes.next().await {
        match kept {
            Err(failure) if failure.concerns_all() => {
                progress.end();
                return Err(failure);
            }
            kept => tally.count(&path, kept, &progress),
        }
    }
    progress.end();
    tally.told()
}

impl Tally {
    fn count(&mut self, path: &Path, kept: Result<Kept, Failure>, progress: &Progress) {
        let path = path.display();
        let chunks = |count| match count {
            1 => "1 chunk".to_owned(),
            count => format!("{count} chunks"),
        };
        match kept {
            Ok(Kept::Unchanged) => {
                self.unchanged += 1;
                progress.done(&format!("unchanged  {path}"));
            }
            Ok(Kept::Added(count)) => {
                self.added += 1;
                progress.done(&format!("added      {path} ({})", chunks(count)));
            }
            Ok(Kept::Replaced(count)) => {
                self.replaced += 1;
                progress.done(&format!("replaced   {path} ({})", chunks(count)));
            }
            Err(failure) => {
                self.failed += 1;
                progress.failed(&format!("failed     {path}: {failure}"));
            }
        }
    }

    fn told(&self) -> Result<(), Failure> {
        let counts = [
            (self.added, "added"),
            (self.replaced, "replaced"),
            (self.unchanged, "unchanged"),
            (self.failed, "failed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        let told = counts.join(", ");
        match self.failed {
            0 => {
                say(&told);
                Ok(())
            }
            _ => Err(Failure::Some(told)),
        }
    }
}
