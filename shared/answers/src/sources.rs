//! Which of what was found a model is given.

use lambent_llm::{Prompt, estimated_tokens};
use lambent_schema::endpoints::{
    ask::{AskRequest, Source},
    search::Hit,
};

use crate::{
    SOURCES_BYTES,
    prompt::{prompt, section},
};

/// What is kept of the first source, in bytes, however little room there is.
const LEAST: usize = 256;

/// What a model can read and write.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many tokens it reads and writes together, where that is known.
    pub context_tokens: Option<u32>,
    /// The most tokens of its answer.
    pub max_output_tokens: u32,
}

/// What there is room for.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: usize,
    /// `None` for any number.
    tokens: Option<u64>,
}

impl Bounds {
    /// The room that is left beside question, history, instructions and the answer.
    fn room(self, request: &AskRequest) -> Room {
        let tokens = self.context_tokens.map(|context| {
            let context = u64::from(context);
            // An answer may be short of what it is allowed; without room for sources there is none.
            let answer = u64::from(self.max_output_tokens).min(context / 4);
            // Tokens are estimated, and what is not English has more.
            let margin = context / 8;
            context.saturating_sub(answer + margin + taken(&prompt(request, &[])))
        });
        Room {
            bytes: SOURCES_BYTES,
            tokens,
        }
    }
}

fn taken(prompt: &Prompt) -> u64 {
    let turns = prompt.turns.iter().map(|turn| turn.content.as_str());
    let texts = [prompt.system.as_str(), prompt.user.as_str()]
        .into_iter()
        .chain(turns);
    texts.map(estimated_tokens).sum()
}

impl Room {
    const NONE: Self = Self {
        bytes: 0,
        tokens: Some(0),
    };

    /// What is left beside a section, if there is room for it.
    fn beside(self, section: &str) -> Option<Self> {
        let bytes = self.bytes.checked_sub(section.len())?;
        let tokens = match self.tokens {
            Some(tokens) => Some(tokens.checked_sub(estimated_tokens(section))?),
            None => None,
        };
        Some(Self { bytes, tokens })
    }
}

/// The sources, in the order of the hits: as many as there is room for, and at least the first, cut if need be.
#[must_use]
pub fn sources(request: &AskRequest, hits: Vec<Hit>, bounds: Bounds) -> Vec<Source> {
    let mut room = bounds.room(request);
    let mut sources = Vec::new();
    for (n, hit) in (1..).zip(hits) {
        let mut source = source(n, hit);
        if n == 1 {
            cut(&mut source, room);
        }
        room = match room.beside(&section(&source)) {
            Some(left) => left,
            None if n == 1 => Room::NONE,
            None => break,
        };
        sources.push(source);
    }
    sources
}

fn source(n: u32, hit: Hit) -> Source {
    Source {
        n,
        document_id: hit.document_id,
        title: hit.title,
        chunk: hit.chunk,
        score: hit.score,
        text: hit.text,
    }
}

