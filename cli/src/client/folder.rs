//! Which files a path stands for.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::file::FileError;

/// What names of texts end with.
const ENDS: [&str; 4] = ["md", "markdown", "txt", "text"];

/// A file, whatever it is called; of a folder, the texts in it and in its folders, in order of their names. What is hidden is left
/// out, and so are links to folders, which may lead in a circle. What cannot be looked into is there with its error.
pub(crate) fn files_of(path: &Path) -> Vec<(PathBuf, Result<(), FileError>)> {
    if !path.is_dir() {
        return vec![(path.to_owned(), Ok(()))];
    }
    let mut files = Vec::new();
    match walk(path, &mut files) {
        Err(error) => vec![(path.to_owned(), Err(error.into()))],
        Ok(()) if files.is_empty() => vec![(path.to_owned(), Err(FileError::NoTextsInside))],
        Ok(()) => files.into_iter().map(|file| (file, Ok(()))).collect(),
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let end = path.extension().unwrap_or_default().to_ascii_lowercase();
        if is_hidden {
            continue;
        } else if entry.file_type()?.is_dir() {
            walk(&path, files)?;
        } else if ENDS.iter().any(|known| end == *known) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_the_texts_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.md",
            "a/c.TXT",
            "a/d.markdown",
            "a/e.png",
            ".git/f.md",
            ".g.md",
            "z.text",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let files = files_of(folder.path());
        let names: Vec<_> = files
            .iter()
            .map(|(path, _)| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a/c.TXT", "a/d.markdown", "b.md", "z.text"]);

        let empty = tempfile::tempdir().unwrap();
        let [(_, Err(error))] = &files_of(empty.path())[..] else {
            panic!("an error");
        };
        assert!(error.to_string().contains(".md"), "{error}");
        let [(_, Ok(()))] = files_of(&folder.path().join("a/e.png"))[..] else {
            panic!("a file that is named is taken");
        };
    }
}
