//! A disk without space.
//!
//! The data is on a small tmpfs in a mount namespace of the test's own, so nothing outside sees it
//! and nothing has to be cleaned up. That takes root, or a system that lets everybody make user
//! namespaces. Where neither is so, the test fails and says so, because a test that left itself
//! out would look like one that passed; `REFGATE_TEST_NO_NAMESPACES=1` leaves it out knowingly.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::client::Client;
use crate::support::content::Content;
use crate::support::server::Place;
use crate::support::wanted;

/// Bytes of the small disk.
const DISK: u64 = 24 << 20;

/// A disk of [`DISK`] bytes, and a process that keeps its namespace.
struct SmallDisk {
    keeper: Child,
    /// Where processes of the namespace find it.
    mounted: tempfile::TempDir,
    /// What enters the namespace.
    enter: Vec<String>,
}

impl SmallDisk {
    fn make() -> Option<Self> {
        if wanted("REFGATE_TEST_NO_NAMESPACES") == Some(1) {
            println!("left out: REFGATE_TEST_NO_NAMESPACES=1");
            return None;
        }
        let ways = [("-m", vec!["-m"]), ("-rm", vec!["-U", "-m", "--preserve-credentials"])];
        let made = ways.into_iter().find_map(|(unshare, enter)| Self::by(unshare, &enter));
        let made = made.expect(
            "neither root nor a user namespace may mount a tmpfs here; \
             REFGATE_TEST_NO_NAMESPACES=1 leaves this test out",
        );
        Some(made)
    }

    fn by(unshare: &str, enter: &[&str]) -> Option<Self> {
        let mounted = tempfile::TempDir::new().unwrap();
        // Ends with the test, whose end of the pipe is closed by then.
        let script = "mount -t tmpfs -o size=$0 tmpfs \"$1\" && echo mounted && exec cat";
        let mut keeper = Command::new("unshare")
            .args([unshare, "sh", "-c", script, &DISK.to_string()])
            .arg(mounted.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = String::new();
        BufReader::new(keeper.stdout.take()?).read_line(&mut said).ok()?;
        let target = keeper.id().to_string();
        let words = ["nsenter", "-t", &target].into_iter().chain(enter.iter().copied());
        let enter = words.map(str::to_owned).collect();
        let disk = Self { keeper, mounted, enter };
        (said == "mounted\n").then_some(disk)
    }

    /// Where this process finds a path of the namespace.
    fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// Takes all space that is left.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [1 << 20, 64 << 10, 4096] {
            let zeros = vec![0; size];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.seen(&self.mounted.path().join("filler"))
    }

