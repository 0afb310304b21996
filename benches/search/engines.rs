//! The two engines by themselves, spoken to in their own words: what a search would cost without ibid.

use std::collections::BTreeSet;
use std::path::Path;

use ibid::analysis::{Language, detect_language, tokens};
use ibid::store::{IndexedDocument, Store};
use ibid::types::{DocumentId, GenerationId};
use qdrant_edge::{
    EdgeShard, NamedQuery, QueryEnum, QueryRequest, ScoringQuery, SearchParams, WithPayloadInterface, WithVector,
};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexReader, IndexWriter, TantivyDocument, Term};

/// What the product gives its own writer and commits at.
const HEAP_BYTES: usize = 50_000_000;
const DOCUMENTS_PER_COMMIT: usize = 256;

/// A tantivy index of the same tokens in the same three fields, searched by tantivy's own scorers.
pub(crate) struct RawTantivy {
    reader: IndexReader,
    words: [Field; 3],
}

impl RawTantivy {
    pub(crate) async fn build(folder: &Path, store: &dyn Store, documents: &[DocumentId]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
        let options = TextOptions::default().set_indexing_options(indexing);
        let chunk = schema.add_u64_field("chunk", FAST);
        let words = ["body", "heading", "title"].map(|name| schema.add_text_field(name, options.clone()));
        let index = Index::create_in_dir(folder, schema.build())?;
        let mut writer: IndexWriter = index.writer_with_num_threads(1, HEAP_BYTES)?;
        for part in documents.chunks(DOCUMENTS_PER_COMMIT) {
            for id in part {
                let Some(document) = store.indexed_document(*id, GenerationId(1)).await? else { continue };
                add(&writer, chunk, words, &document)?;
            }
            writer.commit()?;
        }
        writer.wait_merging_threads()?;
        Ok(Self { reader: index.reader()?, words })
    }

    /// The numbers of the `k` best chunks.
    pub(crate) fn search(&self, query: &str, k: usize) -> anyhow::Result<Vec<u64>> {
        let terms: BTreeSet<String> =
            tokens(query, detect_language(query)).into_iter().map(|token| token.term).collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::with_capacity(terms.len() * self.words.len());
        for term in &terms {
            for field in self.words {
                let term = Term::from_field_text(field, term);
                clauses.push((Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))));
            }
        }
        let searcher = self.reader.searcher();
        let found = searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(k).order_by_score())?;
        let mut chunks = Vec::with_capacity(found.len());
        for (_, place) in found {
            let numbers = searcher.segment_reader(place.segment_ord).fast_fields().u64("chunk")?;
            chunks.extend(numbers.first(place.doc_id));
        }
        Ok(chunks)
    }

    pub(crate) fn segments(&self) -> usize {
        self.reader.searcher().segment_readers().len()
    }
}

fn add(writer: &IndexWriter, chunk: Field, words: [Field; 3], document: &IndexedDocument) -> anyhow::Result<()> {
    let sample: String = document.chunks.iter().flat_map(|row| row.text.chars()).take(2_000).collect();
    let language = detect_language(&sample);
    for row in &document.chunks {
        let mut added = TantivyDocument::new();
        added.add_u64(chunk, row.id.0);
        let headings = row.chunk.heading_path.join("\n\n");
        for (field, text) in words.into_iter().zip([&row.text, &headings, &document.document.title]) {
            added.add_pre_tokenized_text(field, tokenized(text, language));
        }
        writer.add_document(added)?;
    }
    Ok(())
}

fn tokenized(text: &str, language: Option<Language>) -> PreTokenizedString {
    let token = |(position, token): (usize, ibid::analysis::Token)| Token {
        offset_from: token.start,
        offset_to: token.end,
        position,
        text: token.term,
        position_length: 1,
    };
    PreTokenizedString {
        text: String::new(),
        tokens: tokens(text, language).into_iter().enumerate().map(token).collect(),
    }
}

/// A copy of the product's own shard, graph and segments as they are, opened by the engine alone.
pub(crate) struct RawEdge {
    shard: EdgeShard,
}

impl RawEdge {
    pub(crate) fn copy_of(shard: &Path, folder: &Path) -> anyhow::Result<Self> {
        copy_folder(shard, folder)?;
        Ok(Self { shard: EdgeShard::load(folder, None)? })
    }

    /// The `k` nearest points, with the breadth that the product searches with.
    pub(crate) fn search(&self, vector: &[f32], k: usize) -> anyhow::Result<Vec<(String, f32)>> {
        let query = QueryEnum::Nearest(NamedQuery::default_dense(vector.to_vec()));
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(query)),
            filter: None,
            score_threshold: None,
            limit: k,
            offset: 0,
            params: Some(SearchParams { hnsw_ef: Some(128.max(2 * k)), ..SearchParams::default() }),
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let found = self.shard.query(request)?;
        Ok(found.into_iter().map(|point| (point.id.to_string(), point.score)).collect())
    }

    /// Segments, points and points that a graph covers.
    pub(crate) fn state(&self) -> String {
        let info = self.shard.info();
        format!(
            "{} segments, {} of {} points in a graph",
            info.segments_count, info.indexed_vectors_count, info.points_count
        )
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            std::fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
