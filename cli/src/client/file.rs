//! A file as a document: its text, what it is called, and the id that the same file has every time.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use lambent_schema::endpoints::documents::MAX_DOCUMENT_CHARS;
use sha2::{Digest as _, Sha256};

/// The most characters of an id.
const MAX_ID_CHARS: usize = 128;
/// The most characters of a title.
const MAX_TITLE_CHARS: usize = 200;
/// The most characters of a text in the metadata.
const MAX_SOURCE_CHARS: usize = 256;

/// A file that can be a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TextFile {
    /// The document's id.
    pub(crate) id: String,
    /// What it is called: its first heading, or the file's name.
    pub(crate) title: String,
    /// Where it was found, from the working folder.
    pub(crate) source: String,
    /// SHA-256 of the text, in hexadecimal digits.
    pub(crate) sha256: String,
    /// What is in it, without a byte order mark.
    pub(crate) text: String,
}

/// A file that cannot be one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("it is not text in UTF-8: turn it into text first (a PDF with `pdftotext`, say)")]
    NotText,
    #[error("there is nothing in it")]
    Empty,
    #[error(
        "it has {0}, and a document may have {MAX_DOCUMENT_CHARS} characters: split it into several files, at its chapters, say"
    )]
    TooLong(String),
    #[error("no files in it end with .md, .markdown, .txt or .text")]
    NoTextsInside,
}

/// Reads a file.
///
/// # Errors
/// It is not there, not text, empty or too long.
pub(crate) fn read(path: &Path) -> Result<TextFile, FileError> {
    let bytes = fs::metadata(path)?.len();
    // What is longer than that in bytes is so in characters, and need not be read to know it.
    if bytes > 4 * MAX_DOCUMENT_CHARS as u64 {
        return Err(FileError::TooLong(format!("{bytes} bytes")));
    }
    let text = String::from_utf8(fs::read(path)?).map_err(|_| FileError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.contains('\0') {
        return Err(FileError::NotText);
    }
    if text.trim().is_empty() {
        return Err(FileError::Empty);
    }
    match text.chars().count() {
        0..=MAX_DOCUMENT_CHARS => {}
        chars => return Err(FileError::TooLong(format!("{chars} characters"))),
    }
    let from = from_here(path, &std::env::current_dir()?);
    Ok(TextFile {
        id: id(&from),
        title: title(path, text),
        source: tail(&from, MAX_SOURCE_CHARS),
        sha256: hex(&Sha256::digest(text)),
        text: text.to_owned(),
    })
}

/// The path as seen from this folder, without detours, with `/` between its parts; from the root if it is not below this folder.
pub(crate) fn from_here(path: &Path, here: &Path) -> String {
    let mut straight = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                straight.pop();
            }
            part => straight.push(part),
        }
    }
    let below = straight.strip_prefix(here).unwrap_or(&straight);
    let parts = below.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The id of the document that this file is. `/` becomes `:`, which few names have, so that an id reads like its path. Where characters
/// had to be replaced or left out, a hash of the path is at the end, so that no other file has the same id, now or later.
fn id(path: &str) -> String {
    let may = |c: char| c.is_ascii_alphanumeric() || "._~@-".contains(c);
    let id: String = path
        .chars()
        .map(|c| match c {
            '/' => ':',
            c if may(c) => c,
            _ => '-',
        })
        .collect();
    let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_faithful = path.chars().all(|c| c == '/' || may(c));
    if is_faithful && begins && id.len() <= MAX_ID_CHARS {
        return id;
    }
    let hash = &hex(&Sha256::digest(path))[..12];
    let id = id.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    // An id is ASCII, and a path's end says more than its beginning.
    let from = id.len().saturating_sub(MAX_ID_CHARS - hash.len() - 1);
    let id = id[from..].trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    match id {
        "" => hash.to_owned(),
        id => format!("{id}-{hash}"),
    }
}

/// The first heading of a Markdown file; the name of any other.
fn title(path: &Path, text: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_markdown = [".md", ".markdown"].iter().any(|end| name.ends_with(end));
    let heading = if is_markdown { heading(text) } else { None };
    let title = heading.unwrap_or_else(|| name.trim().to_owned());
    title.chars().take(MAX_TITLE_CHARS).collect()
}

