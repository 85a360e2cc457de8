use super::*;
use crate::testing;

const TRAIN: &str = "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and arrives at \
    Chamartin at 8:10. Sleeping cars are booked with the national railways.";
const PRICES: &str =
    "A bed in a sleeping car costs 59 euros. Seats cost 29 euros. Bicycles travel free of charge.";

fn told(text: &str) -> (String, Vec<(u32, String)>, u32) {
    let verified = verified(text, &testing::sources(&[TRAIN, PRICES]), "When does it leave?");
    // Those of an answer that nothing of was found are not from what it says.
    let citations = (verified.citations.into_iter()).filter(|citation| citation.basis != Basis::Nearest);
    (
        verified.text,
        citations.map(|citation| (citation.n, citation.quote)).collect(),
        verified.invented,
    )
}

fn cited(text: &str) -> Vec<(u32, String)> {
    told(text).1
}

fn at(n: u32, quote: &str) -> (u32, String) {
    (n, quote.to_owned())
}

const LEAVES: &str = "It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10.";

#[test]
fn a_mark_is_a_citation_of_the_sentence_that_says_so() {
    let answer = "A bed costs 59 euros [2]. The train leaves at 21:40 [1] and bicycles are free [2].";
    let expected = [
        at(1, LEAVES),
        at(2, "A bed in a sleeping car costs 59 euros."),
        at(2, "Bicycles travel free of charge."),
    ];
    assert_eq!(cited(answer), expected);
}

#[test]
fn marks_may_be_joined_repeated_and_after_the_full_stop() {
    let expected = [
        at(1, "Sleeping cars are booked with the national railways."),
        at(2, "A bed in a sleeping car costs 59 euros."),
    ];
    for answer in [
        "A bed in sleeping cars is booked for 59 euros [1, 2].",
        "A bed in sleeping cars is booked for 59 euros [2][1][1].",
        "A bed in sleeping cars is booked for 59 euros. [1] [2]",
        "A bed in sleeping cars is booked for 59 euros.\n\n[1-2]",
    ] {
        assert_eq!(cited(answer), expected, "{answer}");
    }
}

#[test]
fn one_place_is_one_citation() {
    assert_eq!(
        cited("It leaves at 21:40 [1]. It arrives at 8:10 [1]."),
        [at(1, LEAVES)]
    );
}

#[test]
fn what_two_sentences_say_is_quoted_whole() {
    let answer = "It returns after twelve years, and leaves Santa Apolonia at 21:40 [1].";
    let quote = "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and arrives at \
        Chamartin at 8:10.";
    assert_eq!(cited(answer), [at(1, quote)]);
}

#[test]
fn a_sentence_in_other_words_is_cited_by_the_question() {
    assert_eq!(cited("Yes [1]."), [at(1, LEAVES)]);
    assert_eq!(cited("Um nove e quarenta [1]."), [at(1, LEAVES)]);
}

#[test]
fn invented_marks_are_dropped_and_counted() {
    let (text, citations, invented) = told("It leaves at 21:40 [1, 5]. Dogs are free [0][3].");
    assert_eq!(text, "It leaves at 21:40 [1]. Dogs are free.");
    assert_eq!((citations, invented), (vec![at(1, LEAVES)], 3));
}

/// What holds the threshold where it is: sentences that the sources say, more or less in their words, and sentences that they do not.
#[test]
fn unmarked_sentences_are_attributed_if_a_source_says_them() {
    for from_source in [
        LEAVES,
        "The night train leaves Santa Apolonia at 21:40.",
        "At 21:40.",
        "It is booked with the national railways.",
        "It arrives at 8:10 at Chamartin station.",
        "Bicycles are free of charge.",
    ] {
        assert_eq!(cited(from_source).len(), 1, "{from_source}");
    }
    assert_eq!(
        cited("Seats cost 29 euros.\nThe sun is warm."),
        [at(2, "Seats cost 29 euros.")]
    );
    for from_nowhere in [
        "",
        "I don't know.",
        "I'm sorry, but I can't help with that question.",
        "The sources do not say when the train leaves.",
        "The night train leaves at 22:15.",
        "The night train from Lisbon to Madrid returns after 20 years.",
        "The train station was built by a famous architect.",
        "Beds are more comfortable than seats on long journeys by night.",
        "Lisbon is the capital of Portugal.",
        "The loopback model has nothing to say about this.",
        "1. 2. 3.",
    ] {
        assert_eq!(cited(from_nowhere), [], "{from_nowhere}");
    }
}

