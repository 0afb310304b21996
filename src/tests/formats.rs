//! Documents of many formats, told to the real program: where a passage stands, what is inside, and what must not break.

use serde_json::Value;

use super::support::Sandbox;

/// A tar archive of these files.
pub(super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The first hit of a search by words.
fn hit(sandbox: &Sandbox, query: &str) -> Value {
    sandbox.json(&["search", query, "--mode", "keyword"])["hits"][0].clone()
}

/// Ingests `docs` and gives the summary, whatever the exit code.
fn summary(sandbox: &Sandbox) -> Value {
    let output = sandbox.run(&["ingest", "docs", "--json", "--yes"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["summary"].clone()
}

fn failures(sandbox: &Sandbox) -> Vec<(String, String)> {
    let listed = sandbox.stdout(&["documents", "--failed", "--json"]);
    let documents = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failure = |document: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&document["uri"]), text(&document["failure"]["code"]))
    };
    documents.map(failure).collect()
}

#[test]
fn a_row_of_a_table_is_found_with_its_header_and_its_number() {
    let sandbox = Sandbox::new();
    let rows: String = (1..400).map(|row| format!("섬{row},{},ferry{row}\n", row * 7)).collect();
    sandbox.write("docs/islands.csv", format!("이름,인구,배\n{rows}"));
    assert_eq!(sandbox.ingest(), 0);
    let found = hit(&sandbox, "ferry321");
    assert_eq!(found["kind"], "table");
    assert_eq!(found["header"], "이름,인구,배");
    let location = found["location"].as_str().unwrap();
    let (first, last) = location.strip_prefix("rows ").unwrap().split_once('-').unwrap();
    let row = 322;
    assert!(first.parse::<u32>().unwrap() <= row && row <= last.parse::<u32>().unwrap(), "{location}");
    assert!(found["text"].as_str().unwrap().contains("섬321,2247,ferry321"));
    assert!(
        sandbox.stdout(&["search", "ferry321", "--mode", "keyword"]).contains(&format!("docs/islands.csv, {location}"))
    );
    // The header is read with the row, so both together find it.
    let with_header = hit(&sandbox, "인구 ferry321");
    assert!(with_header["text"].as_str().unwrap().contains("섬321,2247,ferry321"), "{with_header}");
    assert!(sandbox.is_consistent());
}

#[test]
fn an_archive_is_a_folder_and_follows_its_file() {
    let sandbox = Sandbox::new();
    let first = [
        ("guide/otters.md", &b"# Otters\n\nOtters hold hands."[..]),
        ("notes.txt", b"The tunnel is closed."),
        ("x.bin", b"\x7FELF\0\0"),
    ];
    sandbox.write("docs/all.tar", tar_of(&first));
    let counted = summary(&sandbox);
    assert_eq!(
        (counted["added"].as_u64(), counted["contained"].as_u64(), counted["failed"].as_u64()),
        (Some(1), Some(2), Some(1))
    );
    assert_eq!(hit(&sandbox, "otters")["uri"], "docs/all.tar/guide/otters.md");
    assert_eq!(failures(&sandbox), [("docs/all.tar/x.bin".to_owned(), "unsupported".to_owned())]);
    assert_eq!(sandbox.json(&["search", "uri:docs/all.tar/guide hands"])["hits"][0]["title"], "Otters");
    assert_eq!(summary(&sandbox)["unchanged"], 1);
    sandbox.write("docs/all.tar", tar_of(&[("notes.txt", b"The tunnel is open on Friday.")]));
    assert_eq!(summary(&sandbox)["changed"], 1);
    assert!(sandbox.found("otters", "keyword").is_empty());
    assert_eq!(hit(&sandbox, "tunnel")["text"], "The tunnel is open on Friday.");
    assert!(failures(&sandbox).is_empty());
    std::fs::remove_file(sandbox.path("docs/all.tar")).unwrap();
    assert_eq!(summary(&sandbox)["removed"], 1);
    assert!(sandbox.found("tunnel", "keyword").is_empty());
    assert_eq!(sandbox.stdout(&["documents"]), "there are no documents\n");
    assert!(sandbox.is_consistent());
}

#[test]
fn a_mail_has_its_attachments_beside_it() {
    let sandbox = Sandbox::new();
    let mail = "From: Kim <kim@example.org>\r\nTo: lee@example.org\r\nSubject: =?UTF-8?B?7ZqM7J2Y?=\r\n\
        Date: Fri, 17 May 2024 10:00:00 +0900\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        The meeting moves to the lighthouse.\r\n--b\r\nContent-Type: text/markdown\r\n\
        Content-Disposition: attachment; filename=plan.md\r\n\r\n# Plan\n\nBring the lanterns.\r\n--b--\r\n";
    sandbox.write("docs/mail.eml", mail);
    assert_eq!(sandbox.ingest(), 0);
    assert_eq!(hit(&sandbox, "lighthouse")["title"], "회의");
    assert_eq!(hit(&sandbox, "lanterns")["uri"], "docs/mail.eml/plan.md");
    assert_eq!(
        sandbox.json(&["search", "lighthouse after:2024-05-16 before:2024-05-19"])["hits"][0]["uri"],
        "docs/mail.eml"
    );
}

