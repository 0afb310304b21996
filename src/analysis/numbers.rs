//! Numbers inside names: dates, versions, digits beside letters, digits in groups.

use std::ops::RangeInclusive;

/// Appends the eight digits of the day when three parts are a date, `2024-05-17`, `2024.5.17` or `17.5.2024`; says
/// whether they are. `joints` are what stands between them.
pub(super) fn push_date(parts: [&str; 3], joints: [&str; 2], lower: &mut String) -> bool {
    if joints[0] != joints[1] || !matches!(joints[0], "-" | "." | "/") {
        return false;
    }
    let [first, second, third] = parts;
    let day_last = number(first, 4..=4).zip(number(third, 1..=2));
    let day_first = number(third, 4..=4).zip(number(first, 1..=2)).filter(|_| joints[0] == ".");
    let Some(((year, day), month)) = day_last.or(day_first).zip(number(second, 1..=2)) else { return false };
    let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
    if is_day {
        lower.push_str(&format!("{year:04}{month:02}{day:02}"));
    }
    is_day
}

fn number(part: &str, length: RangeInclusive<usize>) -> Option<u32> {
    let is_number = length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { part.parse().ok() } else { None }
}

/// Whether a part is a number after the `v` of a version.
pub(super) fn is_version(part: &str) -> bool {
    matches!(part.as_bytes(), [b'v' | b'V', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Where letters meet digits in a part such as `python3`, `5kg` or `v2`, if they do so once. One letter before or after
/// a number is a name (`e5`) or a unit, except that of a version.
pub(super) fn digits_at(bytes: &[u8]) -> Option<usize> {
    let meets = |pair: &[u8]| pair[0].is_ascii_digit() != pair[1].is_ascii_digit();
    if !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut places = bytes.windows(2).enumerate().filter(|(_, pair)| meets(pair)).map(|(at, _)| at + 1);
    let at = places.next().filter(|_| places.next().is_none())?;
    let letters = if bytes[0].is_ascii_digit() { bytes.len() - at } else { at };
    (letters > 1 || matches!(bytes[0], b'v' | b'V')).then_some(at)
}

/// Whether the byte at `at` is the comma of `1,000`.
pub(super) fn groups_digits(bytes: &[u8], start: usize, at: usize) -> bool {
    let digits_after = bytes[at + 1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let number_before = bytes[start..at].iter().rev().take(16).all(|byte| byte.is_ascii_digit() || *byte == b',');
    bytes[at] == b',' && digits_after == 3 && number_before
}
