//! What the clients of a crash test upload in parts and append to, with all that was asked of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crc_fast::CrcAlgorithm;

use super::world::WORKERS;
use crate::support::client::{Client, Reply, elements};
use crate::support::content::{Content, Random, describe};

/// The bucket of all of this. It is empty after every check.
pub(super) const BUCKET: &str = "/uploads/";

/// Parts are as large as the least that a part may have, and some larger.
const PART_BYTES: (u64, u64) = (100 * 1024, 200_000);
const PARTS: u64 = 5;

/// The object that one worker uploads in parts, and the logs that workers append to: the first is
/// that of all, and each has one of its own.
#[derive(Debug)]
pub(super) struct Uploads {
    slots: Vec<Mutex<Slot>>,
    logs: Vec<Mutex<Vec<Append>>>,
}

/// What is known of an object that is uploaded in parts.
#[derive(Debug, Default)]
struct Slot {
    /// What it holds.
    object: Option<Vec<Content>>,
    open: Option<Open>,
    /// What was asked last, unless it was acknowledged.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Open {
    id: String,
    parts: BTreeMap<u64, Content>,
}

#[derive(Clone, Copy, Debug)]
enum Pending {
    Begin,
    Part(u64, Content),
    Complete,
    Abort,
}

#[derive(Debug)]
struct Append {
    position: u64,
    content: Content,
    acknowledged: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slot_path(worker: usize) -> String {
    format!("{BUCKET}of-{worker}")
}

fn log_path(log: usize) -> String {
    format!("{BUCKET}log-{log}")
}

fn joined<'c>(contents: impl IntoIterator<Item = &'c Content>) -> Vec<u8> {
    contents.into_iter().flat_map(|content| content.bytes()).collect()
}

fn crc(bytes: &[u8]) -> String {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes).to_string()
}

/// Reads an object, whose checksum must be that of its bytes.
fn read(client: &mut Client, path: &str) -> io::Result<Option<Reply>> {
    let reply = client.get(path)?;
    if reply.status == 404 {
        return Ok(None);
    }
    let reply = reply.expect(200);
    assert_eq!(reply.header("x-oss-hash-crc64ecma"), Some(crc(&reply.body).as_str()), "{path}");
    Ok(Some(reply))
}