/// The first heading: `# Title`, or a line with `===` below; not what stands in front matter or in code.
fn heading(text: &str) -> Option<String> {
    let body = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"));
    let mut lines = body.map_or(text, |(_, body)| body).lines().peekable();
    let mut in_code = false;
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_code = !in_code;
        }
        let words = trimmed.trim_start_matches('#');
        let level = trimmed.len() - words.len();
        let is_hashed = (1..=6).contains(&level) && words.starts_with(' ');
        let is_underlined = lines.peek().is_some_and(|next| {
            let next = next.trim_end();
            next.len() > 2 && next.chars().all(|c| c == '=')
        });
        let words = words.trim().trim_end_matches('#').trim();
        if !in_code && (is_hashed || is_underlined) && !words.is_empty() {
            return Some(words.to_owned());
        }
    }
    None
}

fn tail(text: &str, chars: usize) -> String {
    let skip = text.chars().count().saturating_sub(chars);
    text.chars().skip(skip).collect()
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_like_its_path() {
        assert_eq!(id("samples/operating.md"), "samples:operating.md");
        assert_eq!(id("notes.txt"), "notes.txt");
    }

    #[test]
    fn paths_whose_ids_would_be_the_same_have_a_hash() {
        let ids = [
            "a b.md", "a-b.md", "a+b.md", "a:b.md", "a/b.md", "-a-b.md", ".a-b.md",
        ]
        .map(id);
        for (place, one) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(one), "{one} in {ids:?}");
        }
        assert!(ids[0].starts_with("a-b.md-"), "{ids:?}");
    }

    #[test]
    fn ids_are_what_the_contract_takes() {
        let long = format!("{}/ende.md", "ordner/".repeat(40));
        for path in [
            &long,
            "äöü",
            "...",
            "_x",
            "日本/語.txt",
            "a/../b",
            &"x".repeat(129),
        ] {
            let id = id(path);
            let may = |c: char| c.is_ascii_alphanumeric() || "._~:@-".contains(c);
            assert!((1..=MAX_ID_CHARS).contains(&id.len()), "{id}");
            assert!(id.chars().all(may), "{id}");
            assert!(id.starts_with(|c: char| c.is_ascii_alphanumeric()), "{id}");
        }
        assert!(id(&long).contains(":ende.md-"), "{}", id(&long));
    }

    #[test]
    fn a_path_is_the_same_however_it_is_typed() {
        let here = Path::new("/home/me/here");
        for path in [
            "a/b.md",
            "./a/b.md",
            "a/./x/../b.md",
            "/home/me/here/a/b.md",
            "../here/a/b.md",
        ] {
            assert_eq!(from_here(Path::new(path), here), "a/b.md", "{path}");
        }
        assert_eq!(from_here(Path::new("../b.md"), here), "home/me/b.md");
    }

    #[test]
    fn a_title_is_the_first_heading() {
        let of = |text| title(Path::new("x/notes.md"), text);
        assert_eq!(of("\n# Night *trains* ##\n\n# Another"), "Night *trains*");
        assert_eq!(of("Some text\n\n## Timetable\n"), "Timetable");
        assert_eq!(of("Night trains\n============\n"), "Night trains");
        assert_eq!(
            of("---\n# a comment\ntitle: x\n---\n# Night trains"),
            "Night trains"
        );
        assert_eq!(of("```sh\n# make it\n```\n# Night trains"), "Night trains");
        for none in ["#hashtag", "text only", "#\n##\n", "####### seven"] {
            assert_eq!(of(none), "notes.md", "{none}");
        }
        assert_eq!(of(&format!("# {}", "ã".repeat(300))).chars().count(), 200);
        assert_eq!(title(Path::new("a.txt"), "# not a heading"), "a.txt");
    }

    #[test]
    fn what_is_no_document_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.md");
        let refused = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            read(&file).unwrap_err().to_string()
        };
        assert!(refused(b"%PDF-1.7\n\xe2\xe3\xcf\xd3").contains("not text in UTF-8"));
        assert!(refused(b"a\0b").contains("not text in UTF-8"));
        assert!(refused(b" \n").contains("nothing in it"));
        let long = refused("ã".repeat(MAX_DOCUMENT_CHARS + 1).as_bytes());
        assert!(
            long.contains("200001 characters") && long.contains("200000") && long.contains("split"),
            "{long}"
        );
        assert!(refused(&vec![b'a'; 4 * MAX_DOCUMENT_CHARS + 1]).contains("800001 bytes"));
        assert!(read(folder.path().join("none.md").as_path()).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let (with, without) = (folder.path().join("a.md"), folder.path().join("b.md"));
        fs::write(&with, "\u{feff}# Night trains").unwrap();
        fs::write(&without, "# Night trains").unwrap();
        let (with, without) = (read(&with).unwrap(), read(&without).unwrap());
        assert_eq!((&with.sha256, &with.title), (&without.sha256, &without.title));
        assert_eq!(with.sha256.len(), 64);
        assert_ne!(with.id, without.id);
    }
}
