//! What parent and child say to each other over the child's standard input and output.
//!
//! A request is a length, a JSON header and the bytes of the document. While it is read, the child names each part before it
//! begins and hands over each document inside as soon as it is read; then comes the result. A document's text goes ahead of
//! what else is known of it, as it is, so that neither side holds it twice. Numbers are little-endian.

use std::io::{Read, Write};

use ibid_ingest::{Child, Document, ExtractError, ExtractOptions, PagePicture};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::input::DocumentSource;
use crate::types::Failure;

/// What precedes the bytes of a document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHeader {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) options: ExtractOptions,
    pub(super) task: Task,
}

/// What is asked of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Task {
    /// Its text, with the documents inside it.
    Read,
    /// Its text, and before it the documents inside, one by one.
    ReadApart,
    /// Pictures of these pages.
    Draw(Vec<u32>),
}

/// The result of reading one document.
pub(super) type Response = Result<Document, ExtractError>;

/// What the child sends.
#[derive(Debug)]
pub(super) enum Frame {
    /// A part begins; without a name, the last one ended.
    Part(String),
    /// A document inside begins, which has the limits of a document again.
    Child(String),
    /// A page, from 1, is about to be drawn.
    Drawing(u32),
    /// What it looks like.
    Picture(PagePicture),
    /// The text of the document that comes next.
    Text(String),
    /// A document inside, with its key and without its text, as JSON.
    Inside(Vec<u8>),
    /// The result without its text, as JSON.
    Result(Vec<u8>),
}

const PART: u8 = b'p';
const CHILD: u8 = b'c';
const DRAWING: u8 = b'd';
const PICTURE: u8 = b'i';
const TEXT: u8 = b't';
const INSIDE: u8 = b'n';
const RESULT: u8 = b'r';

/// The largest text, and as many marks as one document may have; a larger frame is not ours.
const FRAME_BYTES_MAX: u64 = 256 << 20;

/// Why a request could not be sent.
pub(super) enum SendError {
    /// The child does not listen.
    Broken,
    /// The bytes cannot be had.
    Source(Failure),
}

impl From<std::io::Error> for SendError {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

/// Sends a request to the child, the bytes piece by piece.
pub(super) async fn send_request(
    out: &mut (impl AsyncWrite + Unpin),
    header: &RequestHeader,
    source: &mut dyn DocumentSource,
) -> Result<(), SendError> {
    let json = serde_json::to_vec(header).map_err(std::io::Error::from)?;
    let length = u32::try_from(json.len()).map_err(std::io::Error::other)?;
    let mut head = length.to_le_bytes().to_vec();
    head.extend(json);
    source.rewind().await.map_err(SendError::Source)?;
    let mut left = header.bytes;
    while let Some(piece) = source.piece().await.map_err(SendError::Source)? {
        left = left.checked_sub(piece.len() as u64).ok_or(SendError::Broken)?;
        // A small file goes out in one write: each wakes the child.
        if !head.is_empty() && piece.len() <= SMALL_BYTES {
            head.extend(piece);
            out.write_all(&std::mem::take(&mut head)).await?;
            continue;
        }
        out.write_all(&std::mem::take(&mut head)).await?;
        out.write_all(piece).await?;
    }
    out.write_all(&head).await?;
    out.flush().await?;
    if left == 0 { Ok(()) } else { Err(SendError::Broken) }
}

/// A pipe holds this much, so a write of it does not wait for the reader.
const SMALL_BYTES: usize = 32 << 10;

/// Reads the next frame that the child sent.
pub(super) async fn read_frame(input: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Frame> {
    let tag = input.read_u8().await?;
    let length = input.read_u64_le().await?;
    if length > FRAME_BYTES_MAX {
        return Err(std::io::Error::other("the frame is too long"));
    }
    let mut payload = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    input.read_exact(&mut payload).await?;
    match tag {
        PART => Ok(Frame::Part(String::from_utf8_lossy(&payload).into_owned())),
        CHILD => Ok(Frame::Child(String::from_utf8_lossy(&payload).into_owned())),
        DRAWING => number(&payload, 0).map(Frame::Drawing),
        PICTURE => picture(payload).map(Frame::Picture),
        TEXT => String::from_utf8(payload).map(Frame::Text).map_err(std::io::Error::other),
        INSIDE => Ok(Frame::Inside(payload)),
        RESULT => Ok(Frame::Result(payload)),
        _ => Err(std::io::Error::other("the frame is not known")),
    }
}

fn picture(mut payload: Vec<u8>) -> std::io::Result<PagePicture> {
    let (page, width, height) = (number(&payload, 0)?, number(&payload, 4)?, number(&payload, 8)?);
    let luma = payload.split_off(12);
    // The program that reads it must get a picture and nothing else, whatever the child was made to say.
    if u64::from(width) * u64::from(height) != luma.len() as u64 {
        return Err(std::io::Error::other("the picture is not whole"));
    }
    Ok(PagePicture { page, width: width as usize, height: height as usize, luma })
}

fn number(payload: &[u8], at: usize) -> std::io::Result<u32> {
    let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).ok_or_else(|| std::io::Error::other("the frame is too short"))
}

/// The response, with the text that went ahead of it. One that cannot be understood comes from a document that no other try
/// would read better.
pub(super) fn response_of(json: &[u8], text: Option<String>) -> Response {
    let response: Response = serde_json::from_slice(json).unwrap_or_else(|_| Err(unspeakable()));
    response.map(|document| Document { text: text.unwrap_or_default(), ..document })
}

/// A document inside and its key, with the text that went ahead of it. `None` when nobody can say which it is.
pub(super) fn inside_of(json: &[u8], text: Option<String>) -> Option<(String, Child)> {
    let Ok((key, mut child)) = serde_json::from_slice::<(String, Child)>(json) else { return lost_inside(json) };
    if let Ok(document) = &mut child.outcome {
        document.text = text.unwrap_or_default();
    }
    Some((key, child))
}

/// A document inside of which only the name can be understood.
fn lost_inside(json: &[u8]) -> Option<(String, Child)> {
    #[derive(Deserialize)]
    struct Named {
        path: String,
        bytes: u64,
    }
    let (key, Named { path, bytes }) = serde_json::from_slice(json).ok()?;
    Some((key, Child { path, bytes, outcome: Err(unspeakable()) }))
}

fn unspeakable() -> ExtractError {
    ExtractError::Damaged { format: "file".to_owned(), reason: "what was read of it cannot be handed on".to_owned() }
}

/// Reads the next request in the child; `None` when there is no other.
pub(super) fn read_request(input: &mut impl Read) -> std::io::Result<Option<(RequestHeader, Vec<u8>)>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut header = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut header)?;
    let header: RequestHeader = serde_json::from_slice(&header)?;
    let mut bytes = vec![0; usize::try_from(header.bytes).map_err(std::io::Error::other)?];
    input.read_exact(&mut bytes)?;
    Ok(Some((header, bytes)))
}

