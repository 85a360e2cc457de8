//! How well questions find what answers them: ranks, and what they come to.

use lambent_schema::endpoints::search::Hit;
use serde::Deserialize;

/// A question whose answer is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The question.
    pub(crate) question: String,
    /// The document that answers it.
    pub(crate) document_id: String,
    /// What stands in the passage that does. White space and capitals do not matter.
    pub(crate) contains: String,
}

impl Question {
    /// Whether this passage answers it.
    pub(crate) fn is_answered_by(&self, document_id: &str, text: &str) -> bool {
        document_id == self.document_id && even(text).contains(&even(&self.contains))
    }

    /// The place of the first hit that does, from 1.
    pub(crate) fn rank(&self, hits: &[Hit]) -> Option<usize> {
        hits.iter()
            .position(|hit| self.is_answered_by(&hit.document_id, &hit.text))
            .map(|place| place + 1)
    }
}

/// Texts are wrapped at different places.
fn even(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The part of these questions whose passage is at most at this place.
pub(crate) fn hit_at(place: usize, ranks: &[Option<usize>]) -> f64 {
    let hits = ranks.iter().flatten().filter(|rank| **rank <= place);
    part(hits.count() as f64, ranks.len())
}

/// The mean of the ranks' reciprocals (MRR): 1 if every passage is the first, 0 if none is found.
pub(crate) fn mean_reciprocal(ranks: &[Option<usize>]) -> f64 {
    let sum = ranks.iter().flatten().map(|rank| 1.0 / *rank as f64).sum();
    part(sum, ranks.len())
}

/// This many of so many; of none, none.
pub(crate) fn part(count: f64, of: usize) -> f64 {
    count / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_to_rates() {
        let ranks = [Some(1), Some(2), None, Some(5)];
        assert_eq!(hit_at(1, &ranks), 0.25);
        assert_eq!(hit_at(5, &ranks), 0.75);
        assert!((mean_reciprocal(&ranks) - 1.7 / 4.0).abs() < 1e-9);
        assert_eq!((hit_at(5, &[]), mean_reciprocal(&[])), (0.0, 0.0));
    }

    #[test]
    fn the_right_words_in_the_wrong_document_are_no_hit() {
        let hit = |document_id: &str, text: &str| Hit {
            score: 0.9,
            document_id: document_id.to_owned(),
            title: String::new(),
            metadata: Default::default(),
            chunk: 0,
            start: 0,
            end: 0,
            text: text.to_owned(),
        };
        let question = Question {
            question: "When?".to_owned(),
            document_id: "trains".to_owned(),
            contains: "leaves Santa Apolonia at 21:40".to_owned(),
        };
        let hits = [
            hit("planes", "It leaves Santa Apolonia at 21:40."),
            hit("trains", "It arrives at 8:10."),
            hit("trains", "It leaves\nSanta  APOLONIA at 21:40."),
        ];
        assert_eq!(question.rank(&hits), Some(3));
        assert_eq!(question.rank(&hits[..2]), None);
    }
}