#[test]
fn where_nothing_of_an_answer_is_found_the_places_nearest_to_the_question_are_cited() {
    let sources = testing::sources(&[TRAIN, PRICES, TRAIN]);
    let nearest = verified(
        "I don't know.",
        &sources,
        "Where does it leave, and what costs a bed?",
    );
    assert!(!nearest.grounded);
    let cited: Vec<_> = (nearest.citations.iter())
        .map(|citation| (citation.n, citation.quote.as_str(), citation.basis))
        .collect();
    assert_eq!(
        cited,
        [
            (1, LEAVES, Basis::Nearest),
            (2, "A bed in a sleeping car costs 59 euros.", Basis::Nearest)
        ]
    );
    let named = verified("It leaves at 21:40 [1].", &sources, "When does it leave?");
    assert!(
        named.grounded
            && named
                .citations
                .iter()
                .all(|citation| citation.basis == Basis::Named)
    );
}

#[test]
fn an_answer_from_elsewhere_has_the_nearest_places_after_its_own() {
    let sources = testing::sources(&[PRICES, TRAIN]);
    let cited = |answer, question| -> Vec<_> {
        let citations = verified(answer, &sources, question).citations;
        citations
            .into_iter()
            .map(|citation| (citation.n, citation.basis))
            .collect()
    };
    // Named at random: no word of it stands there.
    let named = cited(
        "Everybody should be very happy [1].",
        "When does the train leave Apolonia?",
    );
    assert_eq!(named, [(1, Basis::Named), (2, Basis::Nearest)]);
    // Copied from where nobody asked.
    let matched = cited(
        "A bed in a sleeping car costs 59 euros.",
        "When does the train leave Apolonia?",
    );
    assert_eq!(matched, [(1, Basis::Matched), (2, Basis::Nearest)]);
    // Of what it says, in words that nobody asked with.
    let said = cited("Bicycles travel free [1].", "When does the train leave Apolonia?");
    assert_eq!(said, [(1, Basis::Named)]);
}

#[test]
fn without_sources_nothing_is_cited() {
    let verified = verified("It leaves at 21:40 [1].", &[], "When?");
    assert_eq!(
        (verified.text.as_str(), verified.invented),
        ("It leaves at 21:40.", 1)
    );
    assert_eq!(verified.citations, []);
}

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn text(&mut self, pieces: usize) -> String {
        const PIECES: &[&str] = &[
            "train",
            "leaves ",
            " 21:40",
            ". ",
            ".",
            "\n",
            "\n\n",
            "[1]",
            "[2",
            "]",
            "[",
            "[1, 9]",
            "[3-7]",
            " ",
            "  ",
            "é",
            "夜行列車",
            "。",
            "기차",
            "\u{301}",
            "- ",
            "# ",
            "\"",
            "”",
            "!",
            "…",
            "[0]",
            "ﷺ",
            "\u{1f682}",
            "1. ",
            "ẞ",
            "Sleeping cars",
        ];
        (0..self.below(pieces))
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect()
    }
}

#[test]
fn whatever_is_answered_every_quote_stands_in_its_source_and_every_mark_names_one() {
    let mut numbers = Numbers(42);
    let mut quotes = 0;
    for _ in 0..20_000 {
        let texts: Vec<String> = (0..numbers.below(4)).map(|_| numbers.text(30)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let sources = testing::sources(&texts);
        let (answer, question) = (numbers.text(30), numbers.text(5));
        let verified = verified(&answer, &sources, &question);
        let mut seen = BTreeSet::new();
        for citation in &verified.citations {
            let source = &sources[citation.n as usize - 1];
            assert!(
                source.text.contains(&citation.quote),
                "{answer:?} {sources:?} {citation:?}"
            );
            assert!(!citation.quote.trim().is_empty());
            assert_eq!(
                (&source.document_id, source.chunk),
                (&citation.document_id, citation.chunk)
            );
            assert!(seen.insert((citation.n, &citation.quote)), "once");
            quotes += 1;
        }
        assert!(
            verified
                .citations
                .is_sorted_by_key(|citation| (citation.basis == Basis::Nearest, citation.n))
        );
        let named = marks::all(&verified.text);
        let mut named = named.iter().flat_map(|(_, named)| named);
        assert!(
            named.all(|n| (1..=sources.len()).contains(&(*n as usize))),
            "{answer:?}"
        );
        let again = super::verified(&verified.text, &sources, &question);
        assert_eq!((again.invented, again.text), (0, verified.text));
    }
    assert!(quotes > 5000, "{quotes}");
}
