//! What happens at once.

use std::sync::Barrier;
use std::thread;

use super::*;

#[test]
fn of_two_completions_one_wins() {
    let server = server();
    for round in 0..10 {
        let upload = Upload::begin(&server, KEY);
        let (first, second) = (content(round, LEAST), content(round + 1, 5));
        let list = [(1, upload.part(1, &first)), (2, upload.part(2, &second))];
        let barrier = Barrier::new(3);
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        upload.complete(&list).code()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let missing = refused(404, "NoSuchUpload");
        assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == missing).count(), 2, "{answers:?}");
        assert!(server.content(BUCKET, KEY).unwrap() == [first, second].concat());
    }
    wait_for_blobs(&server, 2);
}

/// An abort and a completion at once: the object is there as a whole, or nothing is.
#[test]
fn of_a_completion_and_an_abort_one_wins() {
    let server = server();
    for round in 0..10 {
        let key = format!("key {round}");
        let upload = Upload::begin(&server, &key);
        let list = [(1, upload.part(1, &content(round, LEAST))), (2, upload.part(2, b"rest"))];
        let barrier = Barrier::new(2);
        let (completed, aborted) = thread::scope(|scope| {
            let complete = scope.spawn(|| {
                barrier.wait();
                upload.complete(&list).status
            });
            barrier.wait();
            let aborted = upload.abort().status;
            (complete.join().unwrap(), aborted)
        });
        let there = server.content(BUCKET, &key).is_some();
        assert!(matches!((completed, aborted), (200, 404) | (404, 204)), "{completed} {aborted}");
        assert_eq!(there, completed == 200);
    }
    wait_for_blobs(&server, 2 * server.keys(BUCKET).len());
}

#[test]
fn a_part_that_outlives_its_upload_leaves_nothing() {
    let server = server();
    let end = |upload: &Upload<'_>, complete: bool| {
        if complete {
            assert_eq!(upload.complete(&[(1, tag(b"first"))]).status, 200);
        } else {
            assert_eq!(upload.abort().status, 204);
        }
    };
    for complete in [false, true] {
        let upload = Upload::begin(&server, KEY);
        upload.part(1, b"first");
        let bytes = content(1, 700_000);
        let late = upload.part_request(1).body(&bytes).bytes(&server.data);
        let mut connection = server.connect();
        // So much of it that some is in a file before the upload ends.
        let (now, later) = late.split_at(late.len() - 1000);
        connection.write(now);
        wait_until("a part is on its way", || blobs(&server) == 2);
        end(&upload, complete);
        connection.write(later);
        let answer = connection.answer("PUT").unwrap();
        assert_eq!(answer.outcome(), (404, "NoSuchUpload".into(), "0042-00000104".into()));
        wait_for_blobs(&server, usize::from(complete));
    }
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"first"[..]));
}

/// Many blobs are not open at a time: those that have not been read yet stay all the same.
#[test]
fn an_object_of_parts_is_read_to_its_end_while_it_goes() {
    let server = server();
    let parts: Vec<_> = (0..40).map(|seed| content(seed, 1 << 20)).collect();
    for replace in [false, true] {
        let upload = Upload::begin(&server, KEY);
        let list: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| (at + 1, upload.part(at + 1, part)))
            .collect();
        assert_eq!(upload.complete(&list).status, 200);
        let mut connection = server.connect();
        connection.write(&Request::get(BUCKET, KEY).bytes(&server.data));
        let head = connection.head().unwrap();
        assert_eq!(head.status, 200);
        if replace {
            server.done(Request::put(BUCKET, KEY, "new"));
        } else {
            server.done(Request::object("DELETE", BUCKET, KEY));
        }
        assert!(blobs(&server) > 20, "what was not read yet is kept");
        assert!(connection.take(head.length()) == parts.concat());
        wait_for_blobs(&server, usize::from(replace));
    }
}
