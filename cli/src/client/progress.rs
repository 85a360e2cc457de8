//! How far a command has come: a bar where somebody looks, else one line a file.

use indicatif::{ProgressBar, ProgressStyle};

use crate::welcome::say;

/// A bar on standard error, or lines there.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// One for so many things.
    pub(crate) fn of(count: usize) -> Self {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// One more is done, and went well.
    pub(crate) fn done(&self, line: &str) {
        self.bar.inc(1);
        if self.bar.is_hidden() {
            say(line);
        } else {
            self.bar.set_message(line.to_owned());
        }
    }

    /// One more is done, and went wrong: that stays on the screen.
    pub(crate) fn failed(&self, line: &str) {
        self.bar.inc(1);
        self.tell(line);
    }

    /// Something that is not the end of anything.
    pub(crate) fn tell(&self, line: &str) {
        if self.bar.is_hidden() {
            say(line);
        } else {
            self.bar.println(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
