//! Identifiers and offsets, each a type of its own so that none stands in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The name of a collection: 1 to 64 characters of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct CollectionName(String);

/// A name or an identifier that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidName {
    /// The collection name breaks the rule.
    #[error(
        "collection name {0:?} is not 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' or '-' that begin with a letter or digit"
    )]
    Collection(String),
    /// The document id is not 32 hexadecimal digits.
    #[error("document id {0:?} is not 32 hexadecimal digits")]
    Document(String),
    /// The chunk id is not a number.
    #[error("chunk id {0:?} is not a positive number")]
    Chunk(String),
    /// The citation id is not `cit_` and 24 hexadecimal digits.
    #[error("citation id {0:?} is not cit_ and 24 hexadecimal digits")]
    Citation(String),
    /// The ingest id is not a UUID.
    #[error("ingest id {0:?} is not a UUID")]
    Ingest(String),
}

impl CollectionName {
    /// The collection that commands use when none is named.
    pub fn default_name() -> Self {
        Self("default".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CollectionName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if starts_well && name.len() <= 64 && name.chars().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName::Collection(name.chars().take(80).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for CollectionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A document's identity: the first 16 bytes of SHA-256 over its collection and URI, so that the same place in the
/// same collection is the same document on every machine and after every restart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    /// The identity of the document at `uri` in `collection`.
    pub fn of(collection: &CollectionName, uri: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(collection.as_str());
        hasher.update([0]);
        hasher.update(uri);
        let digest = hasher.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The identity from its stored bytes, if there are 16 of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentId({self})")
    }
}

impl FromStr for DocumentId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidName::Document(text.chars().take(80).collect());
        if text.len() != 32 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut id = [0; 16];
        for (place, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(id))
    }
}

impl Serialize for DocumentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocumentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A chunk's identity: a number that the store hands out once and never again. Its text form is `c` and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub u64);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl FromStr for ChunkId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('c').and_then(|digits| digits.parse().ok());
        number.map(Self).ok_or_else(|| InvalidName::Chunk(text.chars().take(80).collect()))
    }
}

impl Serialize for ChunkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChunkId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A citation's identity: `cit_` and the first 24 hexadecimal digits of SHA-256 over its run, its number and the start of its
/// sentence, so that the same answer has the same citations however often it is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CitationId(String);

impl CitationId {
    /// The identity of the citation of passage `n` by the sentence that begins at `start`.
    pub fn of(run_id: &str, n: usize, start: Utf16Offset) -> Self {
        let digest = Sha256::digest(format!("{run_id}\0{n}\0{}", start.0));
        let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("cit_{digits}"))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CitationId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("cit_") {
            Some(digits) if digits.len() == 24 && digits.bytes().all(is_digit) => Ok(Self(text.to_owned())),
            _ => Err(InvalidName::Citation(text.chars().take(80).collect())),
        }
    }
}

impl<'de> Deserialize<'de> for CitationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Identifiers are text on every wire.
macro_rules! text_schema {
    ($($name:ident),*) => {$(
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <String as utoipa::PartialSchema>::schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

text_schema!(DocumentId, ChunkId, CitationId);

/// The fingerprint of an embedding model: vectors of two fingerprints never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(pub String);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of the text that was embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextHash(pub [u8; 32]);

impl TextHash {
    /// The hash of `text`.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The hash from its stored bytes, if there are 32 of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A place in the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// An offset in UTF-16 code units, the unit of strings in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Utf16Offset(pub usize);

impl Utf16Offset {
    /// How many UTF-16 code units `text` takes.
    pub fn len_of(text: &str) -> Self {
        Self(text.encode_utf16().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_id_survives_its_text_form() {
        let id = DocumentId::of(&CollectionName::default_name(), "docs/한글.md");
        assert_eq!(id.to_string().parse::<DocumentId>().unwrap(), id);
        assert!("zz".parse::<DocumentId>().is_err());
    }

    #[test]
    fn a_citation_id_depends_on_run_number_and_place_and_survives_its_text_form() {
        let id = CitationId::of("run", 1, Utf16Offset(7));
        assert_eq!(id.to_string().parse::<CitationId>().unwrap(), id);
        for other in [CitationId::of("run2", 1, Utf16Offset(7)), CitationId::of("run", 17, Utf16Offset(7))] {
            assert_ne!(other, id);
        }
        for bad in ["", "cit_", "cit_00", "cit_0000000000000000000000zz", "c000000000000000000000000"] {
            assert!(bad.parse::<CitationId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn collection_names_are_checked() {
        assert!("notes-2026.v1".parse::<CollectionName>().is_ok());
        for bad in ["", "-a", "a b", "a/b", "한글", &"a".repeat(65)] {
            assert!(bad.parse::<CollectionName>().is_err(), "{bad}");
        }
    }
}
