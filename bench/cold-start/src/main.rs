//! Starts functions cold, behind a Runtime API, many times, and prints what that takes as a table in Markdown.
//!
//! A run is a new process and one event of `events/`: the time until the process asks for its first event (init), and the time
//! until the last byte of its answer is here, both from the start of the process. The database (dynoxide) and the model (the
//! tests' upstream, which answers at once) are in this process, reached over loopback in plain text or through TLS. Subjects take
//! turns, so that a busy moment of the machine meets all of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints its results")]

mod cloud;
mod quota;
mod subject;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Parser;

use cloud::Cloud;
use quota::Quota;
use subject::{Run, Subject};

/// Measures cold starts.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with the functions' binaries, `hello` among them.
    #[arg(long)]
    functions: PathBuf,
    /// The Python that has `bench/fastapi/requirements.txt`; without it FastAPI is left out.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The Lambda Web Adapter's binary; without it that way of running FastAPI is left out.
    #[arg(long)]
    adapter: Option<PathBuf>,
    /// Cold starts of each subject under each condition.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Prints what the subjects print.
    #[arg(long)]
    verbose: bool,
    /// The share of a CPU under which the second half of the table is measured.
    #[arg(long, default_value_t = 0.15)]
    share: f64,
}

/// Under what a subject is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Condition {
    is_throttled: bool,
    is_tls: bool,
}

const CONDITIONS: [Condition; 4] = [
    Condition {
        is_throttled: false,
        is_tls: false,
    },
    Condition {
        is_throttled: false,
        is_tls: true,
    },
    Condition {
        is_throttled: true,
        is_tls: false,
    },
    Condition {
        is_throttled: true,
        is_tls: true,
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let cloud = Cloud::start().await?;
    let subjects = subject::all(&arguments)?;
    let quota = match Quota::new(arguments.share) {
        Ok(quota) => Some(quota),
        Err(error) => {
            eprintln!("not throttled: a CPU quota cannot be set here: {error:#}");
            None
        }
    };
    let mut results = vec![CONDITIONS.map(|_| Vec::<Run>::new()); subjects.len()];
    for round in 0..arguments.runs {
        eprintln!("round {} of {}", round + 1, arguments.runs);
        for (subject, results) in subjects.iter().zip(&mut results) {
            for (condition, results) in CONDITIONS.iter().zip(results) {
                let quota = condition.is_throttled.then_some(&quota);
                if matches!(quota, Some(None)) {
                    continue;
                }
                let run = subject
                    .run(&cloud, quota.and_then(Option::as_ref), condition.is_tls)
                    .await;
                results.push(run.with_context(|| format!("{} ({condition:?})", subject.name))?);
            }
        }
    }
    print(&arguments, &subjects, &results);
    Ok(())
}

fn print(arguments: &Arguments, subjects: &[Subject], results: &[[Vec<Run>; 4]]) {
    let share = arguments.share;
    println!(
        "| | package, MB | init | answered | over TLS | RSS, MB | init, {share} CPU | answered | over TLS |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    for (subject, results) in subjects.iter().zip(results) {
        let [plain, tls, slow, slow_tls] = results;
        let package = subject
            .package_bytes()
            .map_or_else(String::new, |bytes| format!("{:.2}", mega(bytes)));
        println!(
            "| {} | {package} | {} | **{}** | {} | {} | {} | **{}** | {} |",
            subject.name,
            milliseconds(plain, |run| run.init),
            milliseconds(plain, |run| run.answered),
            milliseconds(tls, |run| run.answered),
            median(plain.iter().map(|run| mega(run.rss_bytes)))
                .map_or_else(String::new, |mb| format!("{mb:.1}")),
            milliseconds(slow, |run| run.init),
            milliseconds(slow, |run| run.answered),
            milliseconds(slow_tls, |run| run.answered),
        );
    }
    println!(
        "\nMilliseconds from the start of the process, medians of {} cold starts; {}.",
        arguments.runs,
        std::env::consts::ARCH
    );
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and processes")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn milliseconds(runs: &[Run], of: impl Fn(&Run) -> Duration) -> String {
    let median = median(runs.iter().map(|run| of(run).as_secs_f64() * 1e3));
    median.map_or_else(
        || "–".to_owned(),
        |ms| {
            if ms < 100.0 {
                format!("{ms:.1}")
            } else {
                format!("{ms:.0}")
            }
        },
    )
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
