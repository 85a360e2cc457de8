//! What goes to a terminal. Standard output has what was asked for, standard error what is said about it.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

/// Writes to standard output at once.
///
/// # Errors
/// Nobody reads it any more.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(plain_text(text).as_bytes())?;
    stdout.flush()
}

/// The text without what a terminal would take for a command: a document, or a model, may have it.
pub(crate) fn plain(text: &str) -> String {
    plain_text(text).into_owned()
}

/// The text in one line, at most this long.
pub(crate) fn line(text: &str, at_most: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = plain(&words.join(" "));
    match line.char_indices().nth(at_most) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn plain_text(text: &str) -> Cow<'_, str> {
    let commands = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(commands) {
        text.replace(commands, "").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_left_out() {
        assert_eq!(
            plain("\u{1b}]0;title\u{7}It leaves\n\tat 21:40\u{9b}2J"),
            "]0;titleIt leaves\n\tat 21:402J"
        );
    }

    #[test]
    fn a_line_is_one_line_and_not_too_long() {
        assert_eq!(line("The night\n  train", 100), "The night train");
        assert_eq!(line("Lisboã and Madrid", 6), "Lisboã...");
    }
}
