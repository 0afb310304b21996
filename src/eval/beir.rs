//! Datasets in the layout of BEIR: Thakur et al. 2021, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of
//! Information Retrieval Models".
//!
//! `corpus.jsonl` has `{"_id", "title", "text", "metadata"}`, `queries.jsonl` `{"_id", "text"}`, `qrels.tsv` or
//! `qrels/test.tsv` a query, a document and a grade a line, with or without a header. Beside them may stand `spans.jsonl` with
//! `{"query-id", "corpus-id", "start", "end", "text"}`, whose offsets count characters of the document's text.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ibid_ingest::Span;
use serde::Deserialize;
use serde_json::Value;

use super::dataset::{Dataset, DatasetError, JudgedQuery, answerable};
use super::lines::Lines;
use super::spans::GoldSpan;
use crate::indexing::TextDocument;
use crate::types::CollectionName;

#[derive(Deserialize)]
struct CorpusLine {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct SpanLine {
    #[serde(rename = "query-id")]
    query: String,
    #[serde(rename = "corpus-id")]
    document: String,
    start: usize,
    end: usize,
    text: Option<String>,
}

impl Dataset {
    /// Reads a folder in the layout of BEIR.
    ///
    /// # Errors
    /// [`DatasetError`] with the file, the line and what is wrong: JSON that is broken or lacks a field, a name that comes
    /// twice or is not known, a grade that is no number, a span outside of its text or unlike it, nothing at all.
    pub fn read_beir(folder: &Path) -> Result<Self, DatasetError> {
        let corpus = read_corpus(&folder.join("corpus.jsonl"))?;
        let places: HashMap<&str, &TextDocument> =
            corpus.iter().map(|document| (document.uri.as_str(), document)).collect();
        let mut queries = read_queries(&folder.join("queries.jsonl"))?;
        let beside = folder.join("qrels.tsv");
        let qrels = if beside.exists() { beside } else { folder.join("qrels").join("test.tsv") };
        let mut judged = Judged::of(&mut queries, &places);
        judged.read_qrels(&qrels)?;
        let spans = folder.join("spans.jsonl");
        if spans.exists() {
            judged.read_spans(&spans)?;
        }
        let (queries, unanswerable) = answerable(queries);
        if queries.is_empty() {
            return Err(DatasetError::Empty(qrels, "judgement above 0"));
        }
        Ok(Self { name: name_of(folder), corpus: Some(corpus), queries, unanswerable })
    }
}

/// The last part of a path.
pub(super) fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn read_corpus(file: &Path) -> Result<Vec<TextDocument>, DatasetError> {
    let mut lines = Lines::open(file)?;
    let mut known = HashMap::new();
    let mut documents = Vec::new();
    while let Some(read) = lines.next_json::<CorpusLine>()? {
        if known.insert(read.id.clone(), ()).is_some() {
            return Err(lines.malformed(format!("the document {:?} is there already", read.id)));
        }
        documents.push(TextDocument {
            collection: CollectionName::default_name(),
            uri: read.id,
            title: read.title.unwrap_or_default(),
            text: read.text,
            metadata: read.metadata.unwrap_or_default().into_iter().filter_map(as_text).collect(),
        });
    }
    if documents.is_empty() { Err(lines.empty("document")) } else { Ok(documents) }
}

/// Metadata is text here; lists and objects are left out.
fn as_text((name, value): (String, Value)) -> Option<(String, String)> {
    match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Bool(truth) => Some((name, truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn read_queries(file: &Path) -> Result<Vec<JudgedQuery>, DatasetError> {
    let mut lines = Lines::open(file)?;
    let mut known = HashMap::new();
    let mut queries = Vec::new();
    while let Some(QueryLine { id, text }) = lines.next_json()? {
        if known.insert(id.clone(), ()).is_some() {
            return Err(lines.malformed(format!("the query {id:?} is there already")));
        }
        queries.push(JudgedQuery { id, text, grades: Default::default(), spans: Vec::new() });
    }
    if queries.is_empty() { Err(lines.empty("query")) } else { Ok(queries) }
}

/// Queries by name, to which judgements are added.
struct Judged<'a> {
    queries: HashMap<String, &'a mut JudgedQuery>,
    documents: &'a HashMap<&'a str, &'a TextDocument>,
}

impl<'a> Judged<'a> {
    fn of(queries: &'a mut [JudgedQuery], documents: &'a HashMap<&'a str, &'a TextDocument>) -> Self {
        Self { queries: queries.iter_mut().map(|query| (query.id.clone(), query)).collect(), documents }
    }

    fn read_qrels(&mut self, file: &Path) -> Result<(), DatasetError> {
        let mut lines = Lines::open(file)?;
        let mut is_first = true;
        let mut judgements = 0;
        while let Some(line) = lines.next()? {
            let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
            let [query, document, score] = fields[..] else {
                return Err(lines.malformed(format!("it has {} fields and not 3 with tabs between", fields.len())));
            };
            if std::mem::take(&mut is_first) && score == "score" {
                continue;
            }
            let grade = score.parse::<f64>().ok().filter(|grade| grade.is_finite());
            let grade = grade.ok_or_else(|| lines.malformed(format!("the score {score:?} is no number")))?;
            let judged = self.query(&lines, query)?;
            if judged.grades.insert(document.to_owned(), grade).is_some() {
                return Err(lines.malformed(format!("{document:?} is judged for {query:?} already")));
            }
            self.document(&lines, document)?;
            judgements += 1;
        }
        if judgements == 0 { Err(lines.empty("judgement")) } else { Ok(()) }
    }

    fn read_spans(&mut self, file: &Path) -> Result<(), DatasetError> {
        let mut lines = Lines::open(file)?;
        while let Some(read) = lines.next_json::<SpanLine>()? {
            let text = &self.document(&lines, &read.document)?.text;
            let span = bytes_of(text, read.start, read.end).ok_or_else(|| {
                lines.malformed(format!("{}..{} are no characters of {:?}", read.start, read.end, read.document))
            })?;
            let text = span.slice(text).to_owned();
            if read.text.is_some_and(|expected| expected != text) {
                return Err(lines.malformed(format!("{:?} has another text at this span", read.document)));
            }
            self.query(&lines, &read.query)?.spans.push(GoldSpan { document: read.document, span, text });
        }
        Ok(())
    }

    fn query(&mut self, lines: &Lines, id: &str) -> Result<&mut JudgedQuery, DatasetError> {
        let query = self.queries.get_mut(id);
        Ok(query.ok_or_else(|| lines.malformed(format!("there is no query {id:?} in queries.jsonl")))?)
    }

    fn document(&self, lines: &Lines, id: &str) -> Result<&'a TextDocument, DatasetError> {
        let document = self.documents.get(id).copied();
        document.ok_or_else(|| lines.malformed(format!("there is no document {id:?} in corpus.jsonl")))
    }
}

/// The bytes of the characters `start..end`, when the text has them and they are not none.
fn bytes_of(text: &str, start: usize, end: usize) -> Option<Span> {
    let mut bounds = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let first = bounds.nth(start)?;
    let length = end.checked_sub(start)?.checked_sub(1)?;
    Some(Span { start: first, end: bounds.nth(length)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORPUS: &str = "{\"_id\": \"d1\", \"title\": \"\", \"text\": \"가나다 라\\n\"}\n{\"_id\": \"d2\", \"text\": \"b\", \
        \"metadata\": {\"year\": 2024, \"tags\": []}}\n";
    const QUERIES: &str = "{\"_id\": \"q1\", \"text\": \"one\"}\n\n{\"_id\": \"q2\", \"text\": \"two\"}\n";
    const QRELS: &str = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n";

    /// Reads a folder of these files.
    fn read(files: &[(&str, &str)]) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let defaults = [("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels.tsv", QRELS)];
        for (name, text) in defaults.iter().chain(files) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let place = format!("{}/", folder.path().display());
        Dataset::read_beir(folder.path()).map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn a_folder_is_read_as_it_is_written() {
        let spans = "{\"query-id\": \"q1\", \"corpus-id\": \"d1\", \"start\": 1, \"end\": 5, \"text\": \"나다 라\"}\n";
        let dataset = read(&[("spans.jsonl", spans)]).unwrap();
        let corpus = dataset.corpus.as_ref().unwrap();
        assert_eq!((corpus[0].uri.as_str(), corpus[0].text.as_str()), ("d1", "가나다 라\n"));
        assert_eq!(corpus[1].metadata, BTreeMap::from([("year".to_owned(), "2024".to_owned())]));
        assert_eq!((dataset.queries.len(), dataset.unanswerable), (1, 1));
        assert_eq!(dataset.queries[0].grades, BTreeMap::from([("d1".to_owned(), 2.0), ("d2".to_owned(), 0.0)]));
        let span = &dataset.queries[0].spans[0];
        assert_eq!((span.span, span.text.as_str()), (Span { start: 3, end: 13 }, "나다 라"));
    }

    #[test]
    fn the_header_may_be_missing() {
        let dataset = read(&[("qrels.tsv", "q2\td2\t1\n")]).unwrap();
        assert_eq!(dataset.queries[0].id, "q2");
    }

    #[test]
    fn the_digest_tells_other_judgements_apart() {
        let digest = |qrels: &str| read(&[("qrels.tsv", qrels)]).unwrap().digest();
        assert_eq!(digest(QRELS), digest("q1\td1\t2\nq1\td2\t0\n"));
        assert_ne!(digest(QRELS), digest("q1\td1\t1\nq1\td2\t0\n"));
    }

    #[test]
    fn what_is_malformed_is_named_with_its_place() {
        let span = |fields: &str| format!("{{\"query-id\": \"q1\", \"corpus-id\": \"d1\", {fields}}}\n");
        let cases = [
            (
                "corpus.jsonl",
                "{\"_id\": \"d1\", \"text\": \"a\"}\n{broken\n",
                "corpus.jsonl:2: key must be a string (column 2)",
            ),
            ("corpus.jsonl", "{\"_id\": \"d1\"}\n", "corpus.jsonl:1: missing field `text` (column 13)"),
            ("queries.jsonl", "{\"_id\": \"q1\", \"text\": 7}\n", "queries.jsonl:1: invalid type: integer `7`"),
            ("corpus.jsonl", &CORPUS.repeat(2), "corpus.jsonl:3: the document \"d1\" is there already"),
            ("queries.jsonl", &QUERIES.repeat(2), "queries.jsonl:4: the query \"q1\" is there already"),
            ("qrels.tsv", "q1\td1\t1\nq1\td9\t1\n", "qrels.tsv:2: there is no document \"d9\" in corpus.jsonl"),
            ("qrels.tsv", "q9\td1\t1\n", "qrels.tsv:1: there is no query \"q9\" in queries.jsonl"),
            ("qrels.tsv", "q1\td1\tgood\n", "qrels.tsv:1: the score \"good\" is no number"),
            ("qrels.tsv", "q1\td1\tNaN\n", "qrels.tsv:1: the score \"NaN\" is no number"),
            ("qrels.tsv", "q1 d1 1\n", "qrels.tsv:1: it has 1 fields and not 3 with tabs between"),
            ("qrels.tsv", "q1\td1\t1\nq1\td1\t2\n", "qrels.tsv:2: \"d1\" is judged for \"q1\" already"),
            ("corpus.jsonl", "\n", "corpus.jsonl has no document"),
            ("queries.jsonl", "", "queries.jsonl has no query"),
            ("qrels.tsv", "query-id\tcorpus-id\tscore\n", "qrels.tsv has no judgement"),
            ("qrels.tsv", "q1\td1\t0\n", "qrels.tsv has no judgement above 0"),
            ("spans.jsonl", &span("\"start\": 4, \"end\": 9"), "spans.jsonl:1: 4..9 are no characters of \"d1\""),
            ("spans.jsonl", &span("\"start\": 2, \"end\": 2"), "spans.jsonl:1: 2..2 are no characters of \"d1\""),
            (
                "spans.jsonl",
                &span("\"start\": 0, \"end\": 1, \"text\": \"나\""),
                "spans.jsonl:1: \"d1\" has another text",
            ),
        ];
        for (file, text, said) in cases {
            let error = read(&[(file, text)]).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Dataset::read_beir(folder.path()).unwrap_err().to_string();
        assert!(error.contains("corpus.jsonl cannot be read"), "{error}");
    }
}
