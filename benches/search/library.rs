//! A data folder full of synthetic documents, made by the same store, followers and views as a real one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ibid::config::Config;
use ibid::generations::{LiveGenerations, OpenError, OpenGeneration, OpenedGeneration, VectorFollower};
use ibid::indexing::{ExtractorLimits, Indexer, IndexerParts};
use ibid::keyword::{KeywordIndex, KeywordOptions};
use ibid::models::{EmbedError, Embedder};
use ibid::retrieval::Retriever;
use ibid::store::{NewDocument, SqliteStore, Store};
use ibid::types::{
    Chunk, CollectionName, DocumentId, Generation, GenerationId, ModelId, SourceStamp, TextHash, embedding_input,
};
use ibid::vector::{EdgeIndex, EdgeOptions, VectorIndex};
use ibid_ingest::{ExtractOptions, Span, TokenCounter};

use crate::fixture::dice::{Dice, scaled_to_unit};
use crate::fixture::words::Words;

/// Components of a vector: those of the default model.
pub(crate) const DIMENSIONS: usize = 384;
const CHUNKS_PER_DOCUMENT: usize = 20;
/// About 200 tokens, as the chunker fills a window of 256.
const WORDS_PER_CHUNK: usize = 130;
/// Every fourth document is Korean: its terms are pairs of characters, so its questions have many.
const KOREAN_EVERY: usize = 4;
const QUERIES: usize = 300;
/// How far a question lies from the chunk that it is about, in shares of its length: a cosine of about 0.8.
const QUERY_NOISE: f32 = 0.75;

/// A question with the vector that an embedder would give it.
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) vector: Vec<f32>,
}

/// The product on a folder of its own.
pub(crate) struct Library {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyword: Arc<KeywordIndex>,
    pub(crate) vector: Arc<dyn VectorIndex>,
    pub(crate) retriever: Retriever,
    pub(crate) documents: Vec<DocumentId>,
    pub(crate) queries: Vec<Query>,
    /// How long the store took to write everything.
    pub(crate) wrote: Duration,
    /// How long both followers took to build their views.
    pub(crate) followed: Duration,
}

/// Gives the vectors of known questions at no cost, so that a search is measured without the model.
struct Prepared {
    id: ModelId,
    vectors: HashMap<String, Vec<f32>>,
}

#[async_trait]
impl Embedder for Prepared {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed_passages(&self, _texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        Err(EmbedError::Cancelled)
    }

    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.vectors.get(text).cloned().ok_or(EmbedError::Cancelled)
    }
}

/// Hands out indexes that are open already.
struct Fixed {
    keyword: Arc<KeywordIndex>,
    vector: Arc<dyn VectorIndex>,
    embedder: Arc<dyn Embedder>,
}

#[async_trait]
impl OpenGeneration for Fixed {
    async fn open(&self, generation: &Generation) -> Result<OpenedGeneration, OpenError> {
        Ok(OpenedGeneration {
            id: generation.id,
            chunking: Default::default(),
            keyword: Arc::clone(&self.keyword),
            vector: Arc::clone(&self.vector),
            vector_follower: VectorFollower::Own,
            vector_view: "vector".to_owned(),
            embedder: Some(Arc::clone(&self.embedder)),
            counter: Arc::new(NoTokens),
            embedded_share: Default::default(),
        })
    }

    async fn remove(&self, _id: GenerationId) -> Result<(), OpenError> {
        Ok(())
    }

    async fn promote(&self, _generation: &OpenedGeneration) -> Result<(), OpenError> {
        Ok(())
    }
}

struct NoTokens;

impl TokenCounter for NoTokens {
    fn count(&self, _text: &str) -> usize {
        0
    }
}

