//! Which places an answer is from.
//!
//! A model says which source a sentence is from, at most. Which words of it is found here, by comparing words: the quote is cut out of
//! the source, so that it stands there word for word whatever the model wrote. That it says what the answer says is likely, not proven.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use lambent_schema::endpoints::ask::{Basis, Citation, Source};

use crate::{
    marks,
    words::{is_number, sentences, words},
};

/// How many words more of a sentence's a neighbour must have to be part of its quote.
const WORTH_QUOTING: usize = 2;
/// How many places are cited beside those of an answer that may not be from where it should be.
const NEAREST: usize = 2;
/// How many of a sentence's words have to stand in the source that it names, for the name to be taken for more than a guess.
const SAID: usize = 2;

/// An answer whose citations hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The text, without marks of sources that there are not.
    pub text: String,
    /// Where it is from, in the order of the sources; then where it should be from, if that is somewhere else.
    pub citations: Vec<Citation>,
    /// Whether one of them is of what it says.
    pub grounded: bool,
    /// How many sources were named that there are not.
    pub invented: u32,
}

/// Verifies what a model answered from these sources, which are numbered from 1, to this question.
///
/// Each mark of a source makes a citation: of the place there that shares most words with the sentence that has the mark. Where no mark
/// holds, since small models make none, sentences are attributed to the place that they are most likely from, if it is likely at all. Unless
/// a mark does hold, the places of the first sources that share most words with the question are cited after those: there the reader finds
/// what was asked.
#[must_use]
pub fn verified(text: &str, sources: &[Source], question: &str) -> Verified {
    let known = u32::try_from(sources.len()).unwrap_or(u32::MAX);
    let (text, invented) = marks::without(text, known);
    let text = text.trim();
    let claims = claims(text);
    let named: BTreeSet<u32> = claims
        .iter()
        .flat_map(|claim| claim.sources.iter().copied())
        .collect();
    let asked = words(question);
    let compared = sources
        .iter()
        .filter(|source| named.is_empty() || named.contains(&source.n));
    let passages: Vec<Passage<'_>> = compared.map(Passage::of).collect();
    let mut found: Vec<Place<'_>> = if named.is_empty() {
        let attributed = |claim| attributed(claim, &passages, &asked);
        claims.iter().filter_map(attributed).collect()
    } else {
        let marked = |claim| marked(claim, &passages, &asked);
        claims.iter().flat_map(marked).collect()
    };
    let grounded = !found.is_empty();
    let nearest: Vec<Passage<'_>>;
    let question = Claim::of(&asked);
    if !is_said(&found) {
        let cited: BTreeSet<u32> = found.iter().map(|place| place.n).collect();
        let first = sources.iter().take(NEAREST);
        let first = first.filter(|source| !cited.contains(&source.n));
        nearest = first.map(Passage::of).collect();
        let place = |passage| Passage::place(passage, &question, &asked, Basis::Nearest);
        found.extend(nearest.iter().filter_map(place));
    }
    // Stable: within a source they stay in the answer's order.
    found.sort_by_key(|place| (place.basis == Basis::Nearest, place.n));
    let mut seen = BTreeSet::new();
    found.retain(|place| seen.insert((place.n, place.quote.text)));
    let numbered: BTreeMap<u32, &Source> = (1..).zip(sources).collect();
    let citations = found
        .into_iter()
        .filter_map(|place| Some(citation(numbered.get(&place.n)?, place.quote.text, place.basis)))
        .collect();
    Verified {
        text: text.to_owned(),
        citations,
        grounded,
        invented,
    }
}

fn citation(source: &Source, quote: &str, basis: Basis) -> Citation {
    Citation {
        n: source.n,
        document_id: source.document_id.clone(),
        chunk: source.chunk,
        quote: quote.to_owned(),
        basis,
    }
}

/// A sentence of an answer.
struct Claim {
    words: BTreeSet<String>,
    /// The sources that it names, by number.
    sources: BTreeSet<u32>,
}

impl Claim {
    /// What is asked, as if it were said.
    fn of(words: &BTreeSet<String>) -> Self {
        Self {
            words: words.clone(),
            sources: BTreeSet::new(),
        }
    }
}

/// The sentences of an answer. A mark that stands alone belongs to the sentence before.
fn claims(text: &str) -> Vec<Claim> {
    let marks = marks::all(text);
    let mut claims: Vec<Claim> = Vec::new();
    for sentence in sentences(text) {
        let within: Vec<_> = marks
            .iter()
            .filter(|(range, _)| sentence.contains(&range.start))
            .collect();
        let sources = within.iter().flat_map(|(_, numbers)| numbers).copied();
        let words = unmarked(text, &sentence, within.iter().map(|(range, _)| range));
        match claims.last_mut() {
            Some(before) if words.is_empty() => before.sources.extend(sources),
            _ => claims.push(Claim {
                sources: sources.collect(),
                words,
            }),
        }
    }
    claims
}

