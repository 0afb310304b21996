//! Detection finds what a file is, by its content first and by its name only where the content is plain text.

use crate::extract::decode::{begins_with_utf32_mark, utf16_without_mark};
use crate::{ExtractError, MediaType};

/// A sample long enough for a judgement, short enough to cost nothing.
const SAMPLE_BYTES: usize = 8 << 10;

/// PDF allows the header to come after other bytes, and readers look into the first kilobyte.
const PDF_HEADER_WITHIN_BYTES: usize = 1 << 10;

/// Finds the media type of the bytes of a file called `name`.
///
/// # Errors
///
/// [`ExtractError::Empty`] for no bytes, [`ExtractError::Unsupported`] for a format that is recognised and not read here,
/// [`ExtractError::Binary`] for bytes that are no text and nothing that is recognised.
pub fn detect(name: &str, bytes: &[u8]) -> Result<MediaType, ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Empty { bytes: 0 });
    }
    let by_name = media_type_of_name(name);
    if let Some(found) = container(bytes, by_name) {
        return found;
    }
    if let Some(format) = foreign_format(bytes) {
        return Err(unsupported(format));
    }
    if is_pdf(bytes, by_name) {
        return Ok(MediaType::Pdf);
    }
    check_is_text(bytes)?;
    match by_name {
        // Programs write web pages and plain text under the names of word processors.
        Some(named) if BINARY.contains(&named) && looks_like_html(bytes) => Ok(MediaType::Html),
        Some(named) if BINARY.contains(&named) => {
            let format = named.extensions().first().copied().unwrap_or_default();
            let reason = format!("it does not begin as {format} does");
            Err(ExtractError::Damaged { format: format.to_owned(), reason })
        }
        Some(media_type) => Ok(media_type),
        None if looks_like_html(bytes) => Ok(MediaType::Html),
        None => match foreign_name(name) {
            Some(format) => Err(unsupported(format)),
            None => Ok(mail_kind(bytes).unwrap_or(MediaType::PlainText)),
        },
    }
}

use MediaType as M;

/// Formats whose bytes are never text.
const BINARY: [MediaType; 16] = [
    M::Pdf,
    M::Docx,
    M::Pptx,
    M::Xlsx,
    M::Odt,
    M::Odp,
    M::Ods,
    M::Doc,
    M::Ppt,
    M::Xls,
    M::Rtf,
    M::Hwp,
    M::Hwpx,
    M::Epub,
    M::Zip,
    M::Tar,
];

/// What formats that hold other files are: zip, the compound files of older office programs, tar, and RTF by its first
/// bytes.
fn container(bytes: &[u8], by_name: Option<MediaType>) -> Option<Result<MediaType, ExtractError>> {
    match bytes {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(match (zip_kind(bytes), by_name) {
            // Their type is only told by an entry that some programs compress.
            (Ok(M::Zip), Some(told @ (M::Odt | M::Odp | M::Ods))) => Ok(told),
            (kind, _) => kind,
        }),
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => Some(compound_kind(bytes, by_name)),
        [0x1F, 0x8B, ..] => Some(Ok(MediaType::Tar)),
        _ if bytes.starts_with(b"{\\rtf") => Some(Ok(MediaType::Rtf)),
        _ if bytes.starts_with(b"HWP Document File") => Some(Ok(MediaType::Hwp)),
        _ if bytes.get(257..262) == Some(b"ustar") || is_old_tar(bytes) => Some(Ok(MediaType::Tar)),
        _ => None,
    }
}

/// Tar files from before 1988 have no signature, and a checksum over their first block, whose own field counts as spaces.
fn is_old_tar(bytes: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(block) = bytes.get(..512) else { return false };
    let field = String::from_utf8_lossy(&block[CHECKSUM]);
    let said = u32::from_str_radix(field.trim_matches(['\0', ' ']), 8);
    let spaces = u32::from(b' ') * CHECKSUM.len() as u32;
    let counted = |range: &[u8]| range.iter().copied().map(u32::from).sum::<u32>();
    said == Ok(spaces + counted(&block[..CHECKSUM.start]) + counted(&block[CHECKSUM.end..]))
}

fn unsupported(format: &str) -> ExtractError {
    ExtractError::Unsupported { format: format.to_owned() }
}

