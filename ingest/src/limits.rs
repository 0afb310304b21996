//! Limits bound what one document may cost, and each says why it has its value.

/// The limits of one extraction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Largest input. 128 MiB: books with pictures pass; a worker with 2 GiB still holds the bytes and several copies of the
    /// text.
    pub bytes_max: usize,
    /// Largest HTML or XML input. 32 MiB: a parsed tree takes some twenty times the bytes.
    pub html_bytes_max: usize,
    /// Deepest HTML nesting that is read. 512: no page written by people or by a common generator is deeper, and stacks
    /// hold it.
    pub html_depth_max: usize,
    /// Largest extracted text. 64 MiB: some forty thousand pages; more is a bomb or a data dump.
    pub text_bytes_max: usize,
    /// Most pages. 5,000: the largest manuals and laws stay below, and pages that share one content stream cost time for
    /// each page.
    pub pages_max: usize,
    /// Largest decompressed stream of a PDF. 64 MiB: real page contents and fonts stay below, bombs of 4 kB reach gigabytes.
    pub stream_bytes_max: usize,
    /// Most entries that are unpacked from an archive, those of archives inside it included. 10,000: a folder of that many
    /// files is better given as a folder.
    pub entries_max: usize,
    /// Most bytes that are unpacked from an archive or a zipped document, together. 512 MiB: four times the largest input.
    pub inflated_bytes_max: u64,
    /// Most bytes that one byte of an archive may become. 200: text reaches 20, sparse sheets 100, bombs 1,000.
    pub inflate_ratio_max: u64,
    /// How deep documents may lie inside one another. 4: a report in an archive in a mail in a mailbox.
    pub depth_max: usize,
    /// Most places, boxes, headings and blocks of a document, and of those inside it together, each kind by itself. A million:
    /// a table of as many rows; more say nothing that a person looks for.
    pub marks_max: usize,
    /// Most columns of a table. 4,096: a spreadsheet may have 16,384, and none that people write is wider than this.
    pub columns_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            bytes_max: 128 * MIB,
            html_bytes_max: 32 * MIB,
            html_depth_max: 512,
            text_bytes_max: 64 * MIB,
            pages_max: 5_000,
            stream_bytes_max: 64 * MIB,
            entries_max: 10_000,
            inflated_bytes_max: 512 * MIB as u64,
            inflate_ratio_max: 200,
            depth_max: 4,
            marks_max: 1_000_000,
            columns_max: 4_096,
        }
    }
}