/// The words of a sentence, without its marks, whose numbers are none.
fn unmarked<'a>(
    text: &str,
    sentence: &Range<usize>,
    marks: impl Iterator<Item = &'a Range<usize>>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut from = sentence.start;
    for mark in marks {
        found.extend(words(text.get(from..mark.start).unwrap_or_default()));
        from = mark.end;
    }
    found.extend(words(text.get(from..sentence.end).unwrap_or_default()));
    found
}

/// A source, sentence by sentence.
struct Passage<'a> {
    n: u32,
    text: &'a str,
    sentences: Vec<(Range<usize>, BTreeSet<String>)>,
}

/// A place that is cited.
struct Place<'a> {
    n: u32,
    quote: Quote<'a>,
    basis: Basis,
}

/// Whether a model has named a place that says what it says. Small models name none, or any, and copy sentences that were not asked for.
fn is_said(found: &[Place<'_>]) -> bool {
    let is_said = |place: &Place<'_>| place.basis == Basis::Named && place.quote.shared.len() >= SAID;
    found.iter().any(is_said)
}

/// Words of a source.
struct Quote<'a> {
    text: &'a str,
    /// The claim's words that stand there.
    shared: BTreeSet<&'a str>,
}

impl<'a> Passage<'a> {
    fn of(source: &'a Source) -> Self {
        let text = source.text.as_str();
        let sentences = sentences(text).into_iter();
        let sentences = sentences.map(|range| (range.clone(), words(text.get(range).unwrap_or_default())));
        Self {
            n: source.n,
            text,
            sentences: sentences.collect(),
        }
    }

    /// The place in it that a claim is most likely from.
    fn place<'b>(&'b self, claim: &'b Claim, question: &BTreeSet<String>, basis: Basis) -> Option<Place<'b>> {
        let quote = self.quote(claim, question)?;
        Some(Place {
            n: self.n,
            quote,
            basis,
        })
    }

    /// The sentence that shares most words with a claim, and of those the one that shares most with the question; with the one before and
    /// the one after it, where these have more of the claim.
    fn quote<'b>(&'b self, claim: &'b Claim, question: &BTreeSet<String>) -> Option<Quote<'b>> {
        let shared = |place: usize| -> BTreeSet<&'b str> {
            let of_sentence = self.sentences.get(place).map(|(_, words)| words);
            let shared = of_sentence.map(|words| words.intersection(&claim.words));
            shared.into_iter().flatten().map(String::as_str).collect()
        };
        let asked = |place: usize| {
            let of_sentence = self.sentences.get(place).map(|(_, words)| words);
            of_sentence.map_or(0, |words| words.intersection(question).count())
        };
        // Of equals the last is the greatest, and the first is meant.
        let places = (0..self.sentences.len()).rev();
        let best = places.max_by_key(|place| (shared(*place).len(), asked(*place)))?;
        let mut quoted = best..best;
        let mut words = shared(best);
        for side in [best.checked_sub(1), best.checked_add(1)].into_iter().flatten() {
            let of_side = shared(side);
            if of_side.difference(&words).count() >= WORTH_QUOTING {
                words.extend(of_side);
                quoted = quoted.start.min(side)..quoted.end.max(side);
            }
        }
        let (first, last) = (self.sentences.get(quoted.start)?, self.sentences.get(quoted.end)?);
        Some(Quote {
            text: self.text.get(first.0.start..last.0.end)?,
            shared: words,
        })
    }
}

/// The places that a claim's marks name.
fn marked<'b>(claim: &'b Claim, passages: &'b [Passage<'b>], question: &BTreeSet<String>) -> Vec<Place<'b>> {
    let named = passages
        .iter()
        .filter(|passage| claim.sources.contains(&passage.n));
    named
        .filter_map(|passage| passage.place(claim, question, Basis::Named))
        .collect()
}

/// The place that a claim without a mark is most likely from, of equal ones the nearest; `None` where none is likely.
fn attributed<'b>(
    claim: &'b Claim,
    passages: &'b [Passage<'b>],
    question: &BTreeSet<String>,
) -> Option<Place<'b>> {
    let places = passages
        .iter()
        .rev()
        .filter_map(|passage| passage.place(claim, question, Basis::Matched));
    let place = places.max_by_key(|place| place.quote.shared.len())?;
    is_likely(claim, &place.quote).then_some(place)
}

/// Whether a claim is from a place: that has at least two of its words, three fifths of them, and all its numbers.
fn is_likely(claim: &Claim, quote: &Quote<'_>) -> bool {
    let shared = quote.shared.len();
    let has_number = |word: &String| !is_number(word) || quote.shared.contains(word.as_str());
    shared >= 2 && shared * 5 >= claim.words.len() * 3 && claim.words.iter().all(has_number)
}

#[cfg(test)]
#[path = "citations_tests.rs"]
mod tests;
