//! Scripts that run to the left are drawn from left to right in PDF, glyph by glyph, and are stored as they are read.

use std::borrow::Cow;

/// Turns a line from the order in which it is seen into the order in which it is read.
///
/// This undoes what the Unicode bidirectional algorithm does to a line without nesting: runs of the other direction than the
/// line's are turned, and in a line to the left so is their order. Brackets are mirrored in runs to the left.
pub(super) fn logical(seen: &str) -> Cow<'_, str> {
    let leftwards = seen.chars().filter(|c| is_leftwards(*c)).count();
    if leftwards == 0 {
        return Cow::Borrowed(seen);
    }
    let rightwards = seen.chars().filter(|c| is_rightwards(*c)).count();
    let is_left_line = leftwards > rightwards;
    let mut runs: Vec<(bool, String)> = Vec::new();
    let mut neutral = String::new();
    for c in seen.chars() {
        let direction = if is_leftwards(c) {
            true
        } else if is_rightwards(c) || c.is_numeric() {
            false
        } else {
            neutral.push(c);
            continue;
        };
        let between = std::mem::take(&mut neutral);
        match runs.last_mut() {
            Some((last, run)) if *last == direction => run.push_str(&between),
            _ if !between.is_empty() => runs.push((is_left_line, between)),
            _ => {}
        }
        match runs.last_mut() {
            Some((last, run)) if *last == direction => run.push(c),
            _ => runs.push((direction, c.to_string())),
        }
    }
    runs.push((is_left_line, neutral));
    let turned = |(is_left, run): (bool, String)| if is_left { run.chars().rev().map(mirrored).collect() } else { run };
    let read = runs.into_iter().map(turned);
    Cow::Owned(if is_left_line { read.rev().collect() } else { read.collect() })
}

/// Letters of the scripts that run to the left: Hebrew, Arabic and those between and around them in Unicode.
pub(super) fn is_leftwards(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{65F}' | '\u{66D}'..='\u{6EF}' | '\u{6FA}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

fn is_rightwards(c: char) -> bool {
    c.is_alphabetic() && !is_leftwards(c)
}

fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, as it is seen from left to right.
    fn seen(words: &str) -> String {
        words.chars().rev().collect()
    }

    #[test]
    fn a_line_to_the_left_is_turned_and_its_numbers_are_not() {
        let read = "שלום עולם 12.5 בבית";
        let shown = format!("{} 12.5 {}", seen("בבית"), seen("שלום עולם"));
        assert_eq!(logical(&shown), read);
    }

    #[test]
    fn words_to_the_left_are_turned_in_a_line_to_the_right() {
        let shown = format!("the word {} means hello", seen("שלום"));
        assert_eq!(logical(&shown), "the word שלום means hello");
        assert_eq!(logical("plain words"), "plain words");
    }

    #[test]
    fn brackets_open_where_they_are_read() {
        assert_eq!(logical(&format!("({}) {}", seen("עולם"), seen("שלום"))), "שלום (עולם)");
    }
}
