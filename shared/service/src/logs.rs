//! The log: lines of JSON on standard output, one a request. Never bodies, prompts or keys.

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// What is logged at most, whatever is asked for, of all targets whose names begin so. The model client quotes answers; the Lambda runtime
/// logs whole events, with keys and bodies, at trace, and the AWS SDK the bodies of its requests and what they are signed by; the local
/// database warns of every call that it refuses, also where a refusal is the answer that was asked for.
const AT_MOST: &[(&str, LevelFilter)] = &[
    ("genai", LevelFilter::OFF),
    ("dynoxide", LevelFilter::OFF),
    ("lambda_runtime", LevelFilter::INFO),
    ("lambda_http", LevelFilter::INFO),
    ("aws_runtime", LevelFilter::INFO),
    ("aws_sdk", LevelFilter::INFO),
    ("aws_sigv4", LevelFilter::INFO),
    ("aws_smithy", LevelFilter::INFO),
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
    let asked = if asked.trim().is_empty() {
        info
    } else {
        asked.parse().unwrap_or(info)
    };
    // Of several directives for a target the longest counts, so that the longer ones are capped too.
    let capped: Vec<_> = asked
        .iter()
        .map(|(target, level)| (target.to_owned(), level.min(at_most(target))))
        .collect();
    let caps = AT_MOST.iter().filter(|(target, most)| {
        let most = most.into_level();
        most.is_none_or(|most| asked.would_enable(target, &most))
    });
    let caps: Vec<_> = caps.map(|(target, most)| ((*target).to_owned(), *most)).collect();
    asked.with_targets(capped).with_targets(caps)
}

/// The most that is logged of this target.
fn at_most(target: &str) -> LevelFilter {
    let caps = AT_MOST.iter().filter(|(prefix, _)| target.starts_with(prefix));
    caps.map(|(_, most)| *most).min().unwrap_or(LevelFilter::TRACE)
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

    #[test]
    fn bodies_of_requests_are_never_logged_however_long_the_name_is_that_asks_for_them() {
        for target in [
            "aws_smithy_runtime::client::orchestrator",
            "aws_smithy_runtime_api::client::interceptors",
            "aws_runtime::auth::sigv4",
            "aws_sigv4::http_request::sign",
            "lambda_runtime::layers::api_response",
        ] {
            for asked in [
                "trace".to_owned(),
                format!("{target}=trace"),
                format!("info,{target}=debug"),
            ] {
                let filter = filter_of(&asked);
                assert!(!filter.would_enable(target, &Level::DEBUG), "{asked}");
                assert!(filter.would_enable(target, &Level::INFO), "{asked}");
            }
        }
        assert!(!filter_of("genai::webc=trace").would_enable("genai::webc", &Level::ERROR));
    }

    #[test]
    fn a_cap_raises_nothing() {
        for asked in [
            "off",
            "warn",
            "info,aws_smithy_runtime=error",
            "info,lambda_runtime=off",
        ] {
            let filter = filter_of(asked);
            let target = if asked.contains("lambda") {
                "lambda_runtime"
            } else {
                "aws_smithy_runtime"
            };
            assert!(!filter.would_enable(target, &Level::INFO), "{asked}");
        }
        assert!(filter_of("info,aws_config=debug").would_enable("aws_config::meta", &Level::DEBUG));
    }
}
