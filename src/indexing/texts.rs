//! Documents that come as text with a title, not as files: nothing is extracted, and the text is kept byte for byte.

use std::collections::BTreeMap;

use ibid_ingest::MediaType;
use sha2::{Digest, Sha256};

use super::chunking::Cutter;
use super::row::{blank, fill};
use super::{Indexer, IndexingError};
use crate::store::NewDocument;
use crate::types::{CollectionName, SourceStamp};

/// A document that comes as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextDocument {
    /// Its collection.
    pub collection: CollectionName,
    /// Its place in the collection, which is its identity.
    pub uri: String,
    /// Its title; the last part of the URI when it is blank, as a file has its name.
    pub title: String,
    /// Its text, which spans index as it is.
    pub text: String,
    /// What else is known of it.
    pub metadata: BTreeMap<String, String>,
}

impl Indexer {
    /// Cuts a document that comes as text and writes it in one transaction, in the place of what was there; the views follow
    /// as they do for files. Says how many chunks it has.
    ///
    /// # Errors
    /// [`IndexingError`]; then nothing is written.
    pub async fn put_text(&self, document: TextDocument) -> Result<usize, IndexingError> {
        let views = self.parts.generations.serving();
        let new = document.cut(&Cutter::of(&views)).await?;
        self.parts.store.ensure_collection(&new.collection, (self.parts.clock)()).await?;
        self.parts.store.put_document(&new, views.id, (self.parts.clock)()).await?;
        self.wake.notify_waiters();
        Ok(new.chunks.len())
    }
}

impl TextDocument {
    /// SHA-256 of title, metadata and text, as 64 hexadecimal digits: the stamp that its row has as its source.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        let fields = self.metadata.iter().flat_map(|(name, value)| [name, value]);
        for part in [&self.title].into_iter().chain(fields) {
            hasher.update(part);
            hasher.update([0]);
        }
        hasher.update(&self.text);
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The row with its chunks.
    pub(super) async fn cut(self, cutter: &Cutter) -> Result<NewDocument, IndexingError> {
        let source = SourceStamp { bytes: self.text.len() as u64, modified_ns: 0, sha256: self.sha256() };
        let mut new = blank(self.collection, &self.uri, source);
        let document = ibid_ingest::Document {
            title: Some(self.title),
            metadata: self.metadata,
            ..ibid_ingest::Document::of_text(MediaType::PlainText, self.text, Vec::new())
        };
        fill(&mut new, document, cutter).await?;
        Ok(new)
    }
}
