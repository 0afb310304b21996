//! A block says of a part of the text that it is a table, code or a list.

use serde::{Deserialize, Serialize};

use crate::{ChunkKind, Span};

/// A part of the text that is not prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Where it lies: whole lines.
    pub span: Span,
    /// What it is.
    pub kind: ChunkKind,
    /// Of a table, the rows at its head that say what the columns hold. They lie inside `span`, at its beginning. A chunk that
    /// begins below them carries them along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Span>,
}
