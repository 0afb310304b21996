//! The folders that are read, and what reads them alone.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::fixture::dice::Dice;
use super::fixture::words::Words;

fn word(words: &Words, dice: &mut Dice) -> String {
    let mut word = String::new();
    words.push_word(dice, &mut word);
    word
}

fn written(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

/// Markdown of some 10 kB a file, a third of it Korean.
pub(super) fn markdown(folder: &Path, files: usize) -> std::io::Result<Vec<String>> {
    let (english, korean, mut dice) = (Words::english(20_000), Words::korean(20_000), Dice::new(1));
    let mut texts = Vec::with_capacity(files);
    for file in 0..files {
        let words = if file % 3 == 2 { &korean } else { &english };
        let content = words.markdown(&mut dice, 1_500);
        written(&folder.join(format!("{}/{file}.md", file % 64)), content.as_bytes())?;
        texts.push(content);
    }
    Ok(texts)
}

/// Files of a few words.
pub(super) fn many(folder: &Path, files: usize) -> std::io::Result<()> {
    let (words, mut dice) = (Words::english(20_000), Dice::new(2));
    for file in 0..files {
        let content = format!("# File {file}\n\n{}\n", words.paragraph(&mut dice, 20));
        written(&folder.join(format!("{}/{file}.md", file % 512)), content.as_bytes())?;
    }
    Ok(())
}

/// PDF of so many pages, some 500 words each.
pub(super) fn pdf(folder: &Path, files: usize, pages: usize) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let (words, mut dice) = (Words::english(20_000), Dice::new(3));
    let mut documents = Vec::with_capacity(files);
    for file in 0..files {
        let bytes = pdf_of(&words, &mut dice, pages);
        let name = format!("{file}.pdf");
        written(&folder.join(&name), &bytes)?;
        documents.push((name, bytes));
    }
    Ok(documents)
}

/// A PDF with one content stream a page, forty lines each, in a font that every reader has.
fn pdf_of(words: &Words, dice: &mut Dice, pages: usize) -> Vec<u8> {
    let mut objects =
        vec![String::new(), String::new(), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned()];
    let mut kids = String::new();
    for _ in 0..pages {
        let mut content = "BT /F1 10 Tf 50 780 Td 14 TL\n".to_owned();
        for _ in 0..40 {
            let line: Vec<String> = (0..12).map(|_| word(words, dice)).collect();
            let _ = writeln!(content, "({}) Tj T*", line.join(" "));
        }
        content.push_str("ET");
        let stream = objects.len() + 1;
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {stream} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>"
        ));
        let _ = write!(kids, "{} 0 R ", stream + 1);
    }
    objects[0] = "<< /Type /Catalog /Pages 2 0 R >>".to_owned();
    objects[1] = format!("<< /Type /Pages /Kids [{kids}] /Count {pages} >>");
    let (mut file, mut places) = ("%PDF-1.7\n".to_owned(), Vec::new());
    for (number, object) in objects.iter().enumerate() {
        places.push(file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let start = file.len();
    let _ = write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(file, "{place:010} 00000 n ");
    }
    let _ = write!(file, "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}

/// So many files of all kinds: the project's own documents, each with words of its own where its format lets them be changed
/// from outside, notes in two languages, sheets, web pages, a PDF of 1,600 pages, and a log of a gigabyte. Says how many
/// bytes.
pub(super) fn mixed(folder: &Path, files: usize) -> anyhow::Result<u64> {
    let (english, korean, mut dice) = (Words::english(20_000), Words::korean(20_000), Dice::new(4));
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents");
    let mut kinds = Vec::new();
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        kinds.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(&path)?));
    }
    kinds.sort();
    for file in 0..files {
        let shelf = folder.join(format!("{}", file % 100));
        let words = if file % 4 == 3 { &korean } else { &english };
        match file % 10 {
            0..=2 => {
                let (name, bytes) = &kinds[dice.below(kinds.len())];
                written(&shelf.join(format!("{file}-{name}")), bytes)?;
            }
            3 => {
                let rows: Vec<String> = (0..200)
                    .map(|row| format!("{row},{},{}", word(words, &mut dice), word(words, &mut dice)))
                    .collect();
                written(
                    &shelf.join(format!("{file}.csv")),
                    format!("number,name,what\n{}\n", rows.join("\n")).as_bytes(),
                )?;
            }
            4 => {
                let body = words.paragraph(&mut dice, 600);
                written(
                    &shelf.join(format!("{file}.html")),
                    format!("<title>File {file}</title><p>{body}</p>").as_bytes(),
                )?;
            }
            5 if file % 100 == 5 => written(&shelf.join(format!("{file}.pdf")), &pdf_of(&english, &mut dice, 12))?,
            _ => written(&shelf.join(format!("{file}.md")), words.markdown(&mut dice, 500).as_bytes())?,
        }
    }
    written(&folder.join("manual.pdf"), &pdf_of(&english, &mut dice, 1_600))?;
    log(&folder.join("service.log"), 1_000_000_000, &english, &mut dice)?;
    Ok(bytes_below(folder)?)
}

/// A log of so many bytes, of a thousand different lines.
fn log(path: &Path, bytes: usize, words: &Words, dice: &mut Dice) -> std::io::Result<()> {
    use std::io::Write;
    let lines: Vec<String> =
        (0..1_000).map(|_| (0..14).map(|_| word(words, dice)).collect::<Vec<_>>().join(" ")).collect();
    let mut out = std::io::BufWriter::new(fs::File::create(path)?);
    let (mut written, mut at) = (0, 0);
    while written < bytes {
        let line = format!(
            "2026-11-22T{:02}:{:02}:{:02}Z INFO {}\n",
            at / 3600 % 24,
            at / 60 % 60,
            at % 60,
            lines[at % 1_000]
        );
        out.write_all(line.as_bytes())?;
        (written, at) = (written + line.len(), at + 1);
    }
    out.flush()
}

fn bytes_below(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Looks at every file, as a mirror has to.
pub(super) fn walk(folder: &Path) -> u64 {
    let entries = ignore::WalkBuilder::new(folder).build().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// How long tantivy takes for the same texts, one document each, with its own tokenizer and the memory that ours has.
pub(super) fn tantivy_alone(folder: &Path, texts: &[String]) -> anyhow::Result<Duration> {
    use tantivy::schema::{Schema, TEXT};
    fs::create_dir_all(folder)?;
    let began = Instant::now();
    let mut schema = Schema::builder();
    let body = schema.add_text_field("body", TEXT);
    let index = tantivy::Index::create_in_dir(folder, schema.build())?;
    let mut writer: tantivy::IndexWriter = index.writer_with_num_threads(1, 50_000_000)?;
    for text in texts {
        writer.add_document(tantivy::doc!(body => text.as_str()))?;
    }
    writer.commit()?;
    Ok(began.elapsed())
}