impl Uploads {
    pub(super) fn new() -> Self {
        Self {
            slots: (0..WORKERS).map(|_| Mutex::default()).collect(),
            logs: (0..=WORKERS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The next request for the worker's object: a beginning, a part, a completion or an abort.
    pub(super) fn step(
        &self,
        worker: usize,
        client: &mut Client,
        (seed, random): (u64, &mut Random),
    ) -> io::Result<()> {
        let (mut slot, path) = (lock(&self.slots[worker]), slot_path(worker));
        let Some(open) = &slot.open else {
            slot.pending = Some(Pending::Begin);
            let begun = client.send("POST", &format!("{path}?uploads"), &[], b"")?.expect(200);
            let id = begun.element("UploadId").unwrap();
            slot.open = Some(Open { id, parts: BTreeMap::new() });
            slot.pending = None;
            return Ok(());
        };
        let end = random.below(10);
        if end == 0 {
            let target = format!("{path}?uploadId={}", open.id);
            slot.pending = Some(Pending::Abort);
            client.delete(&target)?.expect(204);
            slot.open = None;
        } else if end < 3 && !open.parts.is_empty() {
            slot.complete(client, &path)?;
        } else {
            let length = PART_BYTES.0 + random.below(PART_BYTES.1);
            let (number, content) = (1 + random.below(PARTS), Content { seed, length });
            slot.put_part(client, &path, (number, content))?;
        }
        slot.pending = None;
        Ok(())
    }

    /// Appends to a log where it ended when it was last heard of.
    pub(super) fn append(
        &self,
        log: usize,
        client: &mut Client,
        content: Content,
    ) -> io::Result<()> {
        let (log, path) = (&self.logs[log], log_path(log));
        let mut position = end(&lock(log));
        // Another worker may have been first, and only so many can.
        for _ in 0..100 {
            let asked = {
                let mut log = lock(log);
                log.push(Append { position, content, acknowledged: false });
                log.len() - 1
            };
            let target = format!("{path}?append&position={position}");
            let reply = client.send("POST", &target, &[], &content.bytes())?;
            let next = reply.header("x-oss-next-append-position").map(|text| text.parse().unwrap());
            if reply.status == 200 {
                assert_eq!(next, Some(position + content.length));
                lock(log)[asked].acknowledged = true;
                return Ok(());
            }
            assert_eq!(reply.element("Code").as_deref(), Some("PositionNotEqualToLength"));
            position = next.unwrap();
        }
        panic!("somebody else was first a hundred times");
    }

    /// Compares a server that nobody writes to with what it has acknowledged, and empties the
    /// bucket. That nothing is left of it, whoever counts blobs will see.
    pub(super) fn check(&self, client: &mut Client) {
        let listed = client.signed("GET", &format!("{BUCKET}?uploads"), b"").unwrap().expect(200);
        let (keys, ids) = (elements(&listed.text(), "Key"), elements(&listed.text(), "UploadId"));
        for (worker, slot) in self.slots.iter().enumerate() {
            let key = format!("of-{worker}");
            let ids = keys.iter().zip(&ids).filter(|(known, _)| **known == key);
            let ids: Vec<_> = ids.map(|(_, id)| id.clone()).collect();
            std::mem::take(&mut *lock(slot)).check(client, &slot_path(worker), &ids);
        }
        for (number, log) in self.logs.iter().enumerate() {
            check_log(client, &log_path(number), &std::mem::take(&mut *lock(log)));
        }
        let stat = client.signed("GET", &format!("{BUCKET}?stat"), b"").unwrap().expect(200);
        for figure in ["Storage", "ObjectCount", "MultipartUploadCount", "MultipartPartCount"] {
            assert_eq!(stat.element(figure).as_deref(), Some("0"), "{figure}");
        }
    }
}

/// Where a log ends, as far as is known.
fn end(log: &[Append]) -> u64 {
    let ends = log.iter().filter(|append| append.acknowledged);
    ends.map(|append| append.position + append.content.length).max().unwrap_or(0)
}

impl Slot {
    fn put_part(
        &mut self,
        client: &mut Client,
        path: &str,
        (number, content): (u64, Content),
    ) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.pending = Some(Pending::Part(number, content));
        let target = format!("{path}?partNumber={number}&uploadId={}", open.id);
        let bytes = content.bytes();
        let reply = client.put(&target, &bytes)?.expect(200);
        assert_eq!(reply.header("etag"), Some(Content::etag(&bytes).as_str()));
        open.parts.insert(number, content);
        Ok(())
    }

    fn complete(&mut self, client: &mut Client, path: &str) -> io::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        self.pending = Some(Pending::Complete);
        let part = |(number, content): (&u64, &Content)| {
            let tag = Content::etag(&content.bytes());
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
        };
        let parts: String = open.parts.iter().map(part).collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let target = format!("{path}?uploadId={}", open.id);
        client.send("POST", &target, &[], body.as_bytes())?.expect(200);
        self.object = self.open.take().map(|open| open.parts.into_values().collect());
        Ok(())
    }

    /// Compares the object with what was acknowledged, ends its upload, and deletes it.
    fn check(mut self, client: &mut Client, path: &str, ids: &[String]) {
        let found = read(client, path).unwrap().map(|reply| reply.body);
        if matches!(self.pending, Some(Pending::Complete)) && ids.is_empty() {
            // Nobody was told, but it was done: with its object.
            self.object = self.open.take().map(|open| open.parts.into_values().collect());
        }
        let want = self.object.as_ref().map(joined);
        let seen = found.as_deref().map(describe);
        assert!(found == want, "{path} should be of {:?} and is {seen:?}", self.object);
        let (pending, known) = (self.pending, self.open.as_ref().map(|open| open.id.clone()));
        match (pending, known, ids) {
            (_, None, []) | (Some(Pending::Abort), Some(_), []) => {}
            (Some(Pending::Begin), None, [id]) => {
                client.delete(&format!("{path}?uploadId={id}")).unwrap().expect(204);
            }
            (_, Some(known), [id]) if known == *id => self.check_open(client, path),
            (pending, known, ids) => panic!("{path} has {ids:?}, known is {known:?}, {pending:?}"),
        }
        client.delete(path).unwrap().expect(204);
    }

    /// Checks that the parts are there, by their tags and then by their bytes.
    fn check_open(&mut self, client: &mut Client, path: &str) {
        let Some(open) = &mut self.open else { return };
        let target = format!("{path}?uploadId={}", open.id);
        let list = client.get(&target).unwrap().expect(200).text();
        let tag_of = |content: &Content| Content::etag(&content.bytes());
        let numbers = elements(&list, "PartNumber").into_iter().map(|text| text.parse().unwrap());
        let listed: BTreeMap<u64, String> = numbers.zip(elements(&list, "ETag")).collect();
        if let Some(Pending::Part(number, content)) = self.pending
            && listed.get(&number) == Some(&tag_of(&content))
        {
            open.parts.insert(number, content);
        }
        let want: BTreeMap<u64, String> =
            open.parts.iter().map(|(number, content)| (*number, tag_of(content))).collect();
        assert_eq!(listed, want, "{path} of {:?}", self.pending);
        if open.parts.is_empty() {
            client.delete(&target).unwrap().expect(204);
            return;
        }
        let all = [("x-oss-complete-all", "yes")];
        client.send("POST", &target, &all, b"").unwrap().expect(200);
        let found = read(client, path).unwrap().unwrap();
        assert!(found.body == joined(open.parts.values()), "{path} has other bytes in its parts");
        assert_eq!(found.header("x-oss-object-type"), Some("Multipart"));
    }
}

/// Checks that a log is one append after another, each whole, and none missing that was
/// acknowledged; and deletes it.
fn check_log(client: &mut Client, path: &str, log: &[Append]) {
    let Some(found) = read(client, path).unwrap() else {
        assert!(log.iter().all(|append| !append.acknowledged), "{path} is gone");
        return;
    };
    assert_eq!(found.header("x-oss-object-type"), Some("Appendable"), "{path}");
    let length = found.body.len().to_string();
    assert_eq!(found.header("x-oss-next-append-position"), Some(length.as_str()), "{path}");
    let (mut rest, mut position, mut acknowledged) = (found.body.as_slice(), 0, 0);
    while !rest.is_empty() {
        let fits = |append: &&Append| {
            append.position == position && rest.starts_with(&append.content.bytes())
        };
        let Some(append) = log.iter().find(fits) else {
            panic!("{path} has at {position} {}", describe(rest));
        };
        acknowledged += u64::from(append.acknowledged);
        position += append.content.length;
        rest = rest.split_at(append.content.bytes().len()).1;
    }
    let want = log.iter().filter(|append| append.acknowledged).count() as u64;
    assert_eq!(acknowledged, want, "appends of {path} that were acknowledged are missing");
    client.delete(path).unwrap().expect(204);
}
