//! The same promises in a folder, in memory and behind S3's protocol; then what each does when it is broken.

use std::io::{Seek, Write};

use object_store::memory::InMemory;
use sha2::{Digest, Sha256};

use super::*;
use crate::s3_peer::S3Peer;

fn in_memory() -> Originals {
    Originals {
        store: Arc::new(InMemory::new()),
        prefix: Path::from("kept/here"),
        place: "memory".into(),
        is_own: true,
    }
}

fn at_peer(peer: &S3Peer) -> Originals {
    Originals::at_url("s3://bucket/some/path", &peer.environment()).unwrap()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

async fn kept(originals: &Originals, sha256: &str) -> Option<Vec<u8>> {
    let original = originals.get(sha256).await.unwrap()?;
    let mut bytes = Vec::new();
    let mut stream = original.stream;
    while let Some(piece) = stream.next().await {
        bytes.extend(piece.unwrap());
    }
    assert_eq!(bytes.len() as u64, original.bytes);
    Some(bytes)
}

async fn keep_its_promises(originals: &Originals) {
    // Nothing, a little, exactly a part, and several parts with a rest.
    for length in [0, 10, PART_BYTES, 2 * PART_BYTES + 77] {
        let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8).collect();
        let (mut file, sha256) = (file_of(&bytes), hash(&bytes));
        file.seek(std::io::SeekFrom::Start(3)).unwrap();
        assert!(originals.get(&sha256).await.unwrap().is_none());
        for _ in 0..2 {
            originals.put_file(&file, &sha256, length as u64).await.unwrap();
            assert!(kept(originals, &sha256).await.unwrap() == bytes, "{length}");
        }
        assert_eq!(file.stream_position().unwrap(), 3);
        for _ in 0..2 {
            originals.delete(&sha256).await.unwrap();
            assert!(kept(originals, &sha256).await.is_none());
        }
    }
    // A hash that is another file's, and one that is a path.
    for length in [10, PART_BYTES + 1] {
        let (file, other) = (file_of(&vec![7; length]), hash(b"other"));
        let refused = originals.put_file(&file, &other, length as u64).await;
        assert!(matches!(refused, Err(OriginalsError::Changed)), "{refused:?}");
        let shrunk = originals.put_file(&file, &other, length as u64 + 1).await;
        assert!(matches!(shrunk, Err(OriginalsError::Changed)), "{shrunk:?}");
        assert!(kept(originals, &other).await.is_none());
    }
    let odd = format!("..{}", "/".repeat(62));
    for no_hash in ["", "../../etc/passwd", odd.as_str(), &"A".repeat(64)] {
        assert!(originals.put_file(&file_of(b"x"), no_hash, 1).await.is_err());
        assert!(originals.get(no_hash).await.unwrap().is_none());
        originals.delete(no_hash).await.unwrap();
    }
}

#[tokio::test]
async fn originals_are_kept_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let originals = Originals::in_folder(&folder.path().join("data")).unwrap();
    keep_its_promises(&originals).await;
    let sha256 = hash(b"one");
    originals.put_file(&file_of(b"one"), &sha256, 3).await.unwrap();
    let place = folder.path().join("data/originals").join(&sha256[..2]).join(&sha256[2..4]);
    let names: Vec<_> = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [sha256.as_str()], "and nothing else is left of it");
    let url = url::Url::from_file_path(folder.path().join("data")).unwrap();
    let same = Originals::at_url(url.as_str(), &[]).unwrap();
    assert_eq!(kept(&same, &sha256).await.unwrap(), b"one");
}

#[tokio::test]
async fn originals_are_kept_in_memory() {
    keep_its_promises(&in_memory()).await;
}

#[tokio::test]
async fn originals_are_kept_behind_the_protocol_of_s3() {
    let peer = S3Peer::start();
    let originals = at_peer(&peer);
    assert_eq!(originals.place(), "s3://bucket/some/path");
    keep_its_promises(&originals).await;
    let (file, sha256) = (file_of(b"one"), hash(b"one"));
    originals.put_file(&file, &sha256, 3).await.unwrap();
    peer.bucket().asked.clear();
    originals.put_file(&file, &sha256, 3).await.unwrap();
    let path = format!("/bucket/some/path/originals/{}/{}/{sha256}", &sha256[..2], &sha256[2..4]);
    assert_eq!(peer.bucket().asked, [format!("HEAD {path}")], "what is there is not sent again");
    peer.bucket().modified = Some("Sun, 01 Nov 2020 01:00:00 GMT");
    peer.bucket().asked.clear();
    originals.put_file(&file, &sha256, 3).await.unwrap();
    assert_eq!(peer.bucket().asked, [format!("HEAD {path}"), format!("PUT {path}")], "but what may be swept is");
    let asked = || peer.bucket().parts.len();
    crate::s3_peer::until_gone(asked, "parts of uploads that came to nothing are given up").await;
}

