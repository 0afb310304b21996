//! An archive is read as the folder that it is: each entry is a document.

mod gzip;
mod tarball;
mod zipped;

use std::io::{self, Read};

use super::clean::clean;
use super::entries::Entries;
use super::source::Source;
use super::zip_guard::unpacked;
use crate::{Document, ExtractError, Span, Warning};

/// Reads zip, tar and gzip. The text is the list of the entries, and none of it is body.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut entries = Entries::new(source);
    let ended = match source.bytes {
        [0x1F, 0x8B, ..] => gzip::read(source, &mut entries),
        [b'P', b'K', ..] => zipped::read(source, &mut entries),
        _ => tarball::read(source, source.bytes, &mut entries),
    };
    let mut warnings = Vec::new();
    if let Err(error) = ended {
        if entries.is_empty() {
            return Err(error);
        }
        warnings.push(Warning::PartlyRead { what: "archive".to_owned(), reason: error.to_string() });
    }
    if entries.all_encrypted() {
        return Err(ExtractError::Encrypted { format: "archive".to_owned() });
    }
    entries.sort();
    let text = clean(entries.listing(), &mut Vec::new());
    let mut document = Document::of_text(source.media_type, text, warnings);
    document.body = Span::new(document.text.len(), document.text.len());
    entries.finish(&mut document, "pictures, sound, video and fonts");
    Ok(document)
}

/// Unpacks one entry and reads it. An error ends the whole archive; what concerns the entry alone stays with it. What came
/// out before an entry's damage is read, and the damage is what comes back.
fn read_entry(
    source: &Source<'_>,
    entries: &mut Entries<'_>,
    path: &str,
    (reader, packed): (&mut impl Read, u64),
) -> Result<Option<String>, ExtractError> {
    let mut watched = Watched { inner: reader, failed: None };
    match unpacked(source, &mut watched, packed) {
        Ok(bytes) => {
            entries.read(path, &bytes);
            Ok(watched.failed.map(|reason| format!("{path}: {reason}")))
        }
        Err(error) => {
            entries.fail(path, packed, error.clone());
            if source.inflatable_bytes() == 0 { Err(error) } else { Ok(None) }
        }
    }
}

/// A stream that remembers how it failed, because what it gave before is worth reading.
struct Watched<R> {
    inner: R,
    failed: Option<String>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| self.failed = Some(error.to_string().to_lowercase()))
    }
}

