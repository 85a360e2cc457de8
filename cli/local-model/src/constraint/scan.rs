//! Where in a JSON text we are: just enough to tell strings from the rest, and to see a number run away.

/// Follows a JSON text byte by byte.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    in_string: bool,
    escaped: bool,
    number: usize,
}

impl Scan {
    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.step(byte);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            let closes = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_string = !closes;
        } else {
            self.in_string = byte == b'"';
            let numeric = matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
            self.number = if numeric { self.number + 1 } else { 0 };
        }
    }

    /// Between a string's quotes.
    pub(crate) fn in_string(&self) -> bool {
        self.in_string
    }

    /// Length of the number that is being written, in characters; 0 elsewhere.
    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Scan {
        let mut scan = Scan::default();
        scan.push(text.as_bytes());
        scan
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        assert!(after(r#"{"a":"b\""#).in_string());
        assert!(!after(r#"{"a":"b\\""#).in_string());
    }

    #[test]
    fn digits_in_a_string_are_not_a_number() {
        assert_eq!(after(r#"{"a":"123"#).number(), 0);
        assert_eq!(after(r#"{"a":-1.25"#).number(), 5);
        assert_eq!(after(r#"{"a":125,"#).number(), 0);
    }
}
