//! Where a byte of a document's text stands in UTF-16 code units, for browsers that have the whole text.

use std::collections::BTreeMap;

use crate::store::{Store, StoreError};
use crate::types::DocumentId;

/// Bytes that are read at a time.
const SLICE_BYTES: usize = 256 << 10;
/// Beyond this many bytes into a document nobody counts: an answer does not wait for it.
const COUNTED_BYTES_MAX: usize = 8 << 20;

/// What was counted so far: for each document, places in bytes and in units.
#[derive(Debug, Default)]
pub(super) struct Utf16Index {
    known: BTreeMap<DocumentId, BTreeMap<usize, usize>>,
}

impl Utf16Index {
    /// The places `at`, in ascending order, in units of the document's text; `None` when it is gone or too far to count.
    pub(super) async fn units(
        &mut self,
        store: &dyn Store,
        document: DocumentId,
        at: [usize; 2],
    ) -> Result<Option<[usize; 2]>, StoreError> {
        let mut units = [0; 2];
        for (place, unit) in at.into_iter().zip(&mut units) {
            match self.unit(store, document, place).await? {
                Some(found) => *unit = found,
                None => return Ok(None),
            }
        }
        Ok(Some(units))
    }

    async fn unit(&mut self, store: &dyn Store, document: DocumentId, at: usize) -> Result<Option<usize>, StoreError> {
        if at > COUNTED_BYTES_MAX {
            return Ok(None);
        }
        let places = self.known.entry(document).or_default();
        let (mut byte, mut unit) = places.range(..=at).next_back().map_or((0, 0), |(byte, unit)| (*byte, *unit));
        while byte < at {
            let end = at.min(byte + SLICE_BYTES);
            let Some(slice) = store.text_slice(document, byte, end).await? else { return Ok(None) };
            // Ends that lie within a character move outwards, so progress is certain as long as there is text.
            if slice.end <= byte {
                return Ok(None);
            }
            unit += slice.text.encode_utf16().count();
            byte = slice.end;
        }
        places.insert(byte, unit);
        Ok(Some(unit))
    }
}
