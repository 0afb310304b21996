//! A node's role says whether it is a symbol, holds symbols, or speaks of one; the grammars' names for each are listed here.

use tree_sitter::Node;

use super::title::inner_declarator;

/// What a node is to the outline.
pub(super) enum Role {
    /// A symbol whose members are symbols, too.
    Container,
    /// A symbol that is read as one.
    Leaf,
    /// Holds members that stand in the scope around it.
    Through,
    /// Speaks of what stands below it.
    Comment,
    Other,
}

const COMMENTS: &[&str] = &["comment", "line_comment", "block_comment", "attribute_item", "decorator"];

#[rustfmt::skip]
const CONTAINERS: &[&str] = &[
    "mod_item", "impl_item", "trait_item", "class_definition", "class_declaration", "interface_declaration",
    "abstract_class_declaration", "record_declaration", "struct_declaration", "namespace_declaration",
    "namespace_definition", "internal_module", "module", "class", "class_specifier", "trait_declaration",
    "enum_declaration", "struct_specifier",
];

#[rustfmt::skip]
const LEAVES: &[&str] = &[
    "function_item", "function_signature_item", "struct_item", "enum_item", "union_item", "macro_definition",
    "function_definition", "function_declaration", "generator_function_declaration", "function_signature",
    "method_definition", "method_declaration", "abstract_method_signature", "constructor_declaration",
    "compact_constructor_declaration", "destructor_declaration", "delegate_declaration", "type_spec", "type_alias",
    "type_alias_declaration", "annotation_type_declaration", "method", "singleton_method", "type_definition",
    "preproc_function_def", "enum_specifier", "union_specifier", "property_declaration", "lexical_declaration",
    "variable_declaration",
];

#[rustfmt::skip]
const THROUGH: &[&str] = &[
    "declaration_list", "class_body", "interface_body", "enum_body", "enum_body_declarations", "block",
    "body_statement", "statement_block", "field_declaration_list", "foreign_mod_item", "compound_statement",
    "linkage_specification", "preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif", "type_declaration",
    "enum_declaration_list", "ERROR",
];

/// The role of a node.
pub(super) fn role(node: Node<'_>) -> Role {
    let kind = node.kind();
    if COMMENTS.contains(&kind) {
        return Role::Comment;
    }
    let holds = |field| node.child_by_field_name(field).is_some();
    let defines = match kind {
        // `mod bucket;`, `namespace A;` and `struct bucket *b;` define nothing themselves.
        "mod_item" | "namespace_definition" | "struct_specifier" | "enum_specifier" | "union_specifier" => {
            holds("body")
        }
        "property_declaration" => holds("name"),
        "lexical_declaration" | "variable_declaration" => is_function_value(node),
        "function_definition" => !is_misread(node),
        _ => true,
    };
    match kind {
        _ if !defines => Role::Other,
        _ if CONTAINERS.contains(&kind) => Role::Container,
        _ if LEAVES.contains(&kind) => Role::Leaf,
        _ if THROUGH.contains(&kind) => Role::Through,
        _ => Role::Other,
    }
}

/// Whether a macro call was taken for a function: a function has a list of parameters somewhere in its declarator.
fn is_misread(node: Node<'_>) -> bool {
    let mut inner = node.child_by_field_name("declarator");
    while let Some(declarator) = inner {
        if declarator.kind() == "function_declarator" {
            return false;
        }
        inner = inner_declarator(declarator);
    }
    node.child_by_field_name("declarator").is_some()
}

/// `const f = () => {}` defines a function as `function f() {}` does.
fn is_function_value(node: Node<'_>) -> bool {
    let value = node.named_child(0).and_then(|declarator| declarator.child_by_field_name("value"));
    value.is_some_and(|value| matches!(value.kind(), "arrow_function" | "function_expression" | "class"))
}

/// The symbol inside what only dresses it: `export`, decorators, `template<...>`, `declare`, a lone `type`.
pub(super) fn undressed(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    // The dress is at most `export declare abstract` deep; the bound is for broken code.
    for _ in 0..8 {
        let next = match inner.kind() {
            "export_statement" | "decorated_definition" => {
                inner.child_by_field_name("declaration").or_else(|| inner.child_by_field_name("definition"))
            }
            "template_declaration" | "ambient_declaration" => last_named_child(inner),
            "expression_statement" => last_named_child(inner).filter(|child| child.kind() == "internal_module"),
            "type_declaration" if inner.named_child_count() == 1 => inner.named_child(0),
            _ => None,
        };
        let Some(dressed) = next else { break };
        inner = dressed;
    }
    inner
}

fn last_named_child(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child_count().checked_sub(1).and_then(|last| node.named_child(last as u32))
}
