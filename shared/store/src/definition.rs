//! A table's keys as data: what creates the table and what checks the deployed one both read it.

/// A table: its keys, its indexes, the attribute that lets items expire and whether it has a stream. Billing is on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableDefinition {
    /// What the table is called here; a deployment adds its own prefix.
    pub name: &'static str,
    /// The primary key.
    pub key: Key,
    /// Global secondary indexes.
    pub indexes: &'static [Index],
    /// The vector index, if there is one.
    pub vector: Option<VectorIndex>,
    /// The attribute, in seconds since 1970, after which DynamoDB deletes the item.
    pub ttl_attribute: Option<&'static str>,
    /// Whether it has a stream, of new images.
    pub stream: bool,
}

/// A global secondary index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The index's name.
    pub name: &'static str,
    /// The index's key.
    pub key: Key,
    /// What the index holds besides the keys.
    pub projection: Projection,
}

/// A vector index: what finds the items whose vectors are nearest, by their cosine distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorIndex {
    /// The index's name.
    pub name: &'static str,
    /// The attribute that holds an item's vector, a list of numbers. Items without it are not in the index.
    pub attribute: &'static str,
    /// How many numbers a vector has.
    pub dimensions: u16,
    /// What every search has to name a value of, and sees no other values' items: `HASH`. Items without it are not in the index.
    pub hash: Attribute,
    /// What a search may name values of, besides: `INLINE_FILTER`, 18 at most.
    pub filters: &'static [Attribute],
    /// What the index holds besides the keys, `hash` and `filters`. With the vector and the filters, 20 attributes at most.
    pub projection: Projection,
}

/// What an index holds of an item: its own key and the table's, and this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Every attribute.
    All,
    /// Nothing else.
    KeysOnly,
    /// These attributes: 20 at most, and no more than 100 over a table's indexes.
    Include(&'static [&'static str]),
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The partition key, which CloudFormation calls `HASH`.
    pub partition: Attribute,
    /// The sort key, which CloudFormation calls `RANGE`, if there is one.
    pub sort: Option<Attribute>,
}

/// An attribute that is part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute's name.
    pub name: &'static str,
    /// The attribute's type.
    pub kind: AttributeKind,
}

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeKind {
    /// DynamoDB's `S`.
    String,
    /// DynamoDB's `N`.
    Number,
}

impl Attribute {
    /// A key attribute of type `S`.
    pub const fn string(name: &'static str) -> Self {
        Self {
            name,
            kind: AttributeKind::String,
        }
    }

    /// A key attribute of type `N`.
    pub const fn number(name: &'static str) -> Self {
        Self {
            name,
            kind: AttributeKind::Number,
        }
    }
}

impl AttributeKind {
    /// The type as DynamoDB and CloudFormation write it: `S` or `N`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::String => "S",
            Self::Number => "N",
        }
    }
}

impl TableDefinition {
    /// Every attribute that is part of a key, or that a search names, each once, the table's own first.
    pub fn key_attributes(&self) -> Vec<Attribute> {
        let keys = std::iter::once(&self.key).chain(self.indexes.iter().map(|index| &index.key));
        let searched = self
            .vector
            .iter()
            .flat_map(|index| std::iter::once(&index.hash).chain(index.filters));
        let mut attributes = Vec::new();
        for attribute in keys
            .flat_map(|key| std::iter::once(key.partition).chain(key.sort))
            .chain(searched.copied())
        {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        attributes
    }
}
