//! A media type says what a document's bytes are, in words that HTTP understands.

use serde::{Deserialize, Serialize};

/// What a document is read as. Serialised as its MIME name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum MediaType {
    /// CommonMark with tables.
    Markdown,
    /// Text without markup.
    PlainText,
    /// A web page.
    Html,
    /// Source code, configuration or data in a text format; kept as it is.
    Code(Language),
    /// Portable Document Format.
    Pdf,
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
    Json "application/json" ["json", "jsonl", "ndjson", "json5"] "JSON and JSON lines.";
    Xml "text/xml" ["xml", "xsd", "xsl", "xslt"] "XML.";
    Ini "text/x-ini" ["ini", "cfg", "conf", "properties", "env"] "Settings of the form key = value.";
    Csv "text/csv" ["csv"] "Comma-separated values.";
    Tsv "text/tab-separated-values" ["tsv", "tab"] "Tab-separated values.";
    Dockerfile "text/x-dockerfile" ["dockerfile"] "A container recipe.";
    Makefile "text/x-makefile" ["mk", "makefile", "cmake"] "A build recipe.";
    Diff "text/x-diff" ["diff", "patch"] "A difference between files.";
    Tex "text/x-tex" ["tex", "sty", "bib"] "TeX.";
}

impl MediaType {
    /// The MIME name, without parameters.
    #[must_use]
    pub const fn as_mime(&self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown",
            Self::PlainText => "text/plain",
            Self::Html => "text/html",
            Self::Code(language) => language.as_mime(),
            Self::Pdf => "application/pdf",
        }
    }

    /// The media type of a MIME name; parameters such as `; charset=utf-8` are passed over.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/markdown" | "text/x-markdown" => Some(Self::Markdown),
            "text/plain" => Some(Self::PlainText),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/pdf" | "application/x-pdf" => Some(Self::Pdf),
            other => Language::ALL.iter().find(|language| language.as_mime() == other).copied().map(Self::Code),
        }
    }

    /// The media type of files with this extension, which is given without its dot.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        crate::detect::media_type_of_extension(extension)
    }

    /// Whether the extracted text is Markdown: the source itself, or what a web page was turned into.
    #[must_use]
    pub const fn is_markdown_text(&self) -> bool {
        matches!(self, Self::Markdown | Self::Html)
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
    fn every_media_type_comes_back_from_its_name() {
        let plain = [MediaType::Markdown, MediaType::PlainText, MediaType::Html, MediaType::Pdf];
        let code = Language::ALL.iter().copied().map(MediaType::Code);
        for media_type in plain.into_iter().chain(code) {
            assert_eq!(MediaType::from_mime(media_type.as_mime()), Some(media_type));
        }
        assert_eq!(MediaType::from_mime("Text/HTML; charset=euc-kr"), Some(MediaType::Html));
        assert_eq!(MediaType::from_mime("image/png"), None);
        assert_eq!(MediaType::from_extension("PDF"), Some(MediaType::Pdf));
        assert_eq!(MediaType::from_extension("rs"), Some(MediaType::Code(Language::Rust)));
        assert_eq!((MediaType::from_extension(".pdf"), MediaType::from_extension("")), (None, None));
    }

    #[test]
    fn no_extension_belongs_to_two_languages() {
        let mut seen = BTreeSet::new();
        for extension in Language::ALL.iter().flat_map(Language::extensions) {
            assert!(seen.insert(extension), "{extension} is listed twice");
        }
    }
}