impl Library {
    /// Writes `chunks` chunks below `folder` and builds both views.
    pub(crate) async fn build(folder: &Path, chunks: usize) -> anyhow::Result<Self> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.join("ibid.db")).await?);
        let keyword = Arc::new(KeywordIndex::open(&folder.join("keyword"), KeywordOptions::default())?);
        let vector: Arc<dyn VectorIndex> =
            Arc::new(EdgeIndex::open(&folder.join("vector"), EdgeOptions::new(DIMENSIONS)).await?);
        let model = ModelId("prepared".to_owned());
        let began = Instant::now();
        store.settle_generation(GenerationId(1), Some(&model), &Default::default()).await?;
        let (documents, queries) = write_documents(store.as_ref(), chunks).await?;
        let wrote = began.elapsed();
        let vectors = queries.iter().map(|query| (query.text.clone(), query.vector.clone())).collect();
        let embedder: Arc<dyn Embedder> = Arc::new(Prepared { id: model.clone(), vectors });
        let fixed = Fixed { keyword: Arc::clone(&keyword), vector: Arc::clone(&vector), embedder };
        let live = LiveGenerations::open(Arc::clone(&store), Box::new(fixed)).await;
        let generations = Arc::new(live.map_err(|error| anyhow::anyhow!("{error}"))?);
        let retriever = Retriever {
            store: Arc::clone(&store),
            generations: Arc::clone(&generations),
            vector_weight: Config::default().search.vector_weight,
        };
        let indexer = Indexer::new(IndexerParts {
            store: Arc::clone(&store),
            generations,
            program: "nothing is extracted here".into(),
            extraction: ExtractOptions::default(),
            extractor_limits: ExtractorLimits {
                memory_bytes_max: 0,
                cpu_seconds_max: 0,
                wall_time_max: Duration::ZERO,
            },
            lanes: 1,
            clock: || 0,
        });
        let follow_began = Instant::now();
        indexer.catch_up().await?;
        let followed = follow_began.elapsed();
        Ok(Self { store, keyword, vector, retriever, documents, queries, wrote, followed })
    }
}

/// Writes documents whose vectors are there before them, so that each is whole at once.
async fn write_documents(store: &dyn Store, chunks: usize) -> anyhow::Result<(Vec<DocumentId>, Vec<Query>)> {
    let collection = CollectionName::default_name();
    store.ensure_collection(&collection, 0).await?;
    let mut writer = Writer {
        english: Words::english(50_000),
        korean: Words::korean(20_000),
        dice: Dice::new(17),
        collection: collection.clone(),
    };
    let count = chunks / CHUNKS_PER_DOCUMENT;
    let (mut documents, mut queries) = (Vec::with_capacity(count), Vec::with_capacity(QUERIES));
    for number in 0..count {
        let new = writer.document(number);
        let vectors: Vec<_> =
            new.chunks.iter().map(|chunk| (chunk.text_hash, writer.dice.unit_vector(DIMENSIONS))).collect();
        store.save_embeddings(GenerationId(1), &vectors, &[]).await?;
        store.put_document(&new, GenerationId(1), 0).await?;
        documents.push(DocumentId::of(&collection, &new.uri));
        while queries.len() * count < number * QUERIES {
            queries.push(writer.query(&new, &vectors));
        }
    }
    Ok((documents, queries))
}

struct Writer {
    english: Words,
    korean: Words,
    dice: Dice,
    collection: CollectionName,
}

impl Writer {
    fn document(&mut self, number: usize) -> NewDocument {
        let dice = &mut self.dice;
        let korean = number.is_multiple_of(KOREAN_EVERY);
        let words = if korean { &self.korean } else { &self.english };
        let mut text = String::new();
        let mut chunks = Vec::with_capacity(CHUNKS_PER_DOCUMENT);
        for _ in 0..CHUNKS_PER_DOCUMENT {
            let start = text.len();
            text.push_str(&words.paragraph(dice, WORDS_PER_CHUNK / if korean { 2 } else { 1 }));
            let heading_path = vec![words.title(dice), words.title(dice)];
            let text_hash = TextHash::of(&embedding_input(&heading_path, &text[start..]));
            let span = Span { start, end: text.len() };
            chunks.push(Chunk { span, page_first: None, page_last: None, heading_path, text_hash });
            text.push_str("\n\n");
        }
        NewDocument {
            collection: self.collection.clone(),
            uri: format!("library/shelf{}/{number}.md", number % 100),
            media_type: "text/markdown".to_owned(),
            title: words.title(dice),
            metadata: Default::default(),
            readers: None,
            source: SourceStamp { bytes: text.len() as u64, modified_ns: 0, sha256: String::new() },
            warnings: Vec::new(),
            text,
            structure: Default::default(),
            chunks,
        }
    }

    /// A question in three to seven words of a chunk, with a vector near that chunk's.
    fn query(&mut self, about: &NewDocument, vectors: &[(TextHash, Vec<f32>)]) -> Query {
        let dice = &mut self.dice;
        let place = dice.below(about.chunks.len());
        let span = about.chunks[place].span;
        let words: Vec<&str> = about.text[span.start..span.end].split_whitespace().collect();
        let asked: Vec<&str> = (0..3 + dice.below(5)).map(|_| words[dice.below(words.len())]).collect();
        let noise = dice.unit_vector(DIMENSIONS);
        let near = vectors[place].1.iter().zip(noise).map(|(known, noise)| known + QUERY_NOISE * noise);
        Query { text: asked.join(" "), vector: scaled_to_unit(near.collect()) }
    }
}