#[tokio::test]
async fn what_was_written_long_ago_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    for originals in [in_memory(), Originals::in_folder(folder.path()).unwrap()] {
        let hashes = |age: Duration| {
            let originals = originals.clone();
            async move {
                let mut hashes: Vec<String> = originals.older_than(age).map(Result::unwrap).collect().await;
                hashes.sort();
                hashes
            }
        };
        assert!(hashes(Duration::ZERO).await.is_empty(), "and a place without any is none that is broken");
        let mut all = Vec::new();
        for text in ["one", "two", "three"] {
            originals.put_file(&file_of(text.as_bytes()), &hash(text.as_bytes()), text.len() as u64).await.unwrap();
            all.push(hash(text.as_bytes()));
        }
        all.sort();
        let odd = originals.prefix.clone().join("originals").join("README");
        originals.store.put(&odd, "not ours".into()).await.unwrap();
        assert_eq!(hashes(Duration::ZERO).await, all);
        assert!(hashes(FRESH).await.is_empty());
    }
}

#[tokio::test]
async fn a_dropped_upload_leaves_no_parts() {
    let peer = S3Peer::start();
    let originals = at_peer(&peer);
    let bytes = vec![1; 4 * PART_BYTES];
    let (file, sha256) = (file_of(&bytes), hash(&bytes));
    let upload = originals.put_file(&file, &sha256, bytes.len() as u64);
    let first_part = async {
        while peer.bucket().parts.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        done = upload => panic!("{done:?}"),
        () = first_part => {}
    }
    crate::s3_peer::until_gone(|| peer.bucket().parts.len(), "its parts").await;
    assert!(peer.bucket().objects.is_empty());
}

#[tokio::test]
async fn what_goes_wrong_is_said_without_a_key() {
    let peer = S3Peer::start();
    let originals = at_peer(&peer);
    let (file, sha256) = (file_of(b"one"), hash(b"one"));
    let leaky = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIAIBIDTEST</AWSAccessKeyId>\
                 <StringToSign>s3cr3t-k3y</StringToSign></Error>";
    for (status, words) in [(403, "refuses the keys"), (400, "answers 400 SignatureDoesNotMatch"), (404, "not there")] {
        peer.bucket().refusal = Some((status, leaky.to_owned()));
        let said = originals.put_file(&file, &sha256, 3).await.unwrap_err().to_string();
        assert!(said.contains("s3://bucket/some/path") && said.contains("keep_originals"), "{said}");
        assert!(!said.contains("AKIA") && !said.contains("s3cr3t"), "{said}");
        assert!(status == 400 || said.contains(words), "{said}");
    }
    // A HEAD has no body, so the cloud's own word for it comes with a GET.
    peer.bucket().refusal = Some((400, leaky.to_owned()));
    let said = originals.get(&sha256).await.err().unwrap().to_string();
    assert!(said.contains("answers 400 SignatureDoesNotMatch") && !said.contains("s3cr3t"), "{said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut environment = peer.environment();
    environment[0].1 = format!("http://{nobody}");
    let unreachable = Originals::at_url("s3://bucket", &environment).unwrap();
    let refused = unreachable.put_file(&file, &sha256, 3).await.unwrap_err().to_string();
    assert!(refused.contains("refused"), "{refused}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_before_anything_is_read() {
    let peer = S3Peer::start();
    let plain: Vec<_> = peer.environment().into_iter().filter(|(name, _)| name != "AWS_ALLOW_HTTP").collect();
    for (address, environment, words) in [
        ("s3://bucket", plain.as_slice(), "AWS_ALLOW_HTTP=true"),
        ("s3://key:s3cr3t@bucket", &[], "password"),
        ("file:///not/there/at/all", &[], "No such file"),
        ("ftp://host/x", &[], "s3://"),
        ("https://bucket.example/x", &[], "s3://"),
        ("az://container", &[], "AZURE_STORAGE_ACCOUNT_NAME"),
        ("bucket", &[], "no URL"),
    ] {
        let said = Originals::at_url(address, environment).err().unwrap().to_string();
        assert!(said.contains(words) && !said.contains("s3cr3t"), "{address}: {said}");
    }
}

#[test]
fn every_cloud_can_be_named() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let azure = [set("AZURE_STORAGE_ACCOUNT_NAME", "ann"), set("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
    assert!(Originals::at_url("az://container/path", &azure).is_ok());
    let google = [set(
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "{\"disable_oauth\": true, \"gcs_base_url\": \"https://localhost\", \"client_email\": \"\", \"private_key\": \"\", \"private_key_id\": \"\"}",
    )];
    assert!(Originals::at_url("gs://bucket/path", &google).is_ok());
    // A setting that is not about a cloud, and one that nobody knows, change nothing.
    let odd = [set("AWS_PAGER", "less"), set("TIMEOUT", "soon"), set("AWS_REGION", "eu-north-1")];
    assert!(Originals::at_url("s3://bucket", &odd).is_ok());
}