#[test]
fn what_stops_its_reader_is_left_out_and_the_rest_is_kept() {
    let sandbox = Sandbox::new();
    let archive = tar_of(&[("a.md", b"The first one."), ("bad.md", b"The deadly one."), ("c.md", b"The last one.")]);
    sandbox.write("docs/all.tar", archive);
    let pdf = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/documents/pool-ko.pdf")).unwrap();
    sandbox.write("docs/pool.pdf", pdf);
    let read = |part: &str| {
        let output = sandbox.ibid(&["ingest", "docs"]).env("IBID_FAULT_PART", part).output().unwrap();
        output.status.code()
    };
    assert_eq!(read("bad.md"), Some(3));
    assert_eq!(failures(&sandbox), [("docs/all.tar/bad.md".to_owned(), "quarantined".to_owned())]);
    assert_eq!(hit(&sandbox, "first one")["uri"], "docs/all.tar/a.md");
    assert_eq!(hit(&sandbox, "last one")["uri"], "docs/all.tar/c.md");
    let mut pdf = std::fs::read(sandbox.path("docs/pool.pdf")).unwrap();
    pdf.push(b'\n');
    sandbox.write("docs/pool.pdf", pdf);
    assert_eq!(read("page 1"), Some(0), "the other pages are there");
    let listed = sandbox.stdout(&["documents"]);
    assert!(listed.contains("page 1 stopped its reader and was left out"), "{listed}");
    assert!(sandbox.is_consistent());
}

#[test]
fn extract_shows_what_would_be_indexed_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("islands.csv", "name,people\nUlleung,9000\n");
    sandbox.write("all.tar", tar_of(&[("a.md", b"# Otters\n\nThey swim.")]));
    let shown = sandbox.stdout(&["extract", "islands.csv", "--pages"]);
    assert!(shown.contains("text/csv") && shown.contains("--- row 2\nUlleung,9000"), "{shown}");
    let archive = sandbox.json(&["extract", "all.tar"]);
    assert_eq!(archive["document"]["children"][0]["outcome"]["Ok"]["title"], "Otters");
    sandbox.write("bad.pdf", "%PDF-1.7 and nothing more");
    let output = sandbox.run(&["extract", "bad.pdf"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("bad.pdf: damaged: "));
    assert!(!sandbox.path("ibid-data").exists());
}

#[test]
fn a_pdf_says_where_on_the_page_its_lines_stand() {
    let sandbox = Sandbox::new();
    let pdf = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/documents/harbour-en.pdf")).unwrap();
    sandbox.write("docs/harbour.pdf", pdf);
    assert_eq!(sandbox.ingest(), 0);
    let found = hit(&sandbox, "harbour");
    let server = sandbox.serve();
    let (start, end) = (&found["span"]["start"], &found["span"]["end"]);
    let id = found["document_id"].as_str().unwrap();
    let text = server.get(&format!("/v1/documents/{id}/text?start={start}&end={end}&boxes=true")).1;
    let boxes = text["boxes"].as_array().unwrap();
    assert!(!boxes.is_empty());
    for line in boxes {
        let side = |name: &str| line[name].as_f64().unwrap();
        let page = line["page"].as_u64();
        assert!(found["page_first"].as_u64() <= page && page <= found["page_last"].as_u64());
        assert!(0.0 <= side("left") && side("left") < side("right") && side("right") <= 1000.0, "{line}");
        assert!(0.0 <= side("top") && side("top") < side("bottom") && side("bottom") <= 1000.0, "{line}");
        assert!(line["start"].as_u64() >= start.as_u64() && line["end"].as_u64() <= end.as_u64());
    }
    assert!(server.get(&format!("/v1/documents/{id}/text")).1.get("boxes").is_none());
}

#[test]
fn scanned_pages_are_counted_and_read_when_somebody_reads_them() {
    let sandbox = Sandbox::new();
    let scan = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/extraction/reportlab-scan-ko.pdf");
    sandbox.write("docs/scan.pdf", std::fs::read(scan).unwrap());
    assert_eq!(summary(&sandbox)["pages_need_ocr"], 1);
    assert!(sandbox.found("사진 속의 글자", "keyword").is_empty() || hit(&sandbox, "사진")["page_first"] != 2);
    sandbox.write("ocr.toml", "[ingest]\nocr = \"tesseract\"\n");
    let shown = sandbox.stdout(&["extract", "docs/scan.pdf", "--pages", "--config", "ocr.toml"]);
    let page = shown.split("--- page 2\n").nth(1).unwrap_or_else(|| panic!("page 2 is still a scan in {shown}"));
    assert!(page.split("--- page 3").next().unwrap().contains("사진"), "{shown}");
    assert!(shown.contains("warning    text recognised on 1 scanned pages"), "{shown}");
    sandbox.write("broken.toml", "[ingest]\nocr = \"tesseract\"\nocr_languages = \"tlh\"\n");
    let output = sandbox.run(&["extract", "docs/scan.pdf", "--config", "broken.toml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("tesseract has no data for \"tlh\"; Debian has it in tesseract-ocr-tlh"), "{said}");
}
