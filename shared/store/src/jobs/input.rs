//! What a job works on: a text, in as many items as it takes.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::future::try_join_all;

use super::{Jobs, MAX_PART_BYTES, TABLE};
use crate::StoreError;
use crate::error::ItemError;
use crate::item::Item;

const READ: &str = "read a job's input";
const FORGET: &str = "forget a job's input";
const INPUT: &str = "input";
const PARTS: &str = "parts";

impl Jobs {
    /// What a job works on. `None` once it is forgotten.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn input(&self, id: &str) -> Result<Option<String>, StoreError> {
        let Some(first) = self.item(part_id(id, 0), READ).await? else {
            return Ok(None);
        };
        let further = (1..parts(&first)).map(|part| self.item(part_id(id, part), READ));
        let mut input = String::new();
        for item in [Some(first)].into_iter().chain(try_join_all(further).await?) {
            match item.and_then(|mut item| item.remove(INPUT)) {
                Some(AttributeValue::S(part)) => input += &part,
                Some(_) => return Err(StoreError::item(READ, ItemError::UnknownAttributeType)),
                // It is being forgotten.
                None => return Ok(None),
            }
        }
        Ok(Some(input))
    }

    /// Deletes what a job works on, which nobody needs once it has ended.
    ///
    /// # Errors
    /// The database does not answer, or refuses. What is left is then deleted when it expires.
    pub async fn forget_input(&self, id: &str) -> Result<(), StoreError> {
        let first = self.forget(part_id(id, 0)).await?;
        let further = (1..first.as_ref().map_or(0, parts)).map(|part| self.forget(part_id(id, part)));
        try_join_all(further).await?;
        Ok(())
    }

    /// Deletes an item, and gives it.
    async fn forget(&self, id: String) -> Result<Option<Item>, StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(id))
            .return_values(ReturnValue::AllOld);
        let deleted = delete
            .send()
            .await
            .map_err(|error| StoreError::call(FORGET, error))?;
        Ok(deleted.attributes)
    }
}

/// The items that an input is kept in, the first one first, without when they expire. One, as long as it fits.
pub(super) fn items(id: &str, input: &str) -> Vec<Item> {
    let parts = cut(input, MAX_PART_BYTES);
    let count = parts.len();
    let item = |(part, text): (usize, &str)| {
        let mut item = Item::from([
            (
                TABLE.key.partition.name.to_owned(),
                AttributeValue::S(part_id(id, part)),
            ),
            (INPUT.to_owned(), AttributeValue::S(text.to_owned())),
        ]);
        if part == 0 && count > 1 {
            item.insert(PARTS.to_owned(), AttributeValue::N(count.to_string()));
        }
        item
    };
    parts.into_iter().enumerate().map(item).collect()
}

fn part_id(id: &str, part: usize) -> String {
    match part {
        0 => format!("input#{id}"),
        part => format!("input#{id}#{part}"),
    }
}

/// Into how many items the input is cut whose first this is.
fn parts(first: &Item) -> usize {
    let parts = first.get(PARTS).and_then(|parts| parts.as_n().ok());
    parts.and_then(|parts| parts.parse().ok()).unwrap_or(1)
}

/// The text in pieces of at most so many bytes, cut between characters; one, if it is empty.
fn cut(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(most));
        pieces.push(piece);
        if after.is_empty() {
            return pieces;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_nothing_is_lost() {
        assert_eq!(cut("", 4), [""]);
        assert_eq!(cut("abcd", 4), ["abcd"]);
        assert_eq!(cut("abcdé", 5), ["abcd", "é"]);
        assert_eq!(cut("ééé", 5), ["éé", "é"]);
    }
}