fn extension(name: &str) -> String {
    let file = file_name(name);
    file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn media_type_of_name(name: &str) -> Option<MediaType> {
    let whole = file_name(name).to_ascii_lowercase();
    let extension = extension(name);
    // `Makefile` and `Dockerfile` are names without an extension; the language table lists them as if they were one.
    MediaType::from_extension(if extension.is_empty() { &whole } else { &extension })
}

/// Formats whose bytes are text and whose meaning is not: read as plain text they would fill an index with markup.
fn foreign_name(name: &str) -> Option<&'static str> {
    Some(match extension(name).as_str() {
        "msg" => "outlook message",
        "svg" => "svg image",
        "ps" | "eps" => "postscript document",
        _ => return None,
    })
}

fn is_pdf(bytes: &[u8], by_name: Option<MediaType>) -> bool {
    const HEADER: &[u8] = b"%PDF-";
    if bytes.starts_with(HEADER) {
        return true;
    }
    // A text about PDF may quote the header near its beginning, so the name must not say that it is text.
    let named_otherwise = by_name.is_some_and(|media_type| media_type != MediaType::Pdf);
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN_BYTES)];
    !named_otherwise && head.windows(HEADER.len()).any(|window| window == HEADER)
        // Readers rebuild a file whose header was pushed away when its end is in place.
        || by_name == Some(MediaType::Pdf) && bytes.windows(HEADER.len()).take(64 << 10).any(|window| window == HEADER)
}

/// First bytes, and the format that they begin. Signatures that could begin a text also demand a zero byte soon after.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x7FELF", "elf program"),
    (b"\xCA\xFE\xBA\xBE", "java class or mach-o program"),
    (b"\xCF\xFA\xED\xFE", "mach-o program"),
    (b"\x89PNG\r\n", "png image"),
    (b"\xFF\xD8\xFF", "jpeg image"),
    (b"GIF87a", "gif image"),
    (b"GIF89a", "gif image"),
    (b"II*\0", "tiff image"),
    (b"MM\0*", "tiff image"),
    (b"\0\0\x01\0", "icon image"),
    (b"\xFD7zXZ\0", "xz archive"),
    (b"7z\xBC\xAF\x27\x1C", "7z archive"),
    (b"Rar!\x1A\x07", "rar archive"),
    (b"\x28\xB5\x2F\xFD", "zstandard archive"),
    (b"SQLite format 3\0", "sqlite database"),
    (b"\0asm", "webassembly program"),
    (b"OggS\0", "ogg media"),
    (b"ID3\x03", "mp3 audio"),
    (b"ID3\x04", "mp3 audio"),
    (b"fLaC\0", "flac audio"),
    (b"wOFF", "web font"),
    (b"wOF2", "web font"),
    (b"\0\x01\0\0\0", "truetype font"),
    (b"OTTO\0", "opentype font"),
    (b"%!PS", "postscript document"),
];

fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    if let Some((_, format)) = SIGNATURES.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(format);
    }
    let holds_zero = bytes[..bytes.len().min(512)].contains(&0);
    match bytes {
        [b'M', b'Z', ..] if holds_zero => Some("windows program"),
        [b'B', b'M', ..] if holds_zero => Some("bmp image"),
        [b'R', b'I', b'F', b'F', _, _, _, _, ..] if holds_zero => Some("riff media (webp, wav or avi)"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("mp4, heic or avif media"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] => Some("bzip2 archive"),
        _ => None,
    }
}

