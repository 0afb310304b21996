//! Calendar dates as documents and filters name them: a year, a month or a day.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A year, a month or a day of the Gregorian calendar, of the years 1900 to 2199. As text `2024`, `2024-05` or
/// `2024-05-17`; `2024.5.17` and `2024/5/17` are read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalendarDate {
    first: Day,
    last: Day,
}

/// A date that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("date {0:?} is not a year, a month or a day of 1900 to 2199, such as 2024, 2024-05 or 2024-05-17")]
pub struct InvalidDate(pub String);

/// Open ranges end here, so that a range never needs more than some 400 facets.
const YEARS: std::ops::RangeInclusive<u16> = 1900..=2199;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    const MIN: Self = Self { year: *YEARS.start(), month: 1, day: 1 };
    const MAX: Self = Self { year: *YEARS.end(), month: 12, day: 31 };

    fn last_of_month(self) -> Self {
        Self { day: days_in_month(self.year, self.month), ..self }
    }

    fn last_of_year(self) -> Self {
        Self { month: 12, day: 31, ..self }
    }

    fn next(self) -> Self {
        match (self == self.last_of_month(), self.month) {
            (false, _) => Self { day: self.day + 1, ..self },
            (true, 12) => Self { year: self.year + 1, month: 1, day: 1 },
            (true, _) => Self { month: self.month + 1, day: 1, ..self },
        }
    }

    fn previous(self) -> Self {
        match (self.day, self.month) {
            (1, 1) => Self { year: self.year - 1, month: 12, day: 31 },
            (1, _) => Self { month: self.month - 1, ..self }.last_of_month(),
            _ => Self { day: self.day - 1, ..self },
        }
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl CalendarDate {
    fn new(year: u16, month: Option<u8>, day: Option<u8>) -> Option<Self> {
        let first = Day { year, month: month.unwrap_or(1), day: day.unwrap_or(1) };
        let known = YEARS.contains(&year) && (1..=12).contains(&first.month);
        if !known || !(1..=days_in_month(year, first.month)).contains(&first.day) {
            return None;
        }
        let last = match (month, day) {
            (None, _) => first.last_of_year(),
            (_, None) => first.last_of_month(),
            _ => first,
        };
        Some(Self { first, last })
    }

    /// The day (UTC) of a time in nanoseconds since 1970.
    pub fn of_unix_ns(ns: i64) -> Option<Self> {
        const DAY_NS: i64 = 24 * 3600 * 1_000_000_000;
        // Days to a date by eras of 400 years that begin in March: Hinnant, "chrono-compatible low-level date algorithms".
        let days = ns.div_euclid(DAY_NS) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(year.try_into().ok()?, Some(month.try_into().ok()?), Some(day.try_into().ok()?))
    }

    /// The date that a metadata value begins with: ISO 8601 with or without a time (`2024-05-17T09:30:00Z`, `20240517`), or
    /// PDF's form (`D:20240517093000+09'00'`). Anything else is no date: a guess would filter wrongly. The day is the one
    /// that is written, whatever its time zone.
    pub fn of_metadata(value: &str) -> Option<Self> {
        let value = value.trim();
        if let Some(pdf) = value.strip_prefix("D:") {
            return Self::of_digits(pdf, [4, 6, 8, 10, 12, 14].as_slice());
        }
        let (date, time) = value.split_once(['T', 't', ' ']).map_or((value, "0"), |(date, time)| (date, time));
        if !time.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        date.parse().ok().or_else(|| Self::of_digits(date, &[8]))
    }

    /// Year, month and day out of digits without separators, of which there are as many as one of `lengths`.
    fn of_digits(text: &str, lengths: &[usize]) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, zone) = text.split_at(end);
        if !lengths.contains(&end) || !(zone.is_empty() || zone.starts_with(['Z', '+', '-'])) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| digits.get(range).map(str::parse).transpose();
        Self::new(digits[..4].parse().ok()?, number(4..6).ok()?, number(6..8).ok()?)
    }

    /// The day before its first day; `None` at the beginning of 1900.
    pub fn day_before(self) -> Option<Self> {
        let day = (self.first > Day::MIN).then(|| self.first.previous())?;
        Some(Self { first: day, last: day })
    }

    /// Whether its first day comes after that of `other`.
    pub fn begins_after(self, other: Self) -> bool {
        self.first > other.first
    }

    /// Whether its last day comes before that of `other`.
    pub fn ends_before(self, other: Self) -> bool {
        self.last < other.last
    }

    /// The facets of a document of this date: its year, its month and its day, as far as they are known.
    pub(super) fn facets(self) -> impl Iterator<Item = String> {
        let Day { year, month, day } = self.first;
        let has_month = month != 1 || self.last != self.first.last_of_year();
        let has_day = self.first == self.last;
        let parts = [Some(Self::year_facet(year)), has_month.then(|| Self::month_facet(year, month))];
        parts.into_iter().chain([has_day.then(|| Self::day_facet(year, month, day))]).flatten()
    }

    fn year_facet(year: u16) -> String {
        format!("d:{year:04}")
    }

    fn month_facet(year: u16, month: u8) -> String {
        format!("d:{year:04}-{month:02}")
    }

    fn day_facet(year: u16, month: u8, day: u8) -> String {
        format!("d:{year:04}-{month:02}-{day:02}")
    }
}

