//! A piece of a text: a word, a part of a name, or a pair of characters, in the form before stemming.

/// What may still be done to a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Letters only: it has a stem.
    Word,
    /// Digits or joints: it stands as it is.
    Exact,
    /// Characters out of a run without spaces.
    Gram,
}

/// What a piece is of the name or run that it was cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A name with inner joints, as one.
    Whole,
    /// A word, or what stands between the joints of a name.
    Part,
    /// A hump of a part, such as `Case` of `camelCase` or `3` of `python3`.
    Hump,
    /// A pair out of a run without spaces, or the only character of one.
    Gram,
    /// The last character of a longer run, which no pair begins with.
    Last,
}

/// A piece of text in lower-case normal form, with its accents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) form: Form,
    pub(super) role: Role,
    /// Where it stands among the words and characters before it: a word takes one place, a run one for each of its
    /// characters, a name one for each part or hump. A whole name stands where its first part does.
    pub(super) position: u32,
    /// First byte in the input.
    pub(super) start: usize,
    /// One past the last byte in the input.
    pub(super) end: usize,
    /// The word, name or run that it was cut from.
    pub(super) run: (usize, usize),
}