fn damaged(format: &str, error: &impl std::fmt::Display) -> ExtractError {
    ExtractError::Damaged { format: format.to_owned(), reason: error.to_string().to_lowercase() }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use crate::{Document, ExtractError, ExtractOptions, Limits, Warning, extract};

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            // The builder refuses names that lead outside, so they are written past it.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip_of(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Document {
        extract(name, bytes, &ExtractOptions::default()).unwrap()
    }

    fn read_with(limits: Limits, bytes: &[u8]) -> Result<Document, ExtractError> {
        extract("a.zip", bytes, &ExtractOptions { limits, ..ExtractOptions::default() })
    }

    fn paths(document: &Document) -> Vec<(&str, &str)> {
        let said = |outcome: &Result<Document, ExtractError>| match outcome {
            Ok(_) => "ok",
            Err(error) => error.code(),
        };
        document.children.iter().map(|child| (child.path.as_str(), said(&child.outcome))).collect()
    }

    #[test]
    fn a_zip_is_a_folder_in_the_order_of_its_paths() {
        let inner = zip_of(&[("note.txt", b"inside"), ("empty.txt", b"")]);
        let file = zip_of(&[
            ("회의/안건.md", "# 안건".as_bytes()),
            ("b.zip", &inner),
            ("a.txt", b"first"),
            ("picture.PNG", b"..."),
            (".git/config", b"hidden"),
            ("__MACOSX/a.txt", b"hidden"),
        ]);
        let document = read("a.zip", &file);
        let expected = [
            ("a.txt", "ok"),
            ("b.zip", "ok"),
            ("b.zip/empty.txt", "empty"),
            ("b.zip/note.txt", "ok"),
            ("회의/안건.md", "ok"),
        ];
        assert_eq!(paths(&document), expected);
        assert_eq!(document.text, "a.txt\nb.zip\npicture.PNG\n회의/안건.md");
        assert!(document.body.is_empty());
        let media = "pictures, sound, video and fonts".to_owned();
        assert_eq!(document.warnings, [Warning::NotRead { what: media, count: 1 }]);
    }

    #[test]
    fn paths_stay_inside_and_differ() {
        let file = tar_of(&[("../x.txt", b"1"), ("/x.txt", b"2"), ("C:\\x.txt", b"3"), ("x (2).txt", b"4")]);
        let document = read("a.tar", &file);
        let mut found: Vec<&str> = paths(&document).into_iter().map(|(path, _)| path).collect();
        found.sort_unstable();
        assert_eq!(found, ["x (2) (2).txt", "x (2).txt", "x (3).txt", "x.txt"]);
    }

    #[test]
    fn a_korean_name_without_a_mark_is_decoded() {
        let (name, _, _) = encoding_rs::EUC_KR.encode("2026년 예산안.txt");
        let stand_in = "n".repeat(name.len());
        let mut file = zip_of(&[(&stand_in, b"words")]);
        let found: Vec<usize> = (0..file.len()).filter(|at| file[*at..].starts_with(stand_in.as_bytes())).collect();
        for at in found {
            file[at..at + name.len()].copy_from_slice(&name);
        }
        assert_eq!(paths(&read("a.zip", &file)), [("2026년 예산안.txt", "ok")]);
    }

    #[test]
    fn a_compressed_tar_is_a_folder_and_a_compressed_file_is_one_document() {
        let tar = tar_of(&[("docs/b.txt", b"two"), ("docs/a.txt", b"one")]);
        let document = read("docs.tar.gz", &gzip_of(&tar));
        assert_eq!(document.text, "docs/a.txt\ndocs/b.txt");
        assert_eq!(paths(&document), [("docs/a.txt", "ok"), ("docs/b.txt", "ok")]);
        assert_eq!(paths(&read("log/보고.csv.gz", &gzip_of("가,나\n1,2\n".as_bytes()))), [("보고.csv", "ok")]);
    }

    #[test]
    fn a_cut_archive_keeps_what_came_before() {
        let words: Vec<u8> = (0..20_000u32).map(|n| b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26).collect();
        let zip = zip_of(&[("a.txt", b"first"), ("b.txt", &words)]);
        let tar = tar_of(&[("a.txt", b"first"), ("b.txt", &words)]);
        let gzip = gzip_of(&tar);
        for (name, bytes) in [("a.zip", &zip), ("a.tar", &tar), ("a.tgz", &gzip)] {
            let document = read(name, &bytes[..bytes.len() * 2 / 3]);
            assert_eq!(document.children[0].path, "a.txt", "{name}");
            assert_eq!(document.warnings[0].code(), "partly_read", "{name}");
        }
        assert!(extract("a.zip", &zip[..20], &ExtractOptions::default()).is_err());
    }

    #[test]
    fn limits_end_an_archive_and_keep_its_beginning() {
        let file = zip_of(&[("a.txt", b"one"), ("b.txt", b"two"), ("c.txt", b"three")]);
        let document = read_with(Limits { entries_max: 2, ..Limits::default() }, &file).unwrap();
        assert_eq!(paths(&document), [("a.txt", "ok"), ("b.txt", "ok")]);
        assert!(document.warnings[0].is_loss());
        let short = read_with(Limits { inflated_bytes_max: 4, ..Limits::default() }, &file).unwrap();
        assert_eq!(paths(&short), [("a.txt", "ok"), ("b.txt", "too_large")]);
        assert_eq!(short.warnings[0].code(), "partly_read");
    }

    #[test]
    fn a_bomb_costs_its_limit_and_no_more() {
        let bomb = zip_of(&[("a.txt", &vec![b' '; 20 << 20]), ("b.txt", b"words")]);
        assert_eq!(paths(&read("a.zip", &bomb)), [("a.txt", "too_large"), ("b.txt", "ok")]);
        let document = read("a.gz", &gzip_of(&vec![b'x'; 20 << 20]));
        assert_eq!(paths(&document), [("a", "too_large")]);
    }

    #[test]
    fn archives_inside_archives_end_at_the_depth_limit() {
        let mut file = zip_of(&[("deep.txt", b"words")]);
        for _ in 0..6 {
            file = zip_of(&[("inner.zip", &file)]);
        }
        let document = read("a.zip", &file);
        let (path, said) = paths(&document)[4];
        assert_eq!((path.matches('/').count(), said), (4, "too_deep"));
    }

    #[test]
    fn an_encrypted_entry_says_so_and_an_encrypted_archive_too() {
        let mut file = zip_of(&[("a.txt", b"one"), ("b.txt", b"two")]);
        let flag = |zip: &mut Vec<u8>, signature: &[u8], offset: usize, which: usize| {
            let at: Vec<usize> = (0..zip.len()).filter(|at| zip[*at..].starts_with(signature)).collect();
            zip[at[which] + offset] |= 1;
        };
        flag(&mut file, b"PK\x03\x04", 6, 1);
        flag(&mut file, b"PK\x01\x02", 8, 1);
        assert_eq!(paths(&read("a.zip", &file)), [("a.txt", "ok"), ("b.txt", "encrypted")]);
        flag(&mut file, b"PK\x03\x04", 6, 0);
        flag(&mut file, b"PK\x01\x02", 8, 0);
        assert_eq!(read_with(Limits::default(), &file).unwrap_err().code(), "encrypted");
    }

    #[test]
    fn a_password_opens_what_the_old_cipher_locked() {
        // `secret.txt` in ZipCrypto, with the password `otter`.
        let file = include_bytes!("../../../../fixtures/documents/locked-en.zip");
        let open = |passwords: &[&str]| {
            let passwords = passwords.iter().map(|word| (*word).to_owned()).collect();
            extract("a.zip", file, &ExtractOptions { passwords, ..ExtractOptions::default() })
        };
        assert_eq!(open(&["heron", "crab"]).unwrap_err().code(), "encrypted");
        let document = open(&["heron", "otter"]).unwrap();
        assert_eq!(document.children[0].outcome.as_ref().unwrap().text, "The otter keeps its stones under its arm.\n");
    }

    #[test]
    fn damage_inside_an_entry_is_said() {
        let mut file = zip_of(&[("a.txt", &b"many words ".repeat(500)), ("b.txt", b"other")]);
        let checksum = (0..file.len()).find(|at| file[*at..].starts_with(b"PK\x01\x02")).unwrap() + 16;
        file[checksum] ^= 0xFF;
        let document = read("a.zip", &file);
        assert_eq!(paths(&document), [("a.txt", "ok"), ("b.txt", "ok")]);
        assert!(document.warnings[0].to_string().contains("a.txt: invalid checksum"), "{:?}", document.warnings);
    }

    #[test]
    fn links_are_not_followed() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "link.txt", "/etc/passwd").unwrap();
        let mut plain = tar::Header::new_gnu();
        plain.set_size(5);
        builder.append_data(&mut plain, "real.txt", &b"words"[..]).unwrap();
        assert_eq!(paths(&read("a.tar", &builder.into_inner().unwrap())), [("real.txt", "ok")]);
    }

    #[test]
    fn no_damage_makes_an_archive_panic() {
        let files = [zip_of(&[("a.txt", b"first words"), ("b.txt", b"second words")]), tar_of(&[("a.txt", b"words")])];
        for file in files.iter().chain([&gzip_of(&files[1])]) {
            for at in 0..file.len().min(700) {
                for value in [0, 0x7F, 0xFF] {
                    let mut damaged = file.clone();
                    damaged[at] = value;
                    let _ = extract("a", &damaged, &ExtractOptions::default());
                }
            }
        }
    }
}
