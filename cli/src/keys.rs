//! `lambent keys`, as it is typed and as it answers.

use std::{io::Write as _, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use lambent::key_table::{Keys, KeysError};
use lambent_callers::{LimitError, parse_budget, parse_rate};
use lambent_schema::Scope;
use lambent_store::callers::{KeyRecord, Limits, Rate};
use time::{OffsetDateTime, macros::format_description};

use crate::welcome::say;

/// Makes, lists, rotates and revokes API keys: in the table that LAMBENT_CALLERS_TABLE names, or in the database of `lambent dev`.
#[derive(Debug, Args)]
pub(crate) struct KeysCommand {
    #[command(subcommand)]
    name: Name,
    /// The folder for the local database's data.
    #[arg(long, default_value = ".lambent", global = true)]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Name {
    /// Makes a key, and shows it, once, on standard output.
    Create(Create),
    /// Shows all keys, without their secrets.
    List,
    /// Makes a key void, at once and for good.
    Revoke {
        /// The key's id, as `list` shows it: what stands between `sk_` and the next `_`. For the bearer of tokens, the caller as
        /// the request log has it: `token:<issuer> <subject>`.
        id: String,
    },
    /// Gives a key a new secret, and shows it, once. The one before stays valid for a while.
    Rotate {
        /// The key's id, as `list` shows it.
        id: String,
        /// How long the secret before stays valid: 90s, 15m, 24h, 7d.
        #[arg(long, default_value = "24h", value_parser = duration)]
        keep_old: Duration,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// What the key is for, in your words.
    #[arg(long)]
    name: String,
    /// What it may; several are possible.
    #[arg(long, required = true, value_delimiter = ',', value_parser = Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())]
    scope: Vec<String>,
    /// How often: 60/min, 10/s, 1000/day.
    #[arg(long, default_value = "60/min", value_parser = |text: &str| parse_rate(text, 1))]
    rate: Rate,
    /// Requests at once after a time of silence.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    burst: u32,
    /// What it may spend: 5.00/month; without it there is no bound.
    #[arg(long, value_parser = budget)]
    budget: Option<u64>,
    /// Requests that spend and may be under way at once, up to 200.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    concurrency: u32,
    /// The most tokens that a model may write for one of its answers.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    max_output_tokens: Option<u32>,
}

fn budget(text: &str) -> Result<u64, LimitError> {
    parse_budget(text)
}

fn duration(text: &str) -> Result<Duration, String> {
    let malformed = || "expected a number and s, m, h or d: 90s, 15m, 24h, 7d".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(malformed)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(malformed()),
    };
    let number: u64 = number.parse().map_err(|_| malformed())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(malformed)
}

pub(crate) async fn run(command: KeysCommand) -> Result<(), KeysError> {
    let keys = Keys::open(&command.data).await?;
    match command.name {
        Name::Create(create) => {
            let limits = Limits {
                rate: Rate {
                    burst: create.burst,
                    ..create.rate
                },
                budget: create.budget,
                concurrency: create.concurrency,
                max_output_tokens: create.max_output_tokens,
            };
            let key = keys.create(&create.name, create.scope, limits).await?;
            say("This is the key. It is not kept here and cannot be shown again:");
            show(&key.reveal());
        }
        Name::List => {
            for line in table(&keys.list().await?) {
                show(&line);
            }
        }
        Name::Revoke { id } => {
            keys.revoke(&id).await?;
            say(&format!("{id} is revoked."));
        }
        Name::Rotate { id, keep_old } => {
            let key = keys.rotate(&id, keep_old).await?;
            say("This is the key with its new secret. It is not kept here and cannot be shown again:");
            show(&key.reveal());
        }
    }
    Ok(())
}

fn table(keys: &[KeyRecord]) -> Vec<String> {
    let row = |cells: [&str; 7]| {
        let [id, name, scopes, rate, budget, made, state] = cells;
        format!("{id:<18} {name:<20} {scopes:<12} {rate:<18} {budget:<22} {made:<11} {state}")
            .trim_end()
            .to_owned()
    };
    let mut rows = vec![row(["ID", "NAME", "SCOPES", "RATE", "BUDGET LEFT", "MADE", ""])];
    for key in keys {
        let rate = key.limits.rate;
        let rate = format!("1 in {} ms, burst {}", rate.interval_ms, rate.burst);
        let budget = match (key.limits.budget, key.remaining) {
            (Some(budget), Some(left)) => format!("${} of ${}", dollars(left), dollars(budget)),
            _ => "no bound".to_owned(),
        };
        let state = match (key.revoked_at_ms, key.old_secret_until_ms) {
            (Some(at), _) => format!("revoked {}", day(at)),
            (None, Some(until)) => format!("old secret until {}", day(until)),
            (None, None) => String::new(),
        };
        rows.push(row([
            &key.id,
            &key.name,
            &key.scopes.join(","),
            &rate,
            &budget,
            &day(key.created_at_ms),
            &state,
        ]));
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "budgets are far from where it begins")]
fn dollars(micro_dollars: impl TryInto<i64>) -> String {
    format!("{:.2}", micro_dollars.try_into().unwrap_or(i64::MAX) as f64 / 1e6)
}

fn day(ms: u64) -> String {
    i64::try_from(ms / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(format_description!("[year]-[month]-[day]")).ok())
        .unwrap_or_default()
}

/// Standard output is for what others read: a key, a table.
fn show(line: &str) {
    // Nobody can be told if standard output is gone.
    let _ = writeln!(std::io::stdout(), "{line}");
}