    fn place(&self) -> Place {
        let data = self.mounted.path().join("data");
        Place::new().started_by(&self.enter).with_data(data.clone(), self.seen(&data))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn content(seed: u64, length: u64) -> Vec<u8> {
    Content { seed, length }.bytes()
}

#[track_caller]
fn check(client: &mut Client, name: &str, body: &[u8]) {
    let seen = client.get(&format!("/bucket/{name}")).unwrap().expect(200).body;
    assert!(seen == body, "{name} is not what it was");
}

/// The disk is filled by objects. Deleting one makes room again.
#[test]
fn a_disk_that_objects_have_filled_is_a_fault_of_writing_alone() {
    let Some(disk) = SmallDisk::make() else { return };
    let place = disk.place();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    let body = |number: u64| content(number, 2 << 20);
    let mut written = 0;
    let refused = loop {
        let reply = client.put(&format!("/bucket/{written}"), &body(written)).unwrap();
        if reply.status != 200 {
            break reply;
        }
        written += 1;
        assert!(written < DISK >> 21, "{written} objects fit on a disk for fewer");
    };
    refused.expect_fault();
    client.put("/bucket/0", &body(100)).unwrap().expect_fault();
    for number in 0..written {
        check(&mut client, &number.to_string(), &body(number));
    }
    client.get(&format!("/bucket/{written}")).unwrap().expect(404);
    place.wait_for_blobs(usize::try_from(written).unwrap());

    client.delete("/bucket/1").unwrap().expect(204);
    place.wait_for_blobs(usize::try_from(written).unwrap() - 1);
    client.put("/bucket/0", &body(200)).unwrap().expect(200);

    server.kill();
    let server = place.start();
    server.scrubbed();
    let mut client = server.client();
    check(&mut client, "0", &body(200));
    client.get("/bucket/1").unwrap().expect(404);
    for number in 2..written {
        check(&mut client, &number.to_string(), &body(number));
    }
    place.wait_for_blobs(usize::try_from(written).unwrap() - 1);
}

/// Small objects fill the disk to the last block.
///
/// A deletion is a write, too: its row needs room in the log. While the log cannot be copied into
/// the database, because the database would have to grow for that, deletions fail as other writes
/// do, and somebody has to make room beside the server. Nothing is lost until then, and nothing
/// has to be done but that.
#[test]
fn a_disk_that_small_objects_have_filled_is_a_fault_of_writing_alone() {
    let Some(disk) = SmallDisk::make() else { return };
    let place = disk.place();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    fs::write(disk.filler(), vec![0; 16 << 20]).unwrap();
    let long = "x".repeat(3000);
    let headers = [("x-oss-meta-long", long.as_str())];
    let (mut there, mut refused) = (Vec::new(), 0);
    for number in 0..3000 {
        let path = format!("/bucket/{number}");
        let reply = client.send("PUT", &path, &headers, &content(number, 4096)).unwrap();
        if reply.status == 200 {
            there.push(number);
        } else {
            reply.expect_fault();
            refused += 1;
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "{} objects did not fill the disk", there.len());
    let written = there.len();
    there.retain(|number| {
        let reply = client.delete(&format!("/bucket/{number}")).unwrap();
        if reply.status != 204 {
            reply.expect_fault();
        }
        reply.status != 204
    });
    println!("{written} objects filled the disk; {} could be deleted", written - there.len());
    let check_all = |client: &mut Client, there: &[u64]| {
        for number in there {
            check(client, &number.to_string(), &content(*number, 4096));
        }
        let usage = client.signed("GET", "/bucket/?stat", b"").unwrap().expect(200);
        assert_eq!(usage.element("ObjectCount"), Some(there.len().to_string()));
    };
    check_all(&mut client, &there);

    disk.free();
    for number in there.drain(..there.len() / 2) {
        client.delete(&format!("/bucket/{number}")).unwrap().expect(204);
    }
    client.send("PUT", "/bucket/9000", &headers, &content(9000, 4096)).unwrap().expect(200);
    there.push(9000);
    check_all(&mut client, &there);
    place.wait_for_blobs(there.len());
    server.kill();
    let server = place.start();
    server.scrubbed();
    check_all(&mut server.client(), &there);
    place.wait_for_blobs(there.len());
}

/// Somebody else fills the disk to the last byte.
#[test]
fn a_disk_without_a_byte_left_is_a_fault_of_writing_alone() {
    let Some(disk) = SmallDisk::make() else { return };
    let place = disk.place();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    for number in 0..8 {
        let body = content(number, 200_000);
        client.put(&format!("/bucket/{number}"), &body).unwrap().expect(200);
    }
    disk.fill();
    let long = "x".repeat(7000);
    for number in 0..200 {
        let path = format!("/bucket/{}", number % 16);
        let reply = client.send("PUT", &path, &[("x-oss-meta-long", &long)], b"new").unwrap();
        reply.expect_fault();
    }
    // Rows alone may fit into the space that the log has, or not: acknowledged or a fault.
    let empty = client.put("/bucket/empty", b"").unwrap();
    for number in 0..8 {
        check(&mut client, &number.to_string(), &content(number, 200_000));
    }
    client.get("/bucket/8").unwrap().expect(404);
    let deleted = client.delete("/bucket/0").unwrap();
    println!("on a full disk: PUT of a row {}, DELETE {}", empty.status, deleted.status);

    disk.free();
    for number in 0..16 {
        let body = content(100 + number, 50_000);
        client.put(&format!("/bucket/{number}"), &body).unwrap().expect(200);
    }
    client.delete("/bucket/empty").unwrap().expect(204);
    let check_all = |client: &mut Client| {
        for number in 0..16 {
            check(client, &number.to_string(), &content(100 + number, 50_000));
        }
    };
    check_all(&mut client);
    place.wait_for_blobs(16);
    server.kill();
    let server = place.start();
    check_all(&mut server.client());
    server.scrubbed();
    place.wait_for_blobs(16);
    assert!(server.stop().success());
}
