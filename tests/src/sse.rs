//! Reading event streams, strictly: what is not a field, a comment or a blank line is an error.

use serde_json::Value;

/// What an event stream held.
#[derive(Debug, Default)]
pub struct Events {
    /// Events in order: name, data.
    pub events: Vec<(String, Value)>,
    /// How many comments there were.
    pub comments: usize,
}

impl Events {
    /// Parses a whole body.
    ///
    /// # Panics
    /// If it is not a well-formed stream of named events with JSON data.
    #[must_use]
    pub fn parse(body: &str) -> Self {
        assert!(body.ends_with("\n\n"), "the last event is complete: {body:?}");
        let mut parsed = Self::default();
        for block in body.split_terminator("\n\n") {
            if block.starts_with(':') {
                parsed.comments += 1;
                continue;
            }
            let (event, data) = block.split_once('\n').expect("two lines");
            let name = event.strip_prefix("event: ").expect("an event's name").to_owned();
            let data = data.strip_prefix("data: ").expect("an event's data");
            parsed
                .events
                .push((name, serde_json::from_str(data).expect("JSON data")));
        }
        parsed
    }

    /// The text of all deltas.
    #[must_use]
    pub fn text(&self) -> String {
        self.of("delta")
            .filter_map(|data| data["text"].as_str())
            .collect()
    }

    /// The data of the events of this name.
    pub fn of(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .filter(move |(event, _)| event == name)
            .map(|(_, data)| data)
    }

    /// The one terminal event, which comes last: name, data.
    ///
    /// # Panics
    /// If there is none, more than one, or something after it.
    #[must_use]
    pub fn terminal(&self) -> (&str, &Value) {
        let terminal = self
            .events
            .iter()
            .filter(|(name, _)| name == "done" || name == "error")
            .count();
        assert_eq!(terminal, 1, "exactly one terminal event: {:?}", self.events);
        let (name, data) = self.events.last().expect("events");
        assert!(name != "delta", "the terminal event is the last one");
        (name, data)
    }
}
