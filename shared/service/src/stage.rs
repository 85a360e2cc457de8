//! The stages of a request, and how long each took: in its record, and for its caller in `Server-Timing`
//! ([W3C](https://www.w3.org/TR/server-timing/)).

use std::{collections::BTreeMap, time::Duration};

use http::HeaderValue;

/// A stage of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The decision over the caller.
    Auth,
    /// The embedding of a text.
    Embed,
    /// The search for what is near to it.
    Search,
    /// The model, to the end of its answer.
    Model,
    /// What is made of the answer.
    Parse,
    /// The writing of the record. Not in it, since it cannot know.
    Log,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Embed => "embed",
            Self::Search => "search",
            Self::Model => "model",
            Self::Parse => "parse",
            Self::Log => "log",
        }
    }
}

/// How long the stages of a request took so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stages(BTreeMap<Stage, Duration>);

impl Stages {
    /// A stage that comes more than once takes the sum.
    pub(crate) fn add(&mut self, stage: Stage, took: Duration) {
        *self.0.entry(stage).or_default() += took;
    }

    /// In microseconds, for the record.
    pub(crate) fn microseconds(&self) -> BTreeMap<String, u64> {
        let microseconds = |took: &Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let stages = self.0.iter();
        stages
            .map(|(stage, took)| (stage.as_str().to_owned(), microseconds(took)))
            .collect()
    }

    /// In milliseconds, for the caller.
    pub(crate) fn milliseconds(&self) -> BTreeMap<String, f64> {
        let stages = self.0.iter();
        stages
            .map(|(stage, took)| (stage.as_str().to_owned(), took.as_micros() as f64 / 1000.0))
            .collect()
    }

    /// The value of `Server-Timing`; `None` where there are none.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let stages = self.0.iter();
        let parts: Vec<String> = stages
            .map(|(stage, took)| format!("{};dur={:.3}", stage.as_str(), took.as_micros() as f64 / 1000.0))
            .collect();
        let value = HeaderValue::try_from(parts.join(", ")).ok();
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_in_their_order_and_what_comes_twice_is_added_up() {
        let mut stages = Stages::default();
        assert_eq!(stages.header(), None);
        stages.add(Stage::Model, Duration::from_micros(812_004));
        stages.add(Stage::Auth, Duration::from_micros(4_100));
        stages.add(Stage::Model, Duration::from_millis(1));
        let expected = "auth;dur=4.100, model;dur=813.004";
        assert_eq!(stages.header().unwrap(), expected);
        assert_eq!(stages.microseconds()["model"], 813_004);
        assert_eq!(stages.milliseconds()["auth"], 4.1);
    }
}
