//! A citation: the place in an answer that says in which place its source stands.

use serde::{Deserialize, Serialize};

use super::{ChunkId, CitationId, CollectionName, DocumentId, Utf16Offset};

/// One sentence of an answer with one source of it, in the shape that AG-UI clients find under `metadata.citations`. The
/// same source may be cited by several sentences and then has several citations.
///
/// Offsets into the answer are UTF-16 code units; offsets into the source are bytes of its extracted text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Citation {
    /// The number in the marker `[n]`.
    pub n: usize,
    /// Its own name, under which it can be looked up later.
    pub id: CitationId,
    /// The passage that was retrieved.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// Its collection.
    pub collection: CollectionName,
    /// The document's title.
    pub title: String,
    /// The document's URI.
    pub source: String,
    /// A path on this server that opens the quoted text.
    pub url: String,
    /// The quoted text, exactly as it stands at `location`.
    pub source_content: Vec<CitedText>,
    /// Where the quoted text stands.
    pub location: Location,
    /// Start of the sentence in the answer that carries the marker.
    pub start: Utf16Offset,
    /// End of that sentence.
    pub end: Utf16Offset,
    /// Where the sentence's first marker of this source stands in the answer.
    pub text_offset: Utf16Offset,
    /// The passage's retrieval score.
    pub score: f32,
    /// Whether the quote supports the sentence.
    pub verdict: Verdict,
    /// Why, for machines.
    pub reason_code: ReasonCode,
    /// Why, as one English sentence.
    pub reason: String,
    /// Who judged.
    pub judge: String,
}

/// Whether a quote supports a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that the sentence says stands in the quote.
    Supported,
    /// Some of it does, and nothing contradicts it.
    Partial,
    /// Too little of it does, or a fact differs.
    Unsupported,
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The sentence stands in the passage word for word.
    Verbatim,
    /// Every word and fact of the sentence has its counterpart in the quote, in the same relation.
    Aligned,
    /// Too few of the words agree.
    WeakOverlap,
    /// Some words stand nowhere in the quote.
    MissingWords,
    /// The words agree and their relation does not: who did what to whom, or to which of two statements a word belongs.
    OrderDiffers,
    /// A number differs or stands nowhere in the quote.
    NumberDiffers,
    /// A date differs or stands nowhere in the quote.
    DateDiffers,
    /// A unit or currency differs.
    UnitDiffers,
    /// A name differs or stands nowhere in the quote.
    NameDiffers,
    /// A negation or an opposite stands on one side only.
    NegationDiffers,
    /// A quantifier, a condition, a possibility or a limit stands on one side only.
    QualifierDiffers,
    /// What stands between quotation marks does not stand in the passage.
    QuoteDiffers,
    /// Other passages support the sentence, this one adds nothing to it.
    NoSupport,
    /// The judge said so for reasons of its own.
    Judge,
}

/// A piece of quoted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CitedText {
    /// The words.
    pub text: String,
}

/// Where quoted text stands in its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Always `span`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `bytes`.
    pub unit: String,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// First UTF-16 code unit of the document's text, when that text was at hand.
    #[serde(default, rename = "startUtf16", skip_serializing_if = "Option::is_none")]
    pub start_utf16: Option<usize>,
    /// One past the last UTF-16 code unit.
    #[serde(default, rename = "endUtf16", skip_serializing_if = "Option::is_none")]
    pub end_utf16: Option<usize>,
    /// First page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_first: Option<u32>,
    /// Last page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_last: Option<u32>,
    /// Where it stands in a source without pages: `Budget!A2:F40`, `rows 12-40`, `slide 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Titles of the headings above it, outermost first.
    pub heading_path: Vec<String>,
}
