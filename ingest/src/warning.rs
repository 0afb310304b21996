//! A warning says what extraction changed or lost without giving the document up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a reader of the stored text should know. Counts are of characters unless a field says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// The encoding was guessed from the bytes.
    GuessedEncoding {
        /// WHATWG name of the encoding.
        encoding: String,
    },
    /// Some bytes did not decode and are U+FFFD in the text.
    LossyDecoding {
        /// WHATWG name of the encoding.
        encoding: String,
        /// Characters replaced.
        replaced: usize,
    },
    /// Control characters were replaced with spaces.
    ControlCharacters {
        /// Characters replaced.
        replaced: usize,
    },
    /// Invisible characters (byte order marks, zero-width spaces, soft hyphens) were removed.
    InvisibleCharacters {
        /// Characters removed.
        removed: usize,
    },
    /// Characters that override the direction of text, and can make it read otherwise than it is stored, were removed.
    BidiControls {
        /// Characters removed.
        removed: usize,
    },
    /// Combining marks beyond 30 on one letter (the bound of UAX #15, Stream-Safe Text Format) were removed.
    CombiningMarks {
        /// Characters removed.
        removed: usize,
    },
    /// The page holds text that a browser does not show. It is left out.
    HiddenText {
        /// Elements marked as hidden.
        elements: usize,
    },
    /// Elements nested deeper than the limit are left out.
    NestingCut {
        /// The limit that was met.
        depth_max: usize,
    },
    /// The converter could not do all of its work.
    Converter {
        /// What it said.
        message: String,
    },
    /// One page could not be read.
    LostPage {
        /// Its number, from 1.
        page: u32,
        /// What happened.
        reason: String,
    },
    /// Pages that seem to be scanned, or whose fonts do not say which characters they draw.
    NeedsOcr {
        /// How many.
        pages: usize,
        /// The first of them, from 1.
        first: u32,
    },
    /// A part ended the process that read it, and was left out when the document was read again.
    Quarantined {
        /// Which part: `page 7`, `report.pdf`.
        part: String,
    },
    /// Parts of the document that are not read here.
    NotRead {
        /// What they are, in the plural: `embedded pictures`, `entries`.
        what: String,
        /// How many.
        count: usize,
    },
    /// A table is larger than the limit, and the rest of it is left out.
    TableCut {
        /// What was counted: `columns`.
        what: String,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// There are more places, boxes, headings or blocks than the limit; the text is whole.
    MarksCut {
        /// What was counted.
        what: String,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Pages were scanned, and what they say was recognised, with the errors that recognition makes.
    Recognized {
        /// How many pages.
        pages: usize,
    },
    /// What holds other documents was not read to its end; what came before is here.
    PartlyRead {
        /// What it is: `archive`, `mailbox`.
        what: String,
        /// What ended the reading.
        reason: String,
    },
    /// Front matter was found and is not as simple as `key: value`; the rest of it is not in the metadata.
    FrontMatter {
        /// Lines that were passed over.
        lines: usize,
    },
}

impl Warning {
    /// A code that programs may depend on; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GuessedEncoding { .. } => "guessed_encoding",
            Self::LossyDecoding { .. } => "lossy_decoding",
            Self::ControlCharacters { .. } => "control_characters",
            Self::InvisibleCharacters { .. } => "invisible_characters",
            Self::BidiControls { .. } => "bidi_controls",
            Self::CombiningMarks { .. } => "combining_marks",
            Self::HiddenText { .. } => "hidden_text",
            Self::NestingCut { .. } => "nesting_cut",
            Self::Converter { .. } => "converter",
            Self::LostPage { .. } => "lost_page",
            Self::NeedsOcr { .. } => "needs_ocr",
            Self::Quarantined { .. } => "quarantined",
            Self::NotRead { .. } => "not_read",
            Self::TableCut { .. } => "table_cut",
            Self::MarksCut { .. } => "marks_cut",
            Self::Recognized { .. } => "recognized",
            Self::PartlyRead { .. } => "partly_read",
            Self::FrontMatter { .. } => "front_matter",
        }
    }
}

impl Warning {
    /// Whether a part of the document's text is missing, which makes the document a partial one.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::NestingCut { .. }
                | Self::LostPage { .. }
                | Self::Quarantined { .. }
                | Self::TableCut { .. }
                | Self::PartlyRead { .. }
        )
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GuessedEncoding { encoding } => write!(f, "encoding guessed from the bytes: {encoding}"),
            Self::LossyDecoding { encoding, replaced } => {
                write!(f, "{replaced} characters did not decode as {encoding}")
            }
            Self::ControlCharacters { replaced } => write!(f, "{replaced} control characters replaced with spaces"),
            Self::InvisibleCharacters { removed } => write!(f, "{removed} invisible characters removed"),
            Self::BidiControls { removed } => write!(f, "{removed} text direction overrides removed"),
            Self::CombiningMarks { removed } => write!(f, "{removed} excess combining marks removed"),
            Self::HiddenText { elements } => write!(f, "{elements} hidden elements left out"),
            Self::NestingCut { depth_max } => write!(f, "elements nested deeper than {depth_max} left out"),
            Self::Converter { message } => write!(f, "converter: {message}"),
            Self::LostPage { page, reason } => write!(f, "page {page} could not be read: {reason}"),
            Self::NeedsOcr { pages, first } => write!(f, "{pages} pages need ocr, the first is page {first}"),
            Self::Quarantined { part } => write!(f, "{part} stopped its reader and was left out"),
            Self::NotRead { what, count } => write!(f, "{what} that are not read: {count}"),
            Self::TableCut { what, count, limit } => {
                write!(f, "a table has {count} {what}, beyond {limit} they are left out")
            }
            Self::MarksCut { what, count, limit } => write!(f, "{count} {what}, beyond {limit} they are left out"),
            Self::Recognized { pages } => write!(f, "text recognised on {pages} scanned pages"),
            Self::PartlyRead { what, reason } => write!(f, "{what} was not read to its end: {reason}"),
            Self::FrontMatter { lines } => write!(f, "{lines} front matter lines are not simple and were passed over"),
        }
    }
}