/// Office and e-book formats are zip archives; their type is the first entry, or the folder of their main part gives them
/// away. The names stand twice in a file, before each entry and in the table at its end, so a damaged file still says them.
fn zip_kind(bytes: &[u8]) -> Result<MediaType, ExtractError> {
    let head = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let tail = &bytes[bytes.len().saturating_sub(8 * SAMPLE_BYTES)..];
    let holds = |part: &[u8], needle: &[u8]| part.windows(needle.len()).any(|window| window == needle);
    let types: [(&[u8], MediaType); 5] = [
        (b"mimetypeapplication/epub+zip", M::Epub),
        (b"mimetypeapplication/hwp+zip", M::Hwpx),
        (b"mimetypeapplication/vnd.oasis.opendocument.text", M::Odt),
        (b"mimetypeapplication/vnd.oasis.opendocument.presentation", M::Odp),
        (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", M::Ods),
    ];
    if let Some((_, media_type)) = types.into_iter().find(|(needle, _)| holds(head, needle)) {
        return Ok(media_type);
    }
    if holds(head, b"mimetypeapplication/vnd.oasis.opendocument") {
        return Err(unsupported("opendocument drawing or formula"));
    }
    let parts: [(&[u8], MediaType); 6] = [
        (b"word/document", M::Docx),
        (b"xl/workbook", M::Xlsx),
        (b"ppt/presentation", M::Pptx),
        (b"Contents/content.hpf", M::Hwpx),
        (b"META-INF/container.xml", M::Epub),
        (b"word/", M::Docx),
    ];
    let is_package = holds(head, b"[Content_Types].xml") || holds(tail, b"[Content_Types].xml");
    let named = |needle: &[u8]| holds(tail, needle) || holds(head, needle);
    match parts
        .into_iter()
        .find(|(needle, media_type)| (is_package || matches!(media_type, M::Epub | M::Hwpx)) && named(needle))
    {
        Some((_, media_type)) => Ok(media_type),
        None if named(b"AndroidManifest.xml") => Err(unsupported("android package")),
        None if named(b"META-INF/MANIFEST.MF") => Err(unsupported("java archive")),
        None if is_package => Err(unsupported("office package of another kind")),
        None => Ok(MediaType::Zip),
    }
}

/// Compound files name their streams in UTF-16.
fn compound_kind(bytes: &[u8], by_name: Option<MediaType>) -> Result<MediaType, ExtractError> {
    let kinds: [(&str, Option<MediaType>, &str); 7] = [
        ("HwpSummaryInformation", Some(M::Hwp), "hwp"),
        ("WordDocument", Some(M::Doc), "doc"),
        ("PowerPoint Document", Some(M::Ppt), "ppt"),
        ("Workbook", Some(M::Xls), "xls"),
        ("Book", Some(M::Xls), "xls"),
        ("__properties_version1.0", None, "outlook message"),
        ("EncryptedPackage", None, "encrypted"),
    ];
    // Directory entries are 128 bytes long and aligned to them, and each begins with its name.
    let named = |entry: &[u8], name: &str| {
        let mut units = name.encode_utf16().chain([0]);
        let mut at = 0;
        units.all(|unit| {
            at += 2;
            entry.get(at - 2..at) == Some(&unit.to_le_bytes())
        })
    };
    let entries = || bytes.chunks_exact(128);
    let stream = |name: &str| {
        entries().any(|entry| named(entry, name) || entry.starts_with(&[5, 0]) && named(&entry[2..], name))
    };
    match kinds.into_iter().find(|(name, ..)| stream(name)) {
        Some((_, Some(media_type), _)) => Ok(media_type),
        Some((_, None, "encrypted")) => Err(ExtractError::Encrypted { format: "office document".into() }),
        Some((_, None, format)) => Err(unsupported(format)),
        None => match by_name {
            Some(old @ (M::Doc | M::Xls | M::Ppt | M::Hwp)) => Ok(old),
            _ => Err(unsupported("compound file of another kind")),
        },
    }
}

/// Refuses bytes that no encoding makes text.
///
/// Random or compressed bytes hold a control character in one of ten; text holds practically none, and text with a few
/// stray ones is still text.
fn check_is_text(bytes: &[u8]) -> Result<(), ExtractError> {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let is_marked = encoding_rs::Encoding::for_bom(bytes).is_some() || begins_with_utf32_mark(bytes);
    if is_marked || utf16_without_mark(bytes).is_some() {
        return Ok(());
    }
    // The escape byte switches character sets in ISO-2022 encodings and colours in terminal logs.
    let is_control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    let controls = sample.iter().filter(is_control).count();
    if controls * 20 > sample.len() {
        return Err(ExtractError::Binary { controls, sample: sample.len() });
    }
    Ok(())
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 10)]).to_ascii_lowercase();
    let mut rest = head.trim_start_matches('\u{FEFF}').trim_start();
    while let Some((_, after)) = rest.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
        rest = after.trim_start();
    }
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| rest.starts_with(tag))
}

