//! A media type says what a document's bytes are, in words that HTTP understands.

use serde::{Deserialize, Serialize};

macro_rules! media_types {
    ($($variant:ident $markup:ident [$mime:literal $(, $alias:literal)*] [$($extension:literal),*] $doc:literal;)*) => {
        /// What a document is read as. Serialised as its MIME name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum MediaType {
            $(#[doc = $doc] $variant,)*
            /// Source code, configuration or data in a text format; kept as it is.
            Code(Language),
        }

        impl MediaType {
            /// Every media type but the languages of source code.
            pub const DOCUMENTS: &'static [Self] = &[$(Self::$variant),*];

            /// The MIME name, without parameters.
            #[must_use]
            pub const fn as_mime(&self) -> &'static str {
                match self { $(Self::$variant => $mime,)* Self::Code(language) => language.as_mime() }
            }

            /// File name extensions in lower case, without the dot.
            #[must_use]
            pub const fn extensions(&self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($extension),*],)* Self::Code(language) => language.extensions() }
            }

            /// Other names that the same format goes by.
            const fn aliases(&self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($alias),*],)* Self::Code(_) => &[] }
            }

            const fn markup(&self) -> Markup {
                match self { $(Self::$variant => Markup::$markup,)* Self::Code(_) => Markup::Verbatim }
            }
        }
    };
}

/// How an extracted text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Markup {
    /// Markdown: the source itself, or what it was turned into.
    Markdown,
    /// As it stands in the source.
    Verbatim,
}

#[rustfmt::skip]
media_types! {
    Markdown Markdown ["text/markdown", "text/x-markdown"] ["md", "markdown", "mdown", "mkd", "mdx", "qmd"] "CommonMark with tables.";
    PlainText Verbatim ["text/plain"] ["txt", "text", "log"] "Text without markup.";
    Html Markdown ["text/html", "application/xhtml+xml"] ["html", "htm", "xhtml", "xht"] "A web page.";
    Pdf Verbatim ["application/pdf", "application/x-pdf"] ["pdf"] "Portable Document Format.";
    Docx Markdown ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] ["docx", "docm", "dotx"] "Word since 2007.";
    Pptx Markdown ["application/vnd.openxmlformats-officedocument.presentationml.presentation"] ["pptx", "pptm", "ppsx"] "PowerPoint since 2007.";
    Xlsx Verbatim ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] ["xlsx", "xlsm", "xltx"] "Excel since 2007.";
    Odt Markdown ["application/vnd.oasis.opendocument.text"] ["odt", "ott"] "OpenDocument text.";
    Odp Markdown ["application/vnd.oasis.opendocument.presentation"] ["odp"] "OpenDocument presentation.";
    Ods Verbatim ["application/vnd.oasis.opendocument.spreadsheet"] ["ods"] "OpenDocument spreadsheet.";
    Doc Markdown ["application/msword"] ["doc", "dot"] "Word 97 to 2003.";
    Ppt Markdown ["application/vnd.ms-powerpoint"] ["ppt", "pps"] "PowerPoint 97 to 2003.";
    Xls Verbatim ["application/vnd.ms-excel"] ["xls"] "Excel 97 to 2003.";
    Rtf Markdown ["application/rtf", "text/rtf"] ["rtf"] "Rich Text Format.";
    Hwp Markdown ["application/x-hwp", "application/haansofthwp", "application/vnd.hancom.hwp"] ["hwp"] "Hangul word processor, versions 3 and 5.";
    Hwpx Markdown ["application/hwp+zip", "application/vnd.hancom.hwpx"] ["hwpx"] "Hangul word processor, open format.";
    Epub Markdown ["application/epub+zip"] ["epub"] "E-book.";
    Eml Markdown ["message/rfc822"] ["eml"] "Mail message.";
    Mbox Markdown ["application/mbox"] ["mbox"] "Mailbox.";
    Ipynb Markdown ["application/x-ipynb+json"] ["ipynb"] "Jupyter notebook.";
    Csv Verbatim ["text/csv"] ["csv"] "Comma-separated values.";
    Tsv Verbatim ["text/tab-separated-values"] ["tsv", "tab"] "Tab-separated values.";
    Json Verbatim ["application/json"] ["json", "json5", "geojson"] "JSON.";
    JsonLines Verbatim ["application/x-ndjson", "application/jsonl", "application/x-jsonlines"] ["jsonl", "ndjson"] "JSON lines.";
    ReStructuredText Verbatim ["text/x-rst", "text/prs.fallenstein.rst"] ["rst", "rest"] "reStructuredText.";
    AsciiDoc Verbatim ["text/asciidoc", "text/x-asciidoc"] ["adoc", "asciidoc", "asc"] "AsciiDoc.";
    Org Verbatim ["text/x-org", "text/org"] ["org"] "Emacs org mode.";
    Latex Verbatim ["text/x-tex", "application/x-tex", "application/x-latex"] ["tex", "ltx", "latex"] "LaTeX.";
    Srt Verbatim ["application/x-subrip", "text/srt"] ["srt"] "SubRip subtitles.";
    Vtt Verbatim ["text/vtt"] ["vtt"] "WebVTT subtitles.";
    Zip Verbatim ["application/zip", "application/x-zip-compressed"] ["zip"] "Zip archive, read as a folder.";
    Tar Verbatim ["application/x-tar", "application/gzip", "application/x-gzip"] ["tar", "tgz", "gz"] "Tar archive, also one compressed by gzip, read as a folder.";
}

