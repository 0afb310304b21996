//! What parent and child say to each other over the child's standard input and output.
//!
//! A request is a length, a JSON header and the bytes of the document. While it is read, the child names each part before it
//! begins; then comes the result. Numbers are little-endian.

use std::io::{Read, Write};

use ibid_ingest::{Document, ExtractError, ExtractOptions, PagePicture};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

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
    /// Its text.
    Read,
    /// Pictures of these pages.
    Draw(Vec<u32>),
}

/// The result of reading one document.
pub(super) type Response = Result<Document, ExtractError>;

/// What the child sends.
#[derive(Debug)]
pub(super) enum Frame {
    /// A part begins.
    Part(String),
    /// A document inside begins, which has the limits of a document again.
    Child(String),
    /// A page, from 1, is about to be drawn.
    Drawing(u32),
    /// What it looks like.
    Picture(PagePicture),
    /// The result, as JSON.
    Result(Vec<u8>),
}

const PART: u8 = b'p';
const CHILD: u8 = b'c';
const DRAWING: u8 = b'd';
const PICTURE: u8 = b'i';
const RESULT: u8 = b'r';

/// A result is the text and little more; a larger one is not ours.
const FRAME_BYTES_MAX: u64 = 1 << 30;

/// Sends a request to the child.
pub(super) async fn send_request(
    out: &mut (impl AsyncWrite + Unpin),
    header: &RequestHeader,
    bytes: &[u8],
) -> std::io::Result<()> {
    let json = serde_json::to_vec(header)?;
    let length = u32::try_from(json.len()).map_err(std::io::Error::other)?;
    let mut head = length.to_le_bytes().to_vec();
    head.extend(json);
    // A small file goes out in one write: each wakes the child.
    if bytes.len() <= SMALL_BYTES {
        head.extend(bytes);
        out.write_all(&head).await?;
    } else {
        out.write_all(&head).await?;
        out.write_all(bytes).await?;
    }
    out.flush().await
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
        PICTURE => {
            let (page, width, height) = (number(&payload, 0)?, number(&payload, 4)?, number(&payload, 8)?);
            let luma = payload.split_off(12);
            // The program that reads it must get a picture and nothing else, whatever the child was made to say.
            let whole = u64::from(width) * u64::from(height) == luma.len() as u64;
            let picture = PagePicture { page, width: width as usize, height: height as usize, luma };
            if whole { Ok(Frame::Picture(picture)) } else { Err(std::io::Error::other("the picture is not whole")) }
        }
        RESULT => Ok(Frame::Result(payload)),
        _ => Err(std::io::Error::other("the frame is not known")),
    }
}

fn number(payload: &[u8], at: usize) -> std::io::Result<u32> {
    let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).ok_or_else(|| std::io::Error::other("the frame is too short"))
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

/// Sends a frame from the child.
pub(super) fn write_frame(out: &mut impl Write, frame: &Frame) -> std::io::Result<()> {
    let mut head = Vec::new();
    let (tag, payload): (u8, &[u8]) = match frame {
        Frame::Part(name) => (PART, name.as_bytes()),
        Frame::Child(name) => (CHILD, name.as_bytes()),
        Frame::Drawing(page) => {
            head.extend(page.to_le_bytes());
            (DRAWING, &[])
        }
        Frame::Picture(PagePicture { page, width, height, luma }) => {
            let sizes = [*page, *width as u32, *height as u32];
            head.extend(sizes.into_iter().flat_map(u32::to_le_bytes));
            (PICTURE, luma)
        }
        Frame::Result(json) => (RESULT, json),
    };
    out.write_all(&[tag])?;
    out.write_all(&((head.len() + payload.len()) as u64).to_le_bytes())?;
    out.write_all(&head)?;
    out.write_all(payload)?;
    out.flush()
}
