//! A grammar says how the source code of a language is built up.

use tree_sitter::Language as Grammar;

use crate::Language;

/// The grammar of a language, where there is one. The file's name tells dialects apart that share a media type.
pub(super) fn of(language: Language, name: &str, text: &str) -> Option<Grammar> {
    let lower = name.to_ascii_lowercase();
    Some(match language {
        Language::Rust => tree_sitter_rust::LANGUAGE.into(),
        Language::Python => tree_sitter_python::LANGUAGE.into(),
        Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        Language::TypeScript if lower.ends_with(".tsx") => tree_sitter_typescript::LANGUAGE_TSX.into(),
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Language::Go => tree_sitter_go::LANGUAGE.into(),
        Language::Java => tree_sitter_java::LANGUAGE.into(),
        Language::C if lower.ends_with(".h") && is_cpp_header(text) => tree_sitter_cpp::LANGUAGE.into(),
        Language::C => tree_sitter_c::LANGUAGE.into(),
        Language::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        Language::CSharp => tree_sitter_c_sharp::LANGUAGE.into(),
        Language::Ruby => tree_sitter_ruby::LANGUAGE.into(),
        Language::Php => tree_sitter_php::LANGUAGE_PHP.into(),
        Language::Shell if !lower.ends_with(".fish") => tree_sitter_bash::LANGUAGE.into(),
        _ => return None,
    })
}

/// Headers of C++ often have the name of a C header.
fn is_cpp_header(text: &str) -> bool {
    let begins =
        |line: &str| ["class ", "namespace ", "template"].iter().any(|word| line.trim_start().starts_with(word));
    text.lines().any(|line| begins(line) && !line.trim_end().ends_with(';'))
}
