//! Years, months and days, however they are written.

use std::sync::LazyLock;

use ibid_ingest::Span;

use super::{Kind, Quantity, Word};

/// A date, as far as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::citation) struct Date {
    year: Option<u64>,
    month: Option<u64>,
    day: Option<u64>,
}

impl Date {
    /// Whether all that this date says, the other says, too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let agrees = |said: Option<u64>, source: Option<u64>| said.is_none() || said == source;
        agrees(self.year, other.year) && agrees(self.month, other.month) && agrees(self.day, other.day)
    }

    /// Whether this is a year alone, and this one.
    pub(super) fn is_year(&self, year: Option<u64>) -> bool {
        self.month.is_none() && self.day.is_none() && year.is_some() && self.year == year
    }
}

/// Years that a number of four digits alone is taken for.
const YEARS: std::ops::RangeInclusive<u64> = 1000..=2199;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Joins the words that make up a date.
pub(super) fn join(words: Vec<Word>) -> Vec<Word> {
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        match date_at(&words[at..]) {
            Some((date, length)) => {
                let last = &words[at + length - 1];
                let span = Span::new(words[at].span.start, last.span.end);
                joined.push(Word {
                    span,
                    kind: Kind::Date(date),
                    keys: Vec::new(),
                    role: last.role,
                    ends_clause: last.ends_clause,
                });
                at += length;
            }
            None => {
                joined.push(words[at].clone());
                at += 1;
            }
        }
    }
    joined
}

fn date_at(words: &[Word]) -> Option<(Date, usize)> {
    written_as_one(&words[0]).map(|date| (date, 1)).or_else(|| korean(words)).or_else(|| english(words)).or_else(|| {
        let year = bare(&words[0]).filter(|year| YEARS.contains(year) && words[0].span.len() == 4)?;
        Some((Date { year: Some(year), ..Date::default() }, 1))
    })
}

/// `2024-05-03`, `2024.5.3`, `2024/5/3`.
fn written_as_one(word: &Word) -> Option<Date> {
    let key = word.keys.first().filter(|_| word.kind == Kind::Name)?.strip_prefix("n:")?;
    let parts: Vec<&str> = key.split(['-', '.', '/']).collect();
    let [year, month, day] = parts[..] else { return None };
    let date = Date { year: year.parse().ok(), month: month.parse().ok(), day: day.parse().ok() };
    let is_date = date.year.is_some_and(|given| YEARS.contains(&given)) && is_month(date.month) && is_day(date.day);
    is_date.then_some(date)
}

fn is_month(month: Option<u64>) -> bool {
    month.is_some_and(|month| (1..=12).contains(&month))
}

fn is_day(day: Option<u64>) -> bool {
    day.is_some_and(|day| (1..=31).contains(&day))
}

fn quantity(word: &Word) -> Option<&Quantity> {
    match &word.kind {
        Kind::Number(quantity) => Some(quantity),
        _ => None,
    }
}

/// The value of a number without a unit.
fn bare(word: &Word) -> Option<u64> {
    quantity(word)
        .filter(|quantity| quantity.unit.is_none() && !quantity.is_ordinal)
        .and_then(|quantity| quantity.value.whole())
}

/// `2024년 5월 3일` or a beginning of it, `5월 3일`, `5월`.
fn korean(words: &[Word]) -> Option<(Date, usize)> {
    let with_unit = |at: usize, unit: &str| {
        words
            .get(at)
            .and_then(quantity)
            .filter(|quantity| quantity.unit == Some(unit))
            .and_then(|quantity| quantity.value.whole())
    };
    let month_at = |at: usize| with_unit(at, "calendar month").filter(|month| is_month(Some(*month)));
    let year = with_unit(0, "year").filter(|year| YEARS.contains(year));
    let at = usize::from(year.is_some());
    let month = month_at(at).filter(|_| year.is_none() || words[0].role.is_empty());
    let day = with_unit(at + 1, "day").filter(|day| month.is_some() && is_day(Some(*day)) && words[at].role.is_empty());
    let length = at + usize::from(month.is_some()) + usize::from(day.is_some());
    (length > 0).then_some((Date { year, month, day }, length))
}

fn month(word: &Word) -> Option<u64> {
    let key = word.keys.first()?.strip_prefix("n:")?;
    let is_named = matches!(word.kind, Kind::Name | Kind::Qualifier(_));
    let key = key.trim_end_matches('.');
    let at = STEMS.iter().zip(MONTHS).position(|(stem, name)| {
        key == stem
            || key == name
            || (key.len() == 3 && name.starts_with(key))
            || (key == "sept" && name == "september")
    })?;
    is_named.then(|| u64::try_from(at).unwrap_or(0) + 1)
}

/// The names of the months as keys have them.
static STEMS: LazyLock<[String; 12]> = LazyLock::new(|| {
    MONTHS.map(|name| {
        let mut stem = String::new();
        crate::analysis::each_token(name, None, |term, _, _| stem.push_str(term));
        stem
    })
});

/// `May 3, 2024`, `3 May 2024`, `3rd of May 2024`, `May 2024`, `3 May`, `May 3`.
fn english(words: &[Word]) -> Option<(Date, usize)> {
    let day_at = |at: usize| {
        let quantity = words.get(at).and_then(quantity).filter(|quantity| quantity.unit.is_none())?;
        quantity.value.whole().filter(|day| is_day(Some(*day)))
    };
    let year_at = |at: usize| words.get(at).and_then(bare).filter(|year| YEARS.contains(year));
    let is_comma = |at: usize| words.get(at).is_some_and(|word| word.kind == Kind::Break && word.span.len() == 1);
    if let Some(month) = month(&words[0]) {
        let day = day_at(1);
        let at = 1 + usize::from(day.is_some());
        let comma = usize::from(day.is_some() && is_comma(at));
        let year = year_at(at + comma);
        let length = at + year.map_or(0, |_| comma + 1);
        // A month alone is a name, and `May` alone no month.
        return (length > 1).then_some((Date { year, month: Some(month), day }, length));
    }
    let day = day_at(0)?;
    let of = usize::from(words.get(1).is_some_and(|word| word.kind == Kind::Relation("of")));
    let month = words.get(1 + of).and_then(month)?;
    let comma = usize::from(is_comma(2 + of));
    let year = year_at(2 + of + comma);
    let length = 2 + of + year.map_or(0, |_| comma + 1);
    Some((Date { year, month: Some(month), day: Some(day) }, length))
}
