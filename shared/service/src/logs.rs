//! The log: lines of JSON on standard output, one a request. Never bodies, prompts or keys.

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// What is logged at most, whatever is asked for. The model client quotes answers; the Lambda runtime logs whole events, with keys and
/// bodies, at trace; the local database warns of every call that it refuses, also where a refusal is the answer that was asked for.
const AT_MOST: &[(&str, LevelFilter)] = &[
    ("genai", LevelFilter::OFF),
    ("dynoxide", LevelFilter::OFF),
    ("lambda_runtime", LevelFilter::INFO),
    ("lambda_http", LevelFilter::INFO),
];

/// Starts the log, as [`RUST_LOG`](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.Targets.html)
/// says (`info,aws_config=warn`), or from `info` on. A second call changes nothing.
///
/// A panic becomes a line too, with its place and without its message, which may quote a body.
pub fn init() {
    let layer = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter()))
        .try_init();
    log_panics();
}

/// Starts the log in a form for people at a terminal. A second call changes nothing.
pub fn init_for_people() {
    let layer = fmt::layer().compact().with_target(false);
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter()))
        .try_init();
    log_panics();
}

fn filter() -> Targets {
    filter_of(&std::env::var("RUST_LOG").unwrap_or_default())
}

/// What is asked for, from `info` on where nothing is, and never more than [`AT_MOST`] says.
fn filter_of(asked: &str) -> Targets {
    let info = Targets::new().with_default(LevelFilter::INFO);
    let targets = if asked.trim().is_empty() {
        info
    } else {
        asked.parse().unwrap_or(info)
    };
    AT_MOST.iter().fold(targets, |targets, (target, level)| {
        targets.with_target(*target, *level)
    })
}

fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn info_is_logged_unless_something_else_is_asked_for() {
        for asked in ["", " ", "not=a=filter"] {
            assert!(
                filter_of(asked).would_enable("lambent_service", &Level::INFO),
                "{asked:?}"
            );
            assert!(
                !filter_of(asked).would_enable("lambent_service", &Level::DEBUG),
                "{asked:?}"
            );
        }
        let asked = filter_of("warn,lambent_store=debug");
        assert!(!asked.would_enable("lambent_service", &Level::INFO));
        assert!(asked.would_enable("lambent_store", &Level::DEBUG));
    }

    #[test]
    fn the_model_client_is_never_logged() {
        assert!(!filter_of("trace").would_enable("lambda_runtime::layers::api_response", &Level::TRACE));
        for asked in ["", "trace", "genai=trace"] {
            assert!(
                !filter_of(asked).would_enable("genai", &Level::ERROR),
                "{asked:?}"
            );
            assert!(
                !filter_of(asked).would_enable("genai::webc", &Level::ERROR),
                "{asked:?}"
            );
        }
    }
}
