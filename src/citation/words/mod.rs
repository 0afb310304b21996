//! Words as they are compared: content with its forms, numbers with their units, dates, what relates and what qualifies.
//!
//! This reads sentences and passages alike and knows nothing of either. What it does not know is content, and content must agree.

mod dates;
mod endings;
mod english;
mod korean;
mod numbers;
mod raw;
mod reader;
mod units;

use ibid_ingest::Span;

use dates::Date;
pub(super) use english::{are_opposites, is_superlative};
pub(super) use numbers::Decimal;

/// A word of a sentence or a passage.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) span: Span,
    pub(super) kind: Kind,
    /// Forms under which content is recognised.
    pub(super) keys: Vec<String>,
    /// What a Korean particle or an English possessive makes of it; empty for nothing.
    pub(super) role: &'static str,
    /// Whether a clause ends after it.
    pub(super) ends_clause: bool,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word with a meaning of its own.
    Content,
    /// A word that names something: capitalised, or with digits or joints inside.
    Name,
    /// A number with its unit.
    Number(Quantity),
    /// A year, a month, a day.
    Date(Date),
    /// A word that changes what may be concluded, by its class.
    Qualifier(&'static str),
    /// A word that relates what follows, by its class.
    Relation(&'static str),
    /// A form of `be`.
    Be,
    /// A word for what was named before.
    Pronoun,
    /// A word that says nothing that could be wrong.
    Light,
    /// A sign or a word at which a clause may end or begin.
    Break,
}

impl Kind {
    /// Whether the sources have to have it.
    pub(super) fn is_content(&self) -> bool {
        matches!(self, Self::Content | Self::Name | Self::Number(_) | Self::Date(_) | Self::Qualifier(_))
    }
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) value: Decimal,
    pub(super) unit: Option<&'static str>,
    pub(super) is_ordinal: bool,
}

/// How two words compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// They say the same.
    Same,
    /// The same number in another unit.
    OtherUnit,
    /// They have nothing to do with each other.
    None,
}

/// Classes of qualifying words that say the same. In the others words only do the same: `claimed` and `denied`, `if` and `unless`.
const SYNONYMOUS: [&str; 14] = [
    "not", "without", "or", "only", "all", "most", "some", "usually", "many", "few", "about", "nearly", "minimum",
    "maximum",
];

/// Compares a word of a sentence with one of its source, particles aside.
pub(super) fn agreement(said: &Word, source: &Word) -> Agreement {
    let same = match (&said.kind, &source.kind) {
        (Kind::Number(a), Kind::Number(b)) => return compare_quantities(a, b),
        (Kind::Date(a), Kind::Date(b)) => a.is_within(b),
        (Kind::Number(a), Kind::Date(b)) => a.unit.is_none() && b.is_year(a.value.whole()),
        (Kind::Date(a), Kind::Number(b)) => b.unit.is_none() && a.is_year(b.value.whole()),
        (Kind::Qualifier(a), Kind::Qualifier(b)) => {
            a == b && (SYNONYMOUS.contains(a) || endings::share_a_key(&said.keys, &source.keys))
        }
        (Kind::Content | Kind::Name, Kind::Content | Kind::Name) => endings::share_a_key(&said.keys, &source.keys),
        _ => false,
    };
    if same { Agreement::Same } else { Agreement::None }
}

fn compare_quantities(a: &Quantity, b: &Quantity) -> Agreement {
    if a.value != b.value || a.is_ordinal != b.is_ordinal {
        Agreement::None
    } else if a.unit == b.unit {
        Agreement::Same
    } else {
        Agreement::OtherUnit
    }
}

/// The words of a text, in order. A text beyond this many words is cut off there: nobody checks a claim against a book.
pub(super) const WORDS_MAX: usize = 4_000;

/// Reads a text.
pub(super) fn words(text: &str) -> Vec<Word> {
    let raws = raw::scan(text);
    let mut words = dates::join(reader::read(&raws, text));
    for at in 1..words.len() {
        if let (Kind::Relation(class), Kind::Number(_)) = (&words[at - 1].kind, &words[at].kind)
            && let Some(bound) = bound_of(class)
        {
            words[at - 1].kind = Kind::Qualifier(bound);
        }
    }
    words
}

/// What a preposition says of the number behind it: `about 5`, `over 18`.
fn bound_of(class: &str) -> Option<&'static str> {
    match class {
        "about" | "around" | "near" => Some("about"),
        "over" | "above" => Some("more"),
        "below" => Some("less"),
        _ => None,
    }
}
