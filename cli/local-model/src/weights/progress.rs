//! How far a download is, for someone who waits.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// Is told what happens while weights are fetched.
pub trait Progress: Send + Sync {
    /// A piece of work begins: what it is, and of how many bytes if that is known.
    fn start(&self, what: &str, total: Option<u64>);
    /// So many more bytes are done.
    fn advance(&self, bytes: u64);
    /// The piece of work is over, well or not.
    fn finish(&self);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn finish(&self) {}
}

/// On standard error: a bar on a terminal, a line every few seconds elsewhere.
#[derive(Debug, Default)]
pub struct StandardError {
    work: Mutex<Option<Work>>,
}

#[derive(Debug)]
struct Work {
    what: String,
    total: Option<u64>,
    done: u64,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress for StandardError {
    fn start(&self, what: &str, total: Option<u64>) {
        let bar = std::io::stderr().is_terminal().then(|| bar(what, total));
        if bar.is_none() {
            line(&format!("{what} ..."));
        }
        let work = Work {
            what: what.to_owned(),
            total,
            done: 0,
            last_line: Instant::now(),
            bar,
        };
        self.with(|slot| *slot = Some(work));
    }

    fn advance(&self, bytes: u64) {
        self.with(|slot| {
            let Some(work) = slot else { return };
            work.done += bytes;
            match &work.bar {
                Some(bar) => bar.inc(bytes),
                None if work.last_line.elapsed() >= LINE_EVERY => {
                    work.last_line = Instant::now();
                    line(&work.describe());
                }
                None => {}
            }
        });
    }

    fn finish(&self) {
        self.with(|slot| {
            if let Some(bar) = slot.take().and_then(|work| work.bar) {
                bar.finish_and_clear();
            }
        });
    }
}

impl StandardError {
    fn with(&self, change: impl FnOnce(&mut Option<Work>)) {
        // A panic elsewhere while this was locked leaves at worst a stale line.
        change(
            &mut self
                .work
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }
}

impl Work {
    fn describe(&self) -> String {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        match self.total {
            Some(total) => format!(
                "{}: {} of {} MB",
                self.what,
                megabytes(self.done),
                megabytes(total)
            ),
            None => format!("{}: {} MB", self.what, megabytes(self.done)),
        }
    }
}

fn bar(what: &str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
    };
    bar.enable_steady_tick(Duration::from_millis(120));
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(what.to_owned())
}

fn line(text: &str) {
    // Nobody reads a standard error that is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
