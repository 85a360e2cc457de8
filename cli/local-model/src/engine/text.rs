//! Tokens' bytes to text that may be shown: whole characters, and nothing of a stop text.

/// Collects bytes, releases text.
pub(crate) struct Text {
    stops: Vec<String>,
    /// Bytes of a character that is not complete.
    bytes: Vec<u8>,
    /// Text that may be the beginning of a stop text.
    held: String,
}

impl Text {
    /// Text that ends before the first of `stops`. Empty ones are ignored.
    pub(crate) fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        Self {
            stops,
            bytes: Vec::new(),
            held: String::new(),
        }
    }

    /// Takes a token's bytes; gives the text that may be shown now, and whether a stop text was reached.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> (String, bool) {
        self.bytes.extend_from_slice(bytes);
        self.decode();
        if let Some(at) = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min()
        {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let kept = self
            .stops
            .iter()
            .map(|stop| overlap(&self.held, stop))
            .max()
            .unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - kept);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What was held back, once nothing more comes.
    pub(crate) fn finish(&mut self) -> String {
        let cut = String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned();
        std::mem::take(&mut self.held) + &cut
    }

    /// Moves whole characters from the bytes to the text; bytes that can never become one are replaced.
    fn decode(&mut self) {
        loop {
            match std::str::from_utf8(&self.bytes) {
                Ok(text) => {
                    self.held.push_str(text);
                    self.bytes.clear();
                    return;
                }
                Err(error) => {
                    let valid: Vec<u8> = self.bytes.drain(..error.valid_up_to()).collect();
                    self.held.push_str(&String::from_utf8_lossy(&valid));
                    let Some(invalid) = error.error_len() else { return };
                    self.bytes.drain(..invalid);
                    self.held.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
    }
}

/// Length of the longest end of `text` that `stop` begins with.
fn overlap(text: &str, stop: &str) -> usize {
    let ends = stop.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
    ends.filter(|at| text.ends_with(&stop[..*at])).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_comes_out_whole() {
        let mut text = Text::new(Vec::new());
        assert_eq!(text.push(&[0xE2, 0x82]), (String::new(), false));
        assert_eq!(text.push(&[0xAC, b'!']), ("€!".to_owned(), false));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_do_not_block() {
        let mut text = Text::new(Vec::new());
        assert_eq!(text.push(&[b'a', 0xFF, b'b']).0, "a\u{FFFD}b");
        assert_eq!(text.push(&[0xE2]).0, "");
        assert_eq!(text.finish(), "\u{FFFD}");
    }

    #[test]
    fn a_stop_text_over_several_tokens_is_cut_out() {
        let mut text = Text::new(vec!["\nuser:".to_owned()]);
        assert_eq!(text.push(b"Hello\n"), ("Hello".to_owned(), false));
        assert_eq!(text.push(b"use"), (String::new(), false));
        assert_eq!(text.push(b"r: and"), (String::new(), true));
    }

    #[test]
    fn a_stop_text_that_does_not_come_is_given_back() {
        let mut text = Text::new(vec!["END".to_owned()]);
        assert_eq!(text.push(b"the EN"), ("the ".to_owned(), false));
        assert_eq!(text.push(b"TRY"), ("ENTRY".to_owned(), false));
        assert_eq!(text.push(b" E"), (" ".to_owned(), false));
        assert_eq!(text.finish(), "E");
    }

    #[test]
    fn the_earliest_of_several_stop_texts_counts() {
        let mut text = Text::new(vec!["b".to_owned(), "ab".to_owned(), String::new()]);
        assert_eq!(text.push(b"xabc"), ("x".to_owned(), true));
    }
}
