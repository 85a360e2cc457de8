//! Finding the chunks that are nearest to an embedding.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::SearchResultItem;
use futures::future::try_join_all;
use serde::Deserialize;

use super::filters::{Found, Slot};
use super::item::{document_key, finds, read_document};
use super::{BY_VECTOR, Document, Documents, Embedding, MAX_TOP_K, Metadata, Position, SLICES, patient};
use crate::expression::Expression;
use crate::item::from_item;
use crate::{CallerId, StoreError};

const SEARCH: &str = "search in documents";
/// As many as DynamoDB finds in a call; there are no further pages.
const MAX_FOUND: usize = 100;

/// What to find.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// What the chunks are to be near to.
    pub embedding: &'a Embedding,
    /// The model that it is of. What others have embedded is not found.
    pub embedding_model: &'a str,
    /// How many of them, [`MAX_TOP_K`] at most; more are not given.
    pub top_k: usize,
    /// What their documents' metadata has to say, all of it. Empty for anything.
    pub filter: &'a Metadata,
    /// The least score, 0.0 for any.
    pub min_score: f64,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The document's id.
    pub document_id: String,
    /// What it is called.
    pub title: String,
    /// What is said of it.
    pub metadata: Metadata,
    /// Where in it the chunk is.
    pub position: Position,
    /// The chunk's text.
    pub text: String,
    /// How near it is: 1.0 in the same direction, 0.5 at a right angle, 0.0 in the opposite one.
    pub score: f64,
}

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// As many as this, at once.
    Nearest(usize),
    /// [`MAX_FOUND`] of each slice.
    EachSlice,
}

/// A chunk of whatever version.
#[derive(Deserialize)]
struct Candidate {
    document_id: String,
    version: String,
    #[serde(flatten)]
    position: Position,
    text: String,
    #[serde(skip)]
    score: f64,
}

/// What a look gave.
struct Looked {
    /// Those that are near enough.
    candidates: Vec<Candidate>,
    /// Whether there are no others that are.
    are_all: bool,
}

/// What of it is visible.
struct Seen {
    hits: Vec<Hit>,
    has_replaced: bool,
    /// Chunks that another model has embedded.
    are_of_others: usize,
    are_all: bool,
}

impl Documents {
    /// The chunks of a caller's documents that are nearest, the nearest first. Each document's are of one version, the one that was
    /// visible when it was found; what was published or deleted before is. See [`super`] for how far it looks.
    ///
    /// # Errors
    /// The table could not be read, or holds a document that this version does not know.
    pub async fn search(&self, caller: &CallerId, search: &Search<'_>) -> Result<Vec<Hit>, StoreError> {
        let top_k = search.top_k.min(MAX_TOP_K);
        if top_k == 0 {
            return Ok(Vec::new());
        }
        let Found::With(slots) = self.found(caller, search.filter).await? else {
            return Ok(Vec::new());
        };
        let (mut hits, mut are_of_others) = (Vec::new(), 0);
        let mut has_looked_again = false;
        for depth in depths(top_k) {
            let mut seen = self.see(caller, search, &slots, depth).await?;
            if seen.has_replaced && !has_looked_again {
                // Perhaps what replaced it was not there yet. Now it is.
                seen = self.see(caller, search, &slots, depth).await?;
                has_looked_again = true;
            }
            hits = seen.hits;
            are_of_others = seen.are_of_others;
            if hits.len() >= top_k || seen.are_all {
                break;
            }
        }
        if are_of_others > 0 {
            tracing::warn!(
                chunks = are_of_others,
                model = search.embedding_model,
                "a search left out what another model has embedded: put these documents again"
            );
        }
        hits.truncate(top_k);
        Ok(hits)
    }

    async fn see(
        &self,
        caller: &CallerId,
        search: &Search<'_>,
        slots: &[Slot],
        depth: Depth,
    ) -> Result<Seen, StoreError> {
        let looked = self.look(caller, search, slots, depth).await?;
        self.visible(caller, search, looked).await
    }

    async fn look(
        &self,
        caller: &CallerId,
        search: &Search<'_>,
        slots: &[Slot],
        depth: Depth,
    ) -> Result<Looked, StoreError> {
        let (limit, slices) = match depth {
            Depth::Nearest(limit) => (limit, vec![None]),
            Depth::EachSlice => (MAX_FOUND, (0..SLICES).map(Some).collect()),
        };
        let looks = slices
            .into_iter()
            .map(|slice| self.find(search.embedding, among(caller, slots, slice), limit));
        let mut looked = Looked {
            candidates: Vec::new(),
            are_all: true,
        };
        for found in try_join_all(looks).await? {
            let count = found.len();
            let near = found
                .into_iter()
                .filter(|candidate| candidate.score >= search.min_score);
            let before = looked.candidates.len();
            looked.candidates.extend(near);
            looked.are_all &= count < limit || looked.candidates.len() - before < count;
        }
        Ok(looked)
    }

