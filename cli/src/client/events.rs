//! Reading server-sent events as they come, as [the standard has them](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//!
//! Lines may end with LF or CRLF; the lone CR that the standard allows too is not looked for, because nobody sends it. Ids and
//! retries are for reconnecting, which an answer cannot: they are skipped.

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// Its data, of all its `data:` lines.
    pub(crate) data: String,
}

/// Takes bytes in any pieces, and gives events once they are whole.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    name: String,
    data: Option<String>,
}

impl Parser {
    /// The events that these bytes complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                events.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        events
    }

    /// The event that ends with this line, if one does.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => self.name = value.to_owned(),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", data) => *data = Some(value.to_owned()),
            // A comment, or a field that is not for us.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nevent: delta\ndata: {\"text\": \"21:40 in Lisboã\"}\n\nid: 7\r\nevent: done\r\ndata: a\r\ndata:b\r\n\r\nevent: cut off\ndata: x\n";

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_are_the_same_in_whatever_pieces_they_come() {
        let expected = [
            event("delta", "{\"text\": \"21:40 in Lisboã\"}"),
            event("done", "a\nb"),
        ];
        for size in 1..=STREAM.len() {
            let mut parser = Parser::default();
            let events: Vec<_> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| parser.push(piece))
                .collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn comments_and_blank_lines_alone_are_no_events() {
        assert_eq!(Parser::default().push(b":\n\n: still here\n\n\nevent: x\n\n"), []);
    }
}
