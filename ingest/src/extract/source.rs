//! A source is what every format's reader is given: the bytes, what they are, and what they may cost.

use super::options::ExtractOptions;
use crate::MediaType;

/// The input of one extraction.
pub(crate) struct Source<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) media_type: MediaType,
    pub(crate) options: &'a ExtractOptions,
}
