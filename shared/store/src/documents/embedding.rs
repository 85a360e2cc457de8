//! What is searched by.

use aws_sdk_dynamodb::types::AttributeValue;
use lambent_schema::endpoints::documents::EMBEDDING_DIMENSIONS;

/// How many numbers an embedding has, everywhere.
pub const DIMENSIONS: u16 = 512;

const _: () = assert!(DIMENSIONS as usize == EMBEDDING_DIMENSIONS);

/// A text as numbers: [`DIMENSIONS`] of them, all finite. Only their direction counts. Zeros alone have none, and are as far from
/// everything as what is at a right angle.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

/// Numbers that are no embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEmbedding {
    /// Too few, or too many.
    #[error("an embedding has {DIMENSIONS} numbers, not {0}")]
    Length(usize),
    /// The one at this place, counted from 0, is not a number, or too large.
    #[error("number {0} is not finite")]
    NotFinite(usize),
}

impl Embedding {
    /// Takes the numbers if they are one.
    ///
    /// # Errors
    /// They are not [`DIMENSIONS`], or not all finite.
    pub fn new(numbers: Vec<f32>) -> Result<Self, NotAnEmbedding> {
        if numbers.len() != usize::from(DIMENSIONS) {
            return Err(NotAnEmbedding::Length(numbers.len()));
        }
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(place) => Err(NotAnEmbedding::NotFinite(place)),
            None => Ok(Self(numbers)),
        }
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// The numbers as DynamoDB takes them, with as many digits as it takes to read the same ones back.
    pub(super) fn attributes(&self) -> Vec<AttributeValue> {
        let text = |number: &f32| AttributeValue::N((number + 0.0).to_string()); // no -0
        self.0.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(place: usize, number: f32) -> Result<Embedding, NotAnEmbedding> {
        let mut numbers = vec![0.5; 512];
        numbers[place] = number;
        Embedding::new(numbers)
    }

    #[test]
    fn only_512_finite_numbers_are_an_embedding() {
        for length in [0, 511, 513] {
            let numbers = vec![0.5; length];
            assert_eq!(Embedding::new(numbers), Err(NotAnEmbedding::Length(length)));
        }
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(with(500, number), Err(NotAnEmbedding::NotFinite(500)));
        }
        assert!(with(0, f32::MAX).is_ok());
    }

    #[test]
    fn numbers_are_written_so_that_the_same_are_read_back() {
        for number in [0.1, 1.0 / 3.0, f32::MAX, f32::MIN_POSITIVE, -1e-45] {
            let attributes = with(1, number).unwrap().attributes();
            let text = attributes[1].as_n().unwrap();
            assert_eq!(text.parse::<f32>().unwrap(), number);
            assert!(!text.contains(['e', 'E']), "{text}");
        }
        assert_eq!(with(1, -0.0).unwrap().attributes()[1].as_n().unwrap(), "0");
    }
}
