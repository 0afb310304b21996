//! Documents that were put into another one, a table of figures for instance, are read as its children.

use crate::extract::entries::Entries;
use crate::extract::source::Source;
use crate::extract::zip_guard;
use crate::{Document, Warning};

/// Reads the documents inside a zipped office document. What stands in older containers is counted and left out.
pub(super) fn read_into(document: &mut Document, source: &Source<'_>) {
    let Ok(mut archive) = zip_guard::open(source.bytes, super::name(source.media_type)) else { return };
    let mut entries = Entries::new(source);
    let mut not_read = 0;
    for index in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(index) else { continue };
        let Some(path) = entry.name().ok().and_then(|name| path_inside(&name)) else { continue };
        if path.ends_with(".bin") {
            not_read += 1;
            continue;
        }
        let Some(admitted) = entries.admit(&path) else { continue };
        let packed = entry.compressed_size();
        match source.spend_entry().and_then(|()| zip_guard::unpacked(source, &mut entry, packed)) {
            Ok(bytes) => entries.read(&admitted, &bytes),
            Err(_) => not_read += 1,
        }
    }
    entries.finish(document, "embedded pictures and media");
    if not_read > 0 {
        document.warnings.push(Warning::NotRead { what: "embedded objects".into(), count: not_read });
    }
}

/// `embeddings/prices.xlsx` of `word/embeddings/prices.xlsx`.
fn path_inside(name: &str) -> Option<String> {
    let (folder, file) = name.rsplit_once('/')?;
    let is_plain = !file.is_empty() && file != "." && file != ".." && !file.contains('\\');
    (folder.ends_with("/embeddings") && is_plain).then(|| format!("embeddings/{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_the_folder_of_embedded_ones_count() {
        assert_eq!(path_inside("word/embeddings/A.xlsx").as_deref(), Some("embeddings/A.xlsx"));
        for other in ["word/document.xml", "word/embeddings/", "word/embeddings/..", "embeddings"] {
            assert_eq!(path_inside(other), None, "{other}");
        }
    }
}