    async fn find(
        &self,
        embedding: &Embedding,
        among: Expression,
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        let found = self
            .client
            .search_vectors()
            .table_name(&self.table)
            .index_name(BY_VECTOR)
            .set_search_vector(Some(embedding.attributes()))
            .search_condition_expression(among.condition())
            .set_expression_attribute_names(Some(among.names))
            .set_expression_attribute_values(Some(among.values))
            .top_k(i32::try_from(limit).unwrap_or(i32::MAX))
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| StoreError::call(SEARCH, error))?;
        let results = found.search_results.unwrap_or_default();
        results.into_iter().map(candidate).collect()
    }

    /// Those of versions that are visible, of the search's model, and of documents that the filter finds; the nearest first.
    async fn visible(
        &self,
        caller: &CallerId,
        search: &Search<'_>,
        looked: Looked,
    ) -> Result<Seen, StoreError> {
        let ids: BTreeSet<_> = (looked.candidates)
            .iter()
            .map(|found| found.document_id.as_str())
            .collect();
        let keys = ids.into_iter().map(|id| document_key(caller, id)).collect();
        let mut documents = HashMap::new();
        for item in self.read_all(keys, &[], SEARCH).await? {
            if let Some(document) = read_document(Some(item), SEARCH)? {
                documents.insert(document.id.clone(), document);
            }
        }
        let mut seen = Seen {
            hits: Vec::new(),
            has_replaced: false,
            are_of_others: 0,
            are_all: looked.are_all,
        };
        for found in looked.candidates {
            let Some(document) = documents.get(&found.document_id) else {
                continue;
            };
            seen.has_replaced |= document.version > found.version;
            if document.version != found.version {
                continue;
            }
            if document.embedding_model != search.embedding_model {
                seen.are_of_others += 1;
            } else if has(document, search.filter) {
                seen.hits.push(hit(document, found));
            }
        }
        seen.hits.sort_by(nearer);
        Ok(seen)
    }
}

/// A look that gives enough as long as no more is invisible than visible; all that can be had at once; all that can be had.
fn depths(top_k: usize) -> Vec<Depth> {
    let mut depths = vec![
        Depth::Nearest((2 * top_k).min(MAX_FOUND)),
        Depth::Nearest(MAX_FOUND),
        Depth::EachSlice,
    ];
    depths.dedup();
    depths
}

/// The part of the index to look in: a caller's, always.
fn among(caller: &CallerId, slots: &[Slot], slice: Option<u32>) -> Expression {
    let mut among = Expression::default();
    let mut equal = |name: &str, value: &str| {
        let (name, value) = (among.name(name), among.text(name, value));
        among.require(format!("{name} = {value}"));
    };
    equal("caller", caller.as_str());
    for (name, value) in slots {
        equal(name, value);
    }
    if let Some(slice) = slice {
        equal("slice", &slice.to_string());
    }
    among
}

fn candidate(found: SearchResultItem) -> Result<Candidate, StoreError> {
    let candidate: Candidate =
        from_item(found.item.unwrap_or_default()).map_err(|error| StoreError::item(SEARCH, error))?;
    Ok(Candidate {
        score: score(found.score),
        ..candidate
    })
}

/// Of a cosine distance: 0 in the same direction, 2 in the opposite one.
fn score(distance: f64) -> f64 {
    (1.0 - distance / 2.0).clamp(0.0, 1.0)
}

fn has(document: &Document, filter: &Metadata) -> bool {
    filter.iter().all(|(name, wanted)| {
        let value = document.metadata.get(name);
        value.is_some_and(|value| finds(wanted, value))
    })
}

fn hit(document: &Document, found: Candidate) -> Hit {
    Hit {
        document_id: found.document_id,
        title: document.title.clone(),
        metadata: document.metadata.clone(),
        position: found.position,
        text: found.text,
        score: found.score,
    }
}

/// The order of hits, always the same.
fn nearer(one: &Hit, other: &Hit) -> std::cmp::Ordering {
    let place = |hit: &Hit| (hit.document_id.clone(), hit.position.number);
    other
        .score
        .total_cmp(&one.score)
        .then_with(|| place(one).cmp(&place(other)))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[test]
    fn distances_are_scores_from_0_to_1() {
        for (distance, expected) in [(0.0, 1.0), (1.0, 0.5), (2.0, 0.0), (-1e-9, 1.0), (2.0001, 0.0)] {
            assert_eq!(score(distance), expected, "{distance}");
        }
    }

    #[test]
    fn it_looks_further_in_at_most_three_steps() {
        use Depth::{EachSlice, Nearest};
        assert_eq!(depths(5), [Nearest(10), Nearest(100), EachSlice]);
        assert_eq!(depths(50), [Nearest(100), EachSlice]);
    }

    #[test]
    fn nothing_is_looked_for_but_among_a_caller_s() {
        let slots = [("filter_3".to_owned(), "00000001".to_owned())];
        let among = among(&CallerId::for_operator("alice"), &slots, Some(7));
        assert_eq!(
            among.condition(),
            "#caller = :caller AND #filter_3 = :filter_3 AND #slice = :slice"
        );
        let caller = AttributeValue::S("alice".to_owned());
        assert_eq!(among.values[":caller"], caller);
    }
}
