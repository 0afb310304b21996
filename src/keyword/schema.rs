//! The fields of the index, and the file that says which version wrote it.

use std::fs;
use std::path::Path;

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, SchemaBuilder, TextFieldIndexing, TextOptions};

use super::terms::{LAST_CHARACTERS, WORDS, with_language};
use super::{KeywordEntry, KeywordError};
use crate::analysis::{ANALYSIS_VERSION, Language, has_runs};

/// Changes whenever the fields or their meaning do.
const SCHEMA_VERSION: u32 = 2;
const VERSION_FILE: &str = "ibid-version";

/// A text of a chunk: two fields, because the number of terms in a field is the length that BM25 goes by, and last
/// characters in it cost 0.2 points of nDCG@10 on JSQuAD.
#[derive(Debug, Clone, Copy)]
pub(super) struct WordField {
    /// Its terms.
    pub(super) terms: Field,
    /// The last characters of its runs, at the positions that they have among the terms.
    pub(super) last: Field,
}

/// The fields of a chunk.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The chunk's number, to give back.
    pub(super) chunk: Field,
    /// The document's bytes, to delete by.
    pub(super) document: Field,
    /// The document's facets, to filter by.
    pub(super) facet: Field,
    /// The code of the language whose stems the chunk has.
    pub(super) language: Field,
    /// The chunk's words.
    pub(super) body: WordField,
    /// The headings above it.
    pub(super) heading: WordField,
    /// The document's title.
    pub(super) title: WordField,
}

/// The name of the field of chunk numbers.
pub(super) const CHUNK: &str = "chunk";

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        let exact = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::Basic);
        let exact = TextOptions::default().set_indexing_options(exact.set_fieldnorms(false));
        let chunk = schema.add_u64_field(CHUNK, FAST);
        let document = schema.add_bytes_field("document", INDEXED);
        let facet = schema.add_text_field("facet", exact.clone());
        let language = schema.add_text_field("language", exact);
        let body = WordField::new(&mut schema, "body");
        let heading = WordField::new(&mut schema, "heading");
        let title = WordField::new(&mut schema, "title");
        Self { schema: schema.build(), chunk, document, facet, language, body, heading, title }
    }

    pub(super) fn document(&self, entry: &KeywordEntry) -> TantivyDocument {
        let language = entry.language.unwrap_or(Language::English);
        let mut document = TantivyDocument::new();
        document.add_u64(self.chunk, entry.chunk.0);
        document.add_bytes(self.document, entry.document.as_bytes());
        entry.facets.iter().for_each(|facet| document.add_text(self.facet, facet));
        document.add_text(self.language, language.code());
        self.body.add_to(&mut document, language, &entry.text);
        self.heading.add_to(&mut document, language, &entry.heading_path.join("\u{2029}"));
        self.title.add_to(&mut document, language, &entry.title);
        document
    }
}

impl WordField {
    fn new(schema: &mut SchemaBuilder, name: &str) -> Self {
        let indexing = |tokenizer| {
            let positions = IndexRecordOption::WithFreqsAndPositions;
            TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(positions)
        };
        let words = TextOptions::default().set_indexing_options(indexing(WORDS));
        let last = TextOptions::default().set_indexing_options(indexing(LAST_CHARACTERS).set_fieldnorms(false));
        Self { terms: schema.add_text_field(name, words), last: schema.add_text_field(&format!("{name}_last"), last) }
    }

    fn add_to(self, document: &mut TantivyDocument, language: Language, text: &str) {
        let words = with_language(language, text);
        if has_runs(text) {
            document.add_text(self.last, &words);
        }
        document.add_text(self.terms, words);
    }
}

fn version() -> String {
    format!("{SCHEMA_VERSION}.{ANALYSIS_VERSION}")
}

/// Whether the folder holds an index of this version; `false` when it is to be made.
pub(super) fn check_version(folder: &Path) -> Result<bool, KeywordError> {
    let corrupt = |reason: &str| KeywordError::Corrupt { path: folder.to_owned(), reason: reason.to_owned() };
    let has_index = folder.join("meta.json").exists();
    match fs::read_to_string(folder.join(VERSION_FILE)) {
        Ok(found) if found != version() => {
            Err(KeywordError::Version { path: folder.to_owned(), found, expected: version() })
        }
        Ok(_) if !has_index && has_segments(folder) => Err(corrupt("its list of segments is missing")),
        Ok(_) => Ok(has_index),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound && has_index => {
            Err(corrupt("its version is missing"))
        }
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) if source.kind() == std::io::ErrorKind::InvalidData => Err(corrupt("its version is not text")),
        Err(source) => Err(KeywordError::Io { path: folder.join(VERSION_FILE), source }),
    }
}

fn has_segments(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "idx"))
}

/// Writes the version, before the index is made: a folder with a version and no index is one that was not finished.
pub(super) fn write_version(folder: &Path) -> Result<(), KeywordError> {
    let unfinished = folder.join(format!("{VERSION_FILE}.new"));
    let write = || {
        fs::write(&unfinished, version())?;
        fs::rename(&unfinished, folder.join(VERSION_FILE))
    };
    write().map_err(|source| KeywordError::Io { path: folder.to_owned(), source })
}
