//! A destination says where the words of a group go.

/// Where words go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// The text.
    Body,
    /// Nowhere.
    Nowhere,
    Fonts,
    Styles,
    /// A group of the document's own description, and one entry of it.
    Info,
    Entry(&'static str),
    /// A date in that description.
    Date(&'static str),
    /// The number or bullet that a program wrote before an item.
    Marker,
    Header,
    Footer,
    Footnote,
    Comment,
}

impl Destination {
    /// The destination that a control word begins. `starred` is whether readers may pass over it when they do not know it.
    pub(super) fn begun_by(word: &str, starred: bool) -> Option<Self> {
        Some(match word {
            "fonttbl" => Self::Fonts,
            "stylesheet" => Self::Styles,
            "info" => Self::Info,
            "title" => Self::Entry("title"),
            "author" => Self::Entry("author"),
            "subject" => Self::Entry("subject"),
            "keywords" => Self::Entry("keywords"),
            "creatim" => Self::Date("created"),
            "revtim" => Self::Date("modified"),
            "listtext" | "pntext" => Self::Marker,
            "header" | "headerl" | "headerr" | "headerf" => Self::Header,
            "footer" | "footerl" | "footerr" | "footerf" => Self::Footer,
            "footnote" => Self::Footnote,
            "annotation" => Self::Comment,
            // These hold words of the text, although older programs may pass over them.
            "shpinst" | "shptxt" | "do" | "dptxbxtext" | "result" | "fldrslt" => Self::Body,
            // The second half of a pair, of which the first is for programs that know no Unicode.
            "ud" => return None,
            _ if starred || is_no_text(word) => Self::Nowhere,
            _ => return None,
        })
    }
}

fn is_no_text(word: &str) -> bool {
    const NO_TEXT: [&str; 19] = [
        "colortbl",
        "pict",
        "objdata",
        "nonshppict",
        "nonesttables",
        "fldinst",
        "sp",
        "xe",
        "tc",
        "tcn",
        "rxe",
        "filetbl",
        "revtbl",
        "listtable",
        "listoverridetable",
        "operator",
        "comment",
        "doccomm",
        "private1",
    ];
    NO_TEXT.contains(&word)
}