/// Mail programs keep messages and mailboxes in files without an extension. A message begins with nothing but headers, and
/// some that no letter on paper has are among them.
fn mail_kind(bytes: &[u8]) -> Option<MediaType> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(SAMPLE_BYTES)]);
    let (media_type, message) = match head.strip_prefix("From ") {
        Some(rest) => (MediaType::Mbox, rest.split_once('\n')?.1),
        None => (MediaType::Eml, &*head),
    };
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let technical = ["received", "message-id", "mime-version", "return-path"];
    let mut is_technical = false;
    for line in message.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let name = line.split_once(':').map(|(name, _)| name).filter(|name| is_name(name))?;
        is_technical |= technical.contains(&name.to_ascii_lowercase().as_str());
    }
    is_technical.then_some(media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, bytes: &[u8]) -> &'static str {
        detect(name, bytes).map_or_else(|error| error.code(), |media_type| media_type.as_mime())
    }

    #[test]
    fn the_name_decides_between_texts() {
        assert_eq!(code("a.md", b"# hi"), "text/markdown");
        assert_eq!(code("DIR.d/Read.Me.TXT", b"hi"), "text/plain");
        assert_eq!(code("src/main.rs", b"fn main() {}"), "text/x-rust");
        assert_eq!(code("C:\\x\\Makefile", b"all:"), "text/x-makefile");
        assert_eq!(code("LICENSE", b"words"), "text/plain");
    }

    #[test]
    fn content_goes_before_the_name() {
        assert_eq!(code("a.txt", b"%PDF-1.7 ..."), "application/pdf");
        assert_eq!(code("a.docx", b"<html><body>x</body></html>"), "text/html");
        assert_eq!(code("noname", b"  <!-- x --> <!DOCTYPE html><p>x"), "text/html");
        assert_eq!(code("a.pdf", b"PK\x03\x04 [Content_Types].xml word/"), M::Docx.as_mime());
        assert_eq!(code("a.pdf", b"PK\x03\x04 readme.txt"), "application/zip");
        assert_eq!(code("a.odt", b"PK\x03\x04 content.xml"), M::Odt.as_mime());
        assert_eq!(code("a.txt", b"\x7FELF\x02"), "unsupported");
        assert_eq!(code("a.pdf", b"hello"), "damaged");
    }

    #[test]
    fn a_text_about_pdf_is_no_pdf() {
        assert_eq!(code("pdf.md", b"# Header\n\nA file begins with `%PDF-1.7`."), "text/markdown");
        assert_eq!(code("noname", b"junk %PDF-1.4"), "application/pdf");
    }

    #[test]
    fn mail_without_an_extension_is_mail() {
        let message = b"Return-Path: <a@example.org>\r\nReceived: from b\r\n\tby c\r\nSubject: x\r\n\r\nFrom here";
        assert_eq!(code("cur/1234.host:2,S", message), M::Eml.as_mime());
        assert_eq!(code("Inbox", &[b"From a Mon Mar\n", &message[..]].concat()), M::Mbox.as_mime());
        assert_eq!(code("note", b"From: Kim\nTo: Lee\n\nDear Lee"), "text/plain");
        assert_eq!(code("note", b"Message-ID: is a header.\nSo they say: it is"), "text/plain");
    }

    #[test]
    fn a_tar_file_without_a_signature_is_known_by_its_checksum() {
        let mut block = [0u8; 512];
        block[..5].copy_from_slice(b"a.txt");
        block[148..156].copy_from_slice(
            format!("{:06o}\0 ", 8 * 32 + b"a.txt".iter().map(|b| u32::from(*b)).sum::<u32>()).as_bytes(),
        );
        assert_eq!(code("a", &block), M::Tar.as_mime());
        block[0] = b'b';
        assert_eq!(code("a", &block), "binary");
    }

    #[test]
    fn noise_is_binary_and_stray_zeros_are_not() {
        let noise: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(code("a.txt", &noise), "binary");
        let stray = format!("{}\0", "forty letters and one stray zero byte. ".repeat(3));
        assert_eq!(code("a.txt", stray.as_bytes()), "text/plain");
        assert_eq!(code("a.txt", b""), "empty");
    }

    #[test]
    fn documents_of_other_programs_say_what_they_are() {
        assert_eq!(detect("a.msg", b"From: x").unwrap_err().to_string(), "format is not supported: outlook message");
        assert_eq!(code("a.svg", b"<svg/>"), "unsupported");
        assert_eq!(code("a.docx", b"just words"), "damaged");
    }
}
