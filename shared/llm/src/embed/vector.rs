//! Vectors, all of one width.

use lambent_schema::Usage;
pub use lambent_schema::endpoints::documents::EMBEDDING_DIMENSIONS;

/// A text's place among all texts: [`EMBEDDING_DIMENSIONS`] finite numbers, of length one.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

/// Numbers that are no embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// There are more of them than an embedding has.
    #[error("there are {found} numbers, at most {EMBEDDING_DIMENSIONS} are kept")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// One of them is infinite, or none at all.
    #[error("a number is not finite")]
    NotFinite,
    /// All of them are zero, or there are none: that points nowhere.
    #[error("all numbers are zero")]
    Zero,
}

impl Embedding {
    /// These numbers, brought to length one and filled up with zeros, which leaves cosines as they are.
    ///
    /// # Errors
    /// See [`EmbeddingError`].
    pub fn normalized(mut numbers: Vec<f32>) -> Result<Self, EmbeddingError> {
        if numbers.len() > EMBEDDING_DIMENSIONS {
            return Err(EmbeddingError::TooMany { found: numbers.len() });
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(EmbeddingError::NotFinite);
        }
        // In 64 bits: the square of a large one does not fit 32, and that of a small one is zero there.
        let squares = numbers.iter().map(|number| f64::from(*number).powi(2));
        let length = squares.sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(EmbeddingError::Zero);
        }
        for number in &mut numbers {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most one, and as exact as it came"
            )]
            let scaled = (f64::from(*number) / length) as f32;
            *number = scaled;
        }
        numbers.resize(EMBEDDING_DIMENSIONS, 0.0);
        Ok(Self(numbers))
    }

    /// Its numbers.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Its numbers, to keep.
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        self.0
    }

    /// How near another one is: the cosine of the angle between them, 1 for the same, from -1 to 1.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        let products = self.0.iter().zip(&other.0).map(|(a, b)| a * b);
        products.sum::<f32>().clamp(-1.0, 1.0)
    }
}

/// The embeddings of some texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// In the texts' order, one for each.
    pub vectors: Vec<Embedding>,
    /// Tokens read, as the provider counts them; counted here where it does not say (Gemini). None are written.
    pub usage: Usage,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(embedding: &Embedding) -> f64 {
        let squares = embedding.as_slice().iter().map(|n| f64::from(*n).powi(2));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn numbers_are_brought_to_length_one_and_filled_up() {
        let embedding = Embedding::normalized(vec![3.0, -4.0]).unwrap();
        assert_eq!(embedding.as_slice()[..3], [0.6, -0.8, 0.0]);
        assert_eq!(embedding.into_vec().len(), EMBEDDING_DIMENSIONS);
        for extreme in [f32::MAX, f32::MIN_POSITIVE, 1e-44] {
            let embedding = Embedding::normalized(vec![extreme; EMBEDDING_DIMENSIONS]).unwrap();
            assert!((length(&embedding) - 1.0).abs() < 1e-5, "{extreme}");
        }
    }

    #[test]
    fn what_is_no_embedding_is_told() {
        let of = |numbers: &[f32]| Embedding::normalized(numbers.to_vec()).unwrap_err();
        assert_eq!(of(&[1.0; 513]), EmbeddingError::TooMany { found: 513 });
        assert_eq!(of(&[1.0, f32::NAN]), EmbeddingError::NotFinite);
        assert_eq!(of(&[f32::INFINITY]), EmbeddingError::NotFinite);
        assert_eq!(of(&[0.0; 512]), EmbeddingError::Zero);
        assert_eq!(of(&[]), EmbeddingError::Zero);
    }

    #[test]
    fn zeros_leave_cosines_as_they_are() {
        let of = |numbers: [f32; 2]| Embedding::normalized(numbers.to_vec()).unwrap();
        assert!((of([1.0, 0.0]).cosine(&of([1.0, 1.0])) - 0.5f32.sqrt()).abs() < 1e-6);
        assert!((of([1.0, 2.0]).cosine(&of([-1.0, -2.0])) + 1.0).abs() < 1e-6);
    }
}
