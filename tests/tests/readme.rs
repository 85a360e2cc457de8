//! What the README says of configuration and files is so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of variables in a text: `LAMBENT_` and what follows.
fn variables(text: &str) -> BTreeSet<String> {
    let names = text.match_indices("LAMBENT_").map(|(at, _)| {
        let rest = &text[at..];
        let end = rest
            .find(|c: char| !c.is_ascii_uppercase() && c != '_')
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    names.filter(|name| name.len() > "LAMBENT_".len()).collect()
}

#[test]
fn every_variable_that_the_code_reads_is_in_the_table_and_the_other_way_round() {
    let mut files = Vec::new();
    for folder in ["shared", "functions", "cli/src", "cli/local-model/src"] {
        sources(&root().join(folder), &mut files);
    }
    let read: BTreeSet<String> = files
        .iter()
        .flat_map(|file| variables(&fs::read_to_string(file).unwrap()))
        .collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme
        .split_once("## Configure it")
        .unwrap()
        .1
        .split_once("\n## ")
        .unwrap()
        .0;
    assert!(read.len() > 10);
    assert_eq!(read, variables(table), "left: the code, right: the README");
}

/// What links to a heading call it.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let words = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    words.collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut checked = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            if !link.contains("://") && !link.starts_with('#') {
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                assert!(root().join(file).exists(), "{document} links to {link}");
                if !heading.is_empty() {
                    let text = fs::read_to_string(root().join(file)).unwrap();
                    let mut headings = text.lines().filter(|line| line.starts_with('#'));
                    assert!(
                        headings.any(|line| slug(line) == heading),
                        "{document} links to {link}"
                    );
                }
                checked += 1;
            }
        }
    }
    assert!(checked >= 4);
}