macro_rules! languages {
    ($($variant:ident $mime:literal [$($extension:literal),*] $doc:literal;)*) => {
        /// A language or text data format that is kept as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Language { $(#[doc = $doc] $variant),* }

        impl Language {
            /// Every language.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The MIME name.
            #[must_use]
            pub const fn as_mime(&self) -> &'static str {
                match self { $(Self::$variant => $mime),* }
            }

            /// File name extensions in lower case, without the dot.
            #[must_use]
            pub const fn extensions(&self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($extension),*]),* }
            }
        }
    };
}

languages! {
    Rust "text/x-rust" ["rs"] "Rust.";
    Python "text/x-python" ["py", "pyi", "pyw"] "Python.";
    JavaScript "text/javascript" ["js", "mjs", "cjs", "jsx"] "JavaScript.";
    TypeScript "text/x-typescript" ["ts", "tsx", "mts", "cts"] "TypeScript.";
    Java "text/x-java" ["java"] "Java.";
    Kotlin "text/x-kotlin" ["kt", "kts"] "Kotlin.";
    Scala "text/x-scala" ["scala", "sc"] "Scala.";
    C "text/x-c" ["c", "h"] "C.";
    Cpp "text/x-c++" ["cpp", "cc", "cxx", "hpp", "hh", "hxx"] "C++.";
    CSharp "text/x-csharp" ["cs"] "C#.";
    Go "text/x-go" ["go"] "Go.";
    Ruby "text/x-ruby" ["rb"] "Ruby.";
    Php "text/x-php" ["php"] "PHP.";
    Swift "text/x-swift" ["swift"] "Swift.";
    Lua "text/x-lua" ["lua"] "Lua.";
    Perl "text/x-perl" ["pl", "pm"] "Perl.";
    R "text/x-r" ["r"] "R.";
    Haskell "text/x-haskell" ["hs"] "Haskell.";
    Elixir "text/x-elixir" ["ex", "exs"] "Elixir.";
    Shell "text/x-shellscript" ["sh", "bash", "zsh", "fish"] "Shell.";
    PowerShell "text/x-powershell" ["ps1", "psm1"] "PowerShell.";
    Sql "text/x-sql" ["sql"] "SQL.";
    Protobuf "text/x-protobuf" ["proto"] "Protocol Buffers.";
    GraphQl "text/x-graphql" ["graphql", "gql"] "GraphQL.";
    Css "text/css" ["css", "scss", "less"] "CSS and its dialects.";
    Toml "text/x-toml" ["toml"] "TOML.";
    Yaml "text/x-yaml" ["yaml", "yml"] "YAML.";
    Xml "text/xml" ["xml", "xsd", "xsl", "xslt"] "XML.";
    Ini "text/x-ini" ["ini", "cfg", "conf", "properties", "env"] "Settings of the form key = value.";
    Dockerfile "text/x-dockerfile" ["dockerfile"] "A container recipe.";
    Makefile "text/x-makefile" ["mk", "makefile", "cmake"] "A build recipe.";
    Diff "text/x-diff" ["diff", "patch"] "A difference between files.";
    TexStyle "text/x-tex-style" ["sty", "cls"] "TeX macros.";
    Bibtex "text/x-bibtex" ["bib"] "BibTeX.";
}

impl MediaType {
    /// The media type of a MIME name; parameters such as `; charset=utf-8` are passed over.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let named = |known: &&Self| known.as_mime() == essence || known.aliases().contains(&essence.as_str());
        let code = || Language::ALL.iter().find(|language| language.as_mime() == essence).copied().map(Self::Code);
        Self::DOCUMENTS.iter().find(named).copied().or_else(code)
    }

    /// The media type of files with this extension, which is given without its dot.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        let key = extension.to_ascii_lowercase();
        let code = || Language::ALL.iter().find(|language| language.extensions().contains(&key.as_str()));
        let document = Self::DOCUMENTS.iter().find(|known| known.extensions().contains(&key.as_str()));
        document.copied().or_else(|| code().copied().map(Self::Code))
    }

    /// Whether the extracted text is Markdown: the source itself, or what it was turned into.
    #[must_use]
    pub fn is_markdown_text(&self) -> bool {
        self.markup() == Markup::Markdown
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.as_mime().to_owned()
    }
}

/// A MIME name that names nothing this crate reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("media type is not known: {0}")]
pub struct UnknownMediaType(pub String);

impl TryFrom<String> for MediaType {
    type Error = UnknownMediaType;

    fn try_from(mime: String) -> Result<Self, Self::Error> {
        Self::from_mime(&mime).ok_or(UnknownMediaType(mime))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_media_type_comes_back_from_each_of_its_names() {
        let code = Language::ALL.iter().copied().map(MediaType::Code);
        for media_type in MediaType::DOCUMENTS.iter().copied().chain(code) {
            assert_eq!(MediaType::from_mime(media_type.as_mime()), Some(media_type));
            for alias in media_type.aliases() {
                assert_eq!(MediaType::from_mime(alias), Some(media_type), "{alias}");
            }
            for extension in media_type.extensions() {
                assert_eq!(MediaType::from_extension(&extension.to_uppercase()), Some(media_type), "{extension}");
            }
        }
        assert_eq!(MediaType::from_mime("Text/HTML; charset=euc-kr"), Some(MediaType::Html));
        assert_eq!(MediaType::from_mime("image/png"), None);
        assert_eq!((MediaType::from_extension(".pdf"), MediaType::from_extension("")), (None, None));
    }

    #[test]
    fn no_extension_belongs_to_two_media_types() {
        let mut seen = BTreeSet::new();
        let code = Language::ALL.iter().copied().map(MediaType::Code);
        for extension in MediaType::DOCUMENTS.iter().copied().chain(code).flat_map(|known| known.extensions()) {
            assert!(seen.insert(extension), "{extension} is listed twice");
        }
    }
}