/// Cuts the source's text so that there is room for it.
fn cut(source: &mut Source, room: Room) {
    if room.beside(&section(source)).is_some() {
        return;
    }
    let text = std::mem::take(&mut source.text);
    let around = room.beside(&section(source)).unwrap_or(Room::NONE);
    let ends: Vec<usize> = text.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let fits = |end: &usize| {
        let piece = text.get(..*end).unwrap_or_default();
        *end <= LEAST || around.beside(piece).is_some()
    };
    let longest = ends.partition_point(fits);
    let end = longest.checked_sub(1).and_then(|last| ends.get(last));
    let piece = end.and_then(|end| text.get(..*end)).unwrap_or_default();
    // Not within a word, where words have ends.
    let whole = piece.rsplit_once(char::is_whitespace).map(|(words, _)| words);
    whole
        .filter(|words| words.len() * 2 > piece.len())
        .unwrap_or(piece)
        .clone_into(&mut source.text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const ANY: Bounds = Bounds {
        context_tokens: None,
        max_output_tokens: 1024,
    };
    /// What the local model has.
    const SMALL: Bounds = Bounds {
        context_tokens: Some(2048),
        ..ANY
    };

    fn hits(texts: &[String]) -> Vec<Hit> {
        let hit = |(chunk, text): (u32, &String)| Hit {
            score: 0.9,
            document_id: "handbook".to_owned(),
            title: "A title".to_owned(),
            metadata: Default::default(),
            chunk,
            start: 0,
            end: 1,
            text: text.clone(),
        };
        (0..).zip(texts).map(hit).collect()
    }

    fn given(texts: &[String], bounds: Bounds) -> Vec<Source> {
        sources(&testing::question("When?"), hits(texts), bounds)
    }

    fn size(sources: &[Source]) -> usize {
        sources.iter().map(|source| section(source).len()).sum()
    }

    #[test]
    fn sources_are_numbered_in_the_order_of_the_hits() {
        let texts = ["one", "two", "three"].map(str::to_owned);
        let given = given(&texts, ANY);
        let told: Vec<_> = given
            .iter()
            .map(|source| (source.n, source.chunk, source.text.as_str()))
            .collect();
        assert_eq!(told, [(1, 0, "one"), (2, 1, "two"), (3, 2, "three")]);
        assert!(sources(&testing::question("When?"), Vec::new(), ANY).is_empty());
    }

    #[test]
    fn twenty_chunks_of_the_usual_size_fit_and_never_more_bytes_than_are_reserved() {
        let usual = vec!["word ".repeat(200); 20];
        assert_eq!(given(&usual, ANY).len(), 20);
        for length in [1, 100, 1000, 5000, 16 * 1024, 30_000] {
            let given = given(&vec!["é".repeat(length / 2 + 1); 20], ANY);
            assert!(!given.is_empty() && size(&given) <= SOURCES_BYTES, "{length}");
        }
    }

    #[test]
    fn a_small_model_is_given_what_it_can_read() {
        let given = given(&vec!["word ".repeat(200); 20], SMALL);
        assert_eq!(given.len(), 4);
        let whole = taken(&prompt(&testing::question("When?"), &given));
        assert!(whole + 512 + 256 <= 2048, "{whole}");
    }

    #[test]
    fn history_takes_room_from_sources_and_the_first_is_there_all_the_same() {
        let mut request = testing::question("When?");
        let turn = |role| lambent_schema::endpoints::ask::Turn {
            role,
            content: "said before ".repeat(330),
        };
        use lambent_schema::endpoints::ask::Role::{Assistant, User};
        request.history = vec![turn(User), turn(Assistant)];
        let text = "These are words. ".repeat(60);
        let given = sources(&request, hits(&[text.clone(), text.clone()]), SMALL);
        assert_eq!(given.len(), 1);
        assert!(text.starts_with(&given[0].text) && given[0].text.len() <= LEAST);
        assert!(given[0].text.ends_with(|c: char| c.is_alphabetic() || c == '.'));
        let with_room = sources(&request, hits(std::slice::from_ref(&text)), ANY);
        assert_eq!(with_room[0].text, text);
    }

    #[test]
    fn a_first_source_that_is_too_long_is_cut_to_what_fits() {
        let without_spaces = format!("A title\n{}", "夜行列車".repeat(3000));
        for text in ["ä".repeat(16 * 1024), "wörter ".repeat(4000), without_spaces] {
            for bounds in [ANY, SMALL] {
                let given = given(&[text.clone(), "more".to_owned()], bounds);
                let first = &given[0];
                assert!(text.starts_with(&first.text) && first.text.len() < text.len());
                assert!(size(&given[..1]) <= SOURCES_BYTES);
                assert!(first.text.len() > 1000, "{}", first.text.len());
            }
        }
    }
}
