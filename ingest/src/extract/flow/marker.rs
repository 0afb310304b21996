//! A marker is what a program wrote before an item: a bullet, a number, or words.

/// What stands before an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    None,
    Bullet,
    Number(u32),
    /// Words that Markdown could not write as a marker: `제1조`, `1.2.`, `a)`.
    Words,
}

impl Marker {
    pub(super) fn of(marker: &str) -> Self {
        let number = marker.strip_suffix(['.', ')']).and_then(|digits| digits.parse().ok());
        match number {
            _ if marker.is_empty() => Self::None,
            Some(number) => Self::Number(number),
            // Courier's small o is drawn as a circle.
            None if marker == "o" || !marker.chars().any(char::is_alphanumeric) => Self::Bullet,
            None => Self::Words,
        }
    }
}

/// What of a marker belongs to the words of a heading: a number does, a bullet does not.
pub(in crate::extract) fn in_heading(marker: &str) -> &str {
    match Marker::of(marker) {
        Marker::None | Marker::Bullet => "",
        Marker::Number(_) | Marker::Words => marker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_told_apart() {
        for (marker, kind) in [
            ("●", Marker::Bullet),
            ("\u{F0B7}", Marker::Bullet),
            ("o", Marker::Bullet),
            ("12.", Marker::Number(12)),
            ("3)", Marker::Number(3)),
            ("제1조", Marker::Words),
            ("1.2.", Marker::Words),
            ("", Marker::None),
        ] {
            assert_eq!(Marker::of(marker), kind, "{marker}");
        }
    }
}
