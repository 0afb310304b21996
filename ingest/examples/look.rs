//! Prints what is extracted from each file that is named.

use ibid_ingest::{Document, ExtractOptions, extract};

fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("the file can be read");
        match extract(&path, &bytes, &ExtractOptions::default()) {
            Ok(document) => show(&path, &document),
            Err(error) => println!("##### {path}: {} {error}", error.code()),
        }
    }
}

fn show(path: &str, document: &Document) {
    println!("##### {path} {} title {:?}", document.media_type.as_mime(), document.title);
    println!("metadata {:?}\nwarnings {:?}", document.metadata, document.warnings);
    println!("headings {:?}", document.headings.iter().map(|h| (h.level, &h.title)).collect::<Vec<_>>());
    println!("blocks {:?}\nplaces {}", document.blocks.len(), document.places.len());
    println!("{}", document.text);
    for child in &document.children {
        match &child.outcome {
            Ok(inner) => show(&format!("{path} > {}", child.path), inner),
            Err(error) => println!("##### {path} > {}: {} {error}", child.path, error.code()),
        }
    }
}
