//! Numbers in digits and in words, in one form.

/// A number without its form: `1,234.5` is `1234.5`, `12 million` is `12000000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::citation) struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The value is `0.digits` times ten to this.
    exponent: i32,
}

impl Decimal {
    /// The number that digits write, with groups and a decimal part.
    pub(super) fn parse(written: &str) -> Option<Self> {
        let plain: String = written.chars().filter(|c| *c != ',').collect();
        let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(part) || plain.len() > 60 {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let all = format!("{whole}{part}");
        let digits = all.trim_start_matches('0');
        let zeros = i32::try_from(all.len() - digits.len()).ok()?;
        let exponent = i32::try_from(whole.len()).ok()? - zeros;
        let digits = digits.trim_end_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent };
        Some(Self { negative: false, digits, exponent })
    }

    pub(super) fn of(value: u64) -> Self {
        Self::parse(&value.to_string()).expect("the digits of a number are a number")
    }

    /// Times ten to `zeros`.
    pub(super) fn shifted(mut self, zeros: i32) -> Self {
        if !self.digits.is_empty() {
            self.exponent += zeros;
        }
        self
    }

    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.digits.is_empty();
        self
    }

    /// The value, when it is a whole number that is not too large.
    pub(in crate::citation) fn whole(&self) -> Option<u64> {
        let length = usize::try_from(self.exponent).ok()?;
        if self.negative || length > 18 || self.digits.len() > length {
            return None;
        }
        format!("{:0<length$}", self.digits).parse().ok().or(self.digits.is_empty().then_some(0))
    }

    /// The sum, when both are whole.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        // A decimal part of the first, as in 3.5억 2천만, makes the sum ambiguous.
        Some(Self::of(self.whole()?.checked_add(other.whole()?)?))
    }
}

/// Powers of ten by their names.
pub(super) fn scale(word: &str) -> Option<i32> {
    Some(match word {
        "hundred" | "hundreds" | "백" => 2,
        "thousand" | "thousands" | "천" => 3,
        "만" => 4,
        "십만" => 5,
        "million" | "millions" | "백만" => 6,
        "천만" => 7,
        "억" => 8,
        "billion" | "billions" | "십억" => 9,
        "백억" => 10,
        "천억" => 11,
        "trillion" | "trillions" | "조" => 12,
        _ => return None,
    })
}

/// A number below a hundred as one English word, or an ordinal.
pub(super) fn english(word: &str) -> Option<(u64, bool)> {
    const CARDINALS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    const ORDINALS: [&str; 13] = [
        "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
        "eleventh", "twelfth",
    ];
    let value = |at: usize| u64::try_from(at).unwrap_or(0);
    if let Some(at) = CARDINALS.iter().position(|name| *name == word) {
        return Some((value(at), false));
    }
    if let Some(at) = TENS.iter().position(|name| *name == word) {
        return Some((value(at) * 10 + 20, false));
    }
    if let Some(at) = ORDINALS.iter().position(|name| *name == word) {
        return Some((value(at), true));
    }
    let stem = word.strip_suffix("th")?;
    if let Some(at) = CARDINALS.iter().position(|name| *name == stem) {
        return Some((value(at), true));
    }
    let tens = stem.strip_suffix("ie")?;
    TENS.iter().position(|name| name.strip_suffix('y') == Some(tens)).map(|at| (value(at) * 10 + 20, true))
}

/// The number that the first characters of a run write in Sino-Korean numerals, and how many bytes they take: `삼백만`.
/// At least two numerals with a power of ten among them, because single ones are also particles and nouns.
pub(super) fn sino_korean(run: &str) -> Option<(Decimal, usize)> {
    let (mut total, mut section, mut digit) = (0_u64, 0_u64, None::<u64>);
    let (mut end, mut count, mut has_power) = (0, 0, false);
    for (at, c) in run.char_indices() {
        if let Some(value) = "영일이삼사오육칠팔구".chars().position(|numeral| numeral == c) {
            digit = Some(u64::try_from(value).ok()?);
        } else if let Some(power) = "십백천".chars().position(|numeral| numeral == c) {
            section += digit.take().unwrap_or(1) * 10_u64.pow(u32::try_from(power).ok()? + 1);
            has_power = true;
        } else if let Some(power) = "만억조".chars().position(|numeral| numeral == c) {
            let value = section + digit.take().unwrap_or(0);
            total += value.max(1).checked_mul(10_u64.pow((u32::try_from(power).ok()? + 1) * 4))?;
            (section, has_power) = (0, true);
        } else {
            break;
        }
        end = at + c.len_utf8();
        count += 1;
        if count > 16 {
            return None;
        }
    }
    let value = total.checked_add(section + digit.unwrap_or(0))?;
    (count > 1 && has_power).then(|| (Decimal::of(value), end))
}

/// Native Korean numerals before a counter: `세 명`.
pub(super) fn native_korean(word: &str) -> Option<u64> {
    Some(match word {
        "한" | "하나" => 1,
        "두" | "둘" => 2,
        "세" | "셋" | "석" => 3,
        "네" | "넷" | "넉" => 4,
        "다섯" => 5,
        "여섯" => 6,
        "일곱" => 7,
        "여덟" => 8,
        "아홉" => 9,
        "열" => 10,
        "열두" => 12,
        "스무" | "스물" => 20,
        "서른" => 30,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_number_are_one() {
        let number = |text: &str| Decimal::parse(text).unwrap();
        assert_eq!(number("1,234.50"), number("1234.5"));
        assert_eq!(number("12").shifted(6), number("12,000,000"));
        assert_eq!(number("0.05"), number("0.050"));
        assert_ne!(number("0.05"), number("0.5"));
        assert_ne!(number("12"), number("120"));
        assert_eq!(number("120").whole(), Some(120));
        assert_eq!(number("0").whole(), Some(0));
        assert_eq!(sino_korean("삼백만명"), Some((number("3000000"), 9)));
        assert_eq!(sino_korean("이천이십사년"), Some((number("2024"), 15)));
        assert_eq!(sino_korean("이다"), None);
        assert_eq!(english("seventieth"), Some((70, true)));
        assert_eq!(english("fourteen"), Some((14, false)));
    }
}