/// Sends the result from the child: the text first, which is gone before the rest is written out.
pub(super) fn write_result(out: &mut impl Write, mut response: Response) -> std::io::Result<()> {
    if let Ok(document) = &mut response {
        put(out, TEXT, &[std::mem::take(&mut document.text).as_bytes()])?;
    }
    let json = serde_json::to_vec(&response)?;
    drop(response);
    put(out, RESULT, &[&json])?;
    out.flush()
}

/// Sends a document inside from the child, in the same way.
pub(super) fn write_inside(out: &mut impl Write, key: &str, mut child: Child) -> std::io::Result<()> {
    if let Ok(document) = &mut child.outcome {
        put(out, TEXT, &[std::mem::take(&mut document.text).as_bytes()])?;
    }
    put(out, INSIDE, &[&serde_json::to_vec(&(key, &child))?])?;
    out.flush()
}

/// Sends a frame from the child.
pub(super) fn write_frame(out: &mut impl Write, frame: &Frame) -> std::io::Result<()> {
    match frame {
        Frame::Part(name) => put(out, PART, &[name.as_bytes()])?,
        Frame::Child(name) => put(out, CHILD, &[name.as_bytes()])?,
        Frame::Drawing(page) => put(out, DRAWING, &[&page.to_le_bytes()])?,
        Frame::Picture(PagePicture { page, width, height, luma }) => {
            let sizes = [*page, *width as u32, *height as u32];
            put(out, PICTURE, &[&sizes.map(u32::to_le_bytes).concat(), luma])?;
        }
        Frame::Text(text) => put(out, TEXT, &[text.as_bytes()])?,
        Frame::Inside(json) => put(out, INSIDE, &[json])?,
        Frame::Result(json) => put(out, RESULT, &[json])?,
    }
    out.flush()
}

fn put(out: &mut impl Write, tag: u8, payload: &[&[u8]]) -> std::io::Result<()> {
    let length: usize = payload.iter().map(|part| part.len()).sum();
    out.write_all(&[tag])?;
    out.write_all(&(length as u64).to_le_bytes())?;
    payload.iter().try_for_each(|part| out.write_all(part))
}