/// The facets of which a document has one if, and only if, its date lies within the first day of `from` and the last day of
/// `to`: whole years, then whole months, then days. `None` when there is no such day.
pub(super) fn range_facets(from: Option<CalendarDate>, to: Option<CalendarDate>) -> Option<Vec<String>> {
    let mut at = from.map_or(Day::MIN, |from| from.first);
    let end = to.map_or(Day::MAX, |to| to.last);
    let mut facets = Vec::new();
    while at <= end {
        let Day { year, month, day } = at;
        let part_end = if (month, day) == (1, 1) && at.last_of_year() <= end {
            facets.push(CalendarDate::year_facet(year));
            at.last_of_year()
        } else if day == 1 && at.last_of_month() <= end {
            facets.push(CalendarDate::month_facet(year, month));
            at.last_of_month()
        } else {
            facets.push(CalendarDate::day_facet(year, month, day));
            at
        };
        at = part_end.next();
    }
    (!facets.is_empty()).then_some(facets)
}

impl FromStr for CalendarDate {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDate(text.chars().take(80).collect());
        let separator = text.chars().find(|c| !c.is_ascii_digit()).unwrap_or('-');
        let mut parts = text.split(separator);
        let (year, month, day) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let digits = |part: &str, lengths: &[usize]| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let well_formed = digits(year, &[4]) && month.into_iter().chain(day).all(|part| digits(part, &[1, 2]));
        if !matches!(separator, '-' | '.' | '/') || parts.next().is_some() || !well_formed {
            return Err(invalid());
        }
        let number = |part: Option<&str>| part.map(str::parse).transpose().map_err(|_| invalid());
        Self::new(year.parse().map_err(|_| invalid())?, number(month)?, number(day)?).ok_or_else(invalid)
    }
}

impl fmt::Display for CalendarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let narrowest = self.facets().last().unwrap_or_default();
        f.write_str(narrowest.trim_start_matches("d:"))
    }
}

impl Serialize for CalendarDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CalendarDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for CalendarDate {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let schema = utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A year, a month or a day of 1900 to 2199: `2024`, `2024-05` or `2024-05-17`."))
            .examples(["2024-05-17"]);
        schema.into()
    }
}

impl utoipa::ToSchema for CalendarDate {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_NS: i64 = 86_400_000_000_000;

    fn date(text: &str) -> CalendarDate {
        text.parse().unwrap()
    }

    fn facets(text: &str) -> Vec<String> {
        date(text).facets().collect()
    }

    #[test]
    fn dates_are_read_in_the_forms_that_people_write() {
        for (text, canonical) in [
            ("2024", "2024"),
            ("2024-05", "2024-05"),
            ("2024-5-7", "2024-05-07"),
            ("2024.1.31", "2024-01-31"),
            ("2024/12/31", "2024-12-31"),
            ("2000-02-29", "2000-02-29"),
        ] {
            assert_eq!(date(text).to_string(), canonical);
        }
        for text in [
            "",
            "24",
            "02024",
            "2024-",
            "2024-13",
            "2024-00",
            "2024-02-30",
            "2023-02-29",
            "2100-02-29",
            "2024-01-31-1",
            "2024-01.31",
            "1899",
            "2200",
            "yesterday",
            "2024-1-001",
            "2024년",
            "+2024",
            "2024-+1",
            "2024 05",
            "٢٠٢٤",
        ] {
            assert_eq!(text.parse::<CalendarDate>(), Err(InvalidDate(text.to_owned())));
        }
    }

