//! The head of a safetensors file: which tensors there are, how they are stored, and where they lie.
//!
//! A u64 gives the length of a JSON object from names to type, shape and byte range; the bytes follow
//! (github.com/huggingface/safetensors). Tensors of other types than f32, f16 and bf16 are passed over.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::EncoderError;
use crate::source::Source;
use crate::storage::{Entry, Storage};

/// Longest head. That of a model of 24 layers has 40 kB.
const HEAD_BYTES_MAX: u64 = 16 << 20;
/// The one name that is not that of a tensor.
const METADATA: &str = "__metadata__";

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Reads the head. The tensors together may not claim more bytes than the file has, so that no list of overlapping tensors
/// can ask for more memory than the file is long.
pub(crate) fn read_directory(source: &mut Source) -> Result<HashMap<String, Entry>, EncoderError> {
    let length = source.u64("head length")?;
    if length > HEAD_BYTES_MAX {
        return Err(source.damaged(format!("its head has {length} bytes, and {HEAD_BYTES_MAX} are allowed")));
    }
    let head = source.bytes(length, "head")?;
    let tensors: HashMap<String, Value> =
        serde_json::from_slice(&head).map_err(|error| source.damaged(format!("its head is not JSON: {error}")))?;
    let data = 8 + length;
    let mut entries = HashMap::with_capacity(tensors.len());
    let mut claimed = 0_u64;
    for (name, value) in tensors.into_iter().filter(|(name, _)| name != METADATA) {
        let unreadable = |_| source.damaged(format!("tensor {name} has no type, shape and place"));
        let tensor = Tensor::deserialize(value).map_err(unreadable)?;
        let Some(storage) = storage_of(&tensor.dtype) else { continue };
        let [begin, end] = tensor.data_offsets;
        claimed = claimed.saturating_add(end.saturating_sub(begin));
        let entry = placed(&tensor, storage, data).filter(|_| claimed <= source.length());
        let inside = data.checked_add(end).is_some_and(|end| end <= source.length());
        let entry = entry.filter(|_| inside).ok_or_else(|| source.damaged(format!("tensor {name} does not fit")))?;
        entries.insert(name, entry);
    }
    Ok(entries)
}

fn storage_of(dtype: &str) -> Option<Storage> {
    match dtype {
        "F32" => Some(Storage::Float),
        "F16" => Some(Storage::Half),
        "BF16" => Some(Storage::Brain),
        _ => None,
    }
}

/// Where the tensor lies, if its shape and its byte range agree.
fn placed(tensor: &Tensor, storage: Storage, data: u64) -> Option<Entry> {
    let elements = tensor.shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    let elements = usize::try_from(elements).ok()?;
    let [begin, end] = tensor.data_offsets;
    let agrees = end.checked_sub(begin) == Some(storage.bytes(elements));
    agrees.then_some(Entry { storage, elements, offset: data.checked_add(begin)? })
}
