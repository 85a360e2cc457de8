//! A draft as a Markdown document.

use std::fmt::Write as _;

use crate::Draft;

/// The draft under headings: the summary, then what it has of findings and entities, as lists.
#[must_use]
pub fn markdown(draft: &Draft) -> String {
    let mut text = format!("## Summary\n\n{}\n", draft.summary);
    // Writing to a string cannot fail.
    if !draft.findings.is_empty() {
        text.push_str("\n## Findings\n\n");
        for finding in &draft.findings {
            let _ = writeln!(
                text,
                "- **{}**: {}",
                on_one_line(&finding.title),
                on_one_line(&finding.detail)
            );
        }
    }
    if !draft.entities.is_empty() {
        text.push_str("\n## Entities\n\n");
        for entity in &draft.entities {
            let _ = writeln!(
                text,
                "- **{}** ({})",
                on_one_line(&entity.name),
                on_one_line(&entity.kind)
            );
        }
    }
    text
}

/// A list's entry must not be broken by a line feed.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::analysis::{Entity, Finding};

    use super::*;

    #[test]
    fn what_there_is_comes_under_its_heading() {
        let finding = Finding {
            title: "Late".to_owned(),
            detail: "By two\nweeks.".to_owned(),
        };
        let entity = Entity {
            name: "Lisbon".to_owned(),
            kind: "place".to_owned(),
        };
        let mut draft = Draft {
            summary: "It is late.".to_owned(),
            findings: vec![finding],
            entities: vec![entity],
        };
        assert_eq!(
            markdown(&draft),
            "## Summary\n\nIt is late.\n\n## Findings\n\n- **Late**: By two weeks.\n\n## Entities\n\n- **Lisbon** (place)\n"
        );
        draft.findings.clear();
        draft.entities.clear();
        assert_eq!(markdown(&draft), "## Summary\n\nIt is late.\n");
    }
}
