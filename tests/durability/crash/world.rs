//! What the clients of a crash test write to, with all that was asked of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::history::{History, Ticks};
use super::uploads::{self, Uploads};
use crate::support::client::{Client, elements};
use crate::support::content::{Content, describe};
use crate::support::server::{Place, Server};

pub(super) const WORKERS: usize = 4;
/// Objects that all workers write to.
pub(super) const SHARED: usize = 4;
/// Objects that one worker alone writes to.
pub(super) const OWN: usize = 6;

pub(super) const ACLS: [&str; 3] = ["private", "public-read", "public-read-write"];

/// A bucket `objects` that everybody may write to, and one `uploads`, a bucket `settings` whose ACL and policy
/// change, and a bucket for each worker that comes and goes.
#[derive(Debug)]
pub(super) struct World {
    pub(super) ticks: Ticks,
    /// The shared objects, then those of the first worker, and so on.
    pub(super) objects: Vec<History<Option<Content>>>,
    /// The site that the policy lets in; everybody without a policy.
    pub(super) site: History<Option<u64>>,
    pub(super) acl: History<&'static str>,
    pub(super) buckets: Vec<History<bool>>,
    pub(super) uploads: Uploads,
    numbers: AtomicU64,
    pub(super) acknowledged: AtomicU64,
}

pub(super) fn object_path(index: usize) -> String {
    format!("/objects/{}", object_key(index))
}

pub(super) fn object_key(index: usize) -> String {
    match index.checked_sub(SHARED) {
        None => format!("shared/{index}"),
        Some(own) => format!("of-{}/{}", own / OWN, own % OWN),
    }
}

pub(super) fn bucket_path(worker: usize) -> String {
    format!("/of-worker-{worker}/")
}

/// A policy that lets in one site and no request without a referer.
pub(super) fn policy(site: u64) -> String {
    format!(
        "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer>\
         <AllowTruncateQueryString>true</AllowTruncateQueryString>\
         <TruncatePath>false</TruncatePath><RefererList>\
         <Referer>https://site-{site}.example/</Referer><Referer>https://*.{site}.example</Referer>\
         </RefererList><RefererBlacklist><Referer>https://site-{site}.example/no*</Referer>\
         </RefererBlacklist></RefererConfiguration>"
    )
}

impl World {
    pub(super) fn make(client: &mut Client) -> Self {
        client.open_bucket("/objects/");
        client.open_bucket(uploads::BUCKET);
        client.signed("PUT", "/settings/", b"").unwrap().expect(200);
        client.signed("PUT", "/settings/probe", b"probe").unwrap().expect(200);
        let objects = SHARED + WORKERS * OWN;
        Self {
            ticks: Ticks::default(),
            objects: (0..objects).map(|_| History::new(None)).collect(),
            site: History::new(None),
            acl: History::new("private"),
            buckets: (0..WORKERS).map(|_| History::new(false)).collect(),
            uploads: Uploads::new(),
            numbers: AtomicU64::new(1),
            acknowledged: AtomicU64::new(0),
        }
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Compares a server that nobody writes to with what it has acknowledged.
    pub(super) fn check(&self, place: &Place, server: &Server) {
        let mut client = server.client();
        let mut found = Vec::new();
        for (index, history) in self.objects.iter().enumerate() {
            let content = read_object(&mut client, index).unwrap();
            history.settle(&object_path(index), content);
            found.extend(content.map(|content| (object_key(index), content.length)));
        }
        check_usage(&mut client, found.clone());
        self.uploads.check(&mut client);
        // What was just deleted goes behind the answer.
        place.wait_for_named_blobs();
        self.check_settings(&mut client);
        for (worker, history) in self.buckets.iter().enumerate() {
            let path = bucket_path(worker);
            let there = client.signed("GET", &format!("{path}?acl"), b"").unwrap();
            assert!([200, 404].contains(&there.status), "{}", there.text());
            history.settle(&path, there.status == 200);
        }
    }

    fn check_settings(&self, client: &mut Client) {
        let probe = "/settings/probe";
        let shown = client.signed("GET", "/settings/?referer", b"").unwrap().expect(200);
        let site = shown.element("Referer").map(|first| number_in(&first));
        if let Some(site) = site {
            assert!(shown.text().ends_with(&policy(site)), "not as it was put: {}", shown.text());
        }
        self.site.settle("the policy", site);
        let status = |client: &mut Client, referer: Option<&str>| {
            client.get_by_url(probe, referer).unwrap().status
        };
        if let Some(site) = site {
            let good = format!("https://site-{site}.example/page");
            assert_eq!(status(client, Some(&good)), 200);
            assert_eq!(status(client, Some(&format!("https://site-{site}.example/no"))), 403);
            assert_eq!(status(client, Some(&format!("https://site-{}.example/", site + 1))), 403);
        }
        assert_eq!(status(client, None), if site.is_some() { 403 } else { 200 });

        let shown = client.signed("GET", "/settings/?acl", b"").unwrap().expect(200);
        let acl = shown.element("Grant").unwrap();
        let acl = *ACLS.iter().find(|known| **known == acl).unwrap();
        self.acl.settle("the ACL", acl);
        let referer = format!("https://site-{}.example/", site.unwrap_or(0));
        let stranger = client.send("GET", probe, &[("referer", &referer)], b"").unwrap().status;
        assert_eq!(stranger, if acl == "private" { 403 } else { 200 }, "{acl}");
    }
}

/// Reads an object and checks that it is one content, whole, under its own digests.
pub(super) fn read_object(client: &mut Client, index: usize) -> std::io::Result<Option<Content>> {
    let path = object_path(index);
    let reply = client.get(&path)?;
    if reply.status == 404 {
        assert_eq!(reply.element("Code").as_deref(), Some("NoSuchKey"), "{path}");
        return Ok(None);
    }
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    let seed = reply.header("x-oss-meta-seed").unwrap().parse().unwrap();
    let content = Content { seed, length: reply.body.len() as u64 };
    let whole = reply.body == content.bytes();
    assert!(whole, "{path} should be of content {seed} and is {}", describe(&reply.body));
    let length = reply.header("x-oss-meta-length").unwrap();
    assert_eq!(length, content.length.to_string(), "{path} has another's length");
    let etag = Content::etag(&reply.body);
    assert_eq!(reply.header("etag"), Some(etag.as_str()), "{path}");
    Ok(Some(content))
}

/// Compares the bucket's counters and its listing with what is there.
fn check_usage(client: &mut Client, mut found: Vec<(String, u64)>) {
    let stat = client.signed("GET", "/objects/?stat", b"").unwrap().expect(200);
    let total: u64 = found.iter().map(|(_, length)| length).sum();
    assert_eq!(stat.element("ObjectCount"), Some(found.len().to_string()));
    assert_eq!(stat.element("Storage"), Some(total.to_string()));
    let list = client.signed("GET", "/objects/?max-keys=1000", b"").unwrap().expect(200).text();
    let sizes = elements(&list, "Size").into_iter().map(|size| size.parse().unwrap());
    let listed: Vec<_> = elements(&list, "Key").into_iter().zip(sizes).collect();
    found.sort();
    assert_eq!(listed, found);
}

fn number_in(text: &str) -> u64 {
    text.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}