    #[test]
    fn metadata_has_dates_with_times_and_those_of_pdf() {
        for (value, expected) in [
            ("2024-05-17", Some("2024-05-17")),
            (" 2024-05-17T23:30:00+09:00 ", Some("2024-05-17")),
            ("2024-05-17 09:30", Some("2024-05-17")),
            ("2024/05/17", Some("2024-05-17")),
            ("20240517", Some("2024-05-17")),
            ("20240517T093000Z", Some("2024-05-17")),
            ("2024", Some("2024")),
            ("D:20240517093000+09'00'", Some("2024-05-17")),
            ("D:20240517093000Z", Some("2024-05-17")),
            ("D:202405", Some("2024-05")),
            ("D:2024", Some("2024")),
            ("D:2024051", None),
            ("D:", None),
            ("D:20240517 draft", None),
            ("202405", None),
            ("2024 annual report", None),
            ("2024-05-17 draft", None),
            ("17 May 2024", None),
            ("17/05/2024", None),
            ("2024-05-17T", None),
            ("", None),
        ] {
            let found = CalendarDate::of_metadata(value).map(|date| date.to_string());
            assert_eq!(found.as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn times_have_the_day_they_have_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
        ] {
            assert_eq!(CalendarDate::of_unix_ns(seconds * 1_000_000_000), Some(date(expected)));
        }
        // The years 1677 and 2262.
        assert_eq!((CalendarDate::of_unix_ns(i64::MIN), CalendarDate::of_unix_ns(i64::MAX)), (None, None));
    }

    #[test]
    fn a_date_has_a_facet_for_each_part_that_is_known() {
        assert_eq!(facets("2024"), ["d:2024"]);
        assert_eq!(facets("2024-12"), ["d:2024", "d:2024-12"]);
        assert_eq!(facets("2024-12-31"), ["d:2024", "d:2024-12", "d:2024-12-31"]);
    }

    #[test]
    fn a_range_takes_whole_years_and_months_where_it_can() {
        let range = |from: &str, to: &str| range_facets(Some(date(from)), Some(date(to)));
        assert_eq!(range("2023-12-31", "2025-02-01").unwrap(), ["d:2023-12-31", "d:2024", "d:2025-01", "d:2025-02-01"]);
        assert_eq!(range("2024-02", "2024-02").unwrap(), ["d:2024-02"]);
        assert_eq!(range("2024-01-01", "2024-12-31").unwrap(), ["d:2024"]);
        assert_eq!(range("2025", "2024"), None);
        assert_eq!(range_facets(None, None).unwrap().len(), 300);
        let widest = range_facets(Some(date("1900-01-02")), Some(date("2199-12-30"))).unwrap();
        assert_eq!(widest.len(), 30 + 11 + 298 + 11 + 30);
    }

    #[test]
    fn the_day_before_is_the_end_of_what_came_before() {
        for (at, before) in [("2024", "2023-12-31"), ("2024-03", "2024-02-29"), ("2024-05-17", "2024-05-16")] {
            assert_eq!(date(at).day_before(), Some(date(before)));
        }
        assert_eq!(date("1900").day_before(), None);
    }

    /// Any year, month or day.
    fn any_date() -> impl Strategy<Value = CalendarDate> {
        (1_i64..100_000, 0_u8..3).prop_map(|(day, precision)| {
            let whole = CalendarDate::of_unix_ns((day - 25_567) * DAY_NS).unwrap().to_string();
            date(&whole[..[4, 7, 10][usize::from(precision)]])
        })
    }

    proptest! {
        #[test]
        fn a_range_of_facets_is_a_comparison_of_days(
            document in any_date(), from in proptest::option::of(any_date()), to in proptest::option::of(any_date())
        ) {
            let within = from.is_none_or(|from| from.first <= document.first) && to.is_none_or(|to| document.last <= to.last);
            let group = range_facets(from, to).unwrap_or_default();
            prop_assert_eq!(document.facets().any(|facet| group.contains(&facet)), within);
        }

        #[test]
        fn near_ranges_are_comparisons_as_well(day in 1_i64..100_000, before in 0_i64..800, after in 0_i64..800) {
            let at = |number: i64| CalendarDate::of_unix_ns((number - 25_567) * DAY_NS);
            let (Some(from), Some(to)) = (at(day), at(day + 400)) else { return Ok(()) };
            let group = range_facets(Some(from), Some(to)).unwrap();
            prop_assert!(group.len() <= 62 + 22 + 2);
            for document in [at(day - before), at(day + after)].into_iter().flatten() {
                let within = from.first <= document.first && document.last <= to.last;
                prop_assert_eq!(document.facets().any(|facet| group.contains(&facet)), within);
            }
        }

        #[test]
        fn dates_come_back_from_their_text(date in any_date(), text in any::<String>()) {
            prop_assert_eq!(date.to_string().parse(), Ok(date));
            let _ = (text.parse::<CalendarDate>(), CalendarDate::of_metadata(&text));
        }
    }
}
