//! What is left of packs is written anew: while anything else happens, and with failures in the middle.

use super::packs::{TASKS, content};
use super::*;
use refgate::domain::object::{Extent, Object, ObjectKind, Overwrite};
use refgate::domain::time::UnixMillis;
use refgate::meta::NewVersion;

/// However young a pack is.
const ANY_TIME: UnixMillis = UnixMillis(i64::MAX);

impl House {
    /// Leaves one of eight objects that were put together.
    async fn thin_out(&self) {
        self.put_together(TASKS).await;
        self.remove_most().await;
    }

    async fn remove(&self, key: &str) -> u16 {
        self.ask("DELETE", &format!("/bucket/{key}"), "", &Vec::new()).await.0
    }

    async fn check_left(&self) {
        for number in (0..TASKS).step_by(8) {
            let found = self.get(&format!("/bucket/{number}")).await;
            assert_eq!(found, Some(content(3 + number * 8)), "{number}");
        }
    }

    async fn remove_left(&self) {
        for number in (0..TASKS).step_by(8) {
            assert_eq!(self.remove(&number.to_string()).await, 204);
        }
    }

    fn bytes(&self) -> u64 {
        self.files().iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    }

    /// Waits until files have at most twice the bytes of what is left.
    async fn wait_until_small(&self) {
        self.wait_until_small_beside(0).await;
    }

    /// The same beside a file of other bytes.
    async fn wait_until_small_beside(&self, other: usize) {
        let lengths = (0..TASKS).step_by(8).map(|number| content(3 + number * 8).len() as u64);
        let want = other as u64 + 2 * lengths.sum::<u64>();
        for _ in 0..2000 {
            if self.bytes() <= want {
                return;
            }
            self.oss.app.move_left(ANY_TIME).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} bytes in files for {want}", self.bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_packs_takes_at_most_twice_its_space() {
    let house = House::make().await;
    house.thin_out().await;
    // In memory, where the old places are now.
    house.check_left().await;
    house.wait_until_small().await;
    house.check_left().await;
    house.wait_for_named_files().await;
    house.remove_left().await;
    house.wait_for_files(0).await;
}

/// Of packs of which a start finds less than half named, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_tells_what_is_left() {
    let mut house = House::make().await;
    house.thin_out().await;
    house.oss.app.finish().await;
    house.restart().await;
    house.wait_until_small().await;
    house.check_left().await;
    house.remove_left().await;
    house.wait_for_files(0).await;
}

/// A copy has found its source, and the source is moved before the copy is written.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_is_copied_meanwhile() {
    let house = House::make().await;
    house.thin_out().await;
    let slow = Arc::new(SlowRead { key: "0".to_owned(), ..SlowRead::default() });
    *house.meta.slow.lock().unwrap() = Some(slow.clone());
    let copying = vec![("x-oss-copy-source".to_owned(), "/bucket/0".to_owned())];
    let oss = house.oss.clone();
    let copied = tokio::spawn(async move { ask(oss, "PUT", "/bucket/copy", "", &copying).await });
    slow.has_read.notified().await;
    house.wait_until_small().await;
    slow.go_on.notify_one();
    assert_eq!(copied.await.unwrap().0, 200);
    assert_eq!(house.get("/bucket/copy").await, Some(content(3)));
    house.check_left().await;
    assert_eq!(house.remove("copy").await, 204);
    house.remove_left().await;
    house.wait_for_files(0).await;
}

impl House {
    /// Deletes all of the objects that were put together but each eighth, and waits until it is known
    /// which packs have lost names.
    async fn remove_most(&self) {
        for number in (0..TASKS).filter(|number| number % 8 != 0) {
            assert_eq!(self.remove(&number.to_string()).await, 204);
        }
        self.wait_for_named_files().await;
        self.oss.app.finish().await;
    }

    /// Copies bytes of objects into parts.
    async fn copy_parts(&self, upload: &str, parts: &[(usize, &str, (usize, usize))]) {
        for (number, key, range) in parts {
            assert_eq!(self.copy_part((upload, *number), key, *range).await, 200, "{number}");
        }
    }
}

/// A part is bytes of its own, so that uploads that are open for long hold up no moving.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_names_no_pack() {
    let house = House::make().await;
    let large = "0123456789".repeat(11_000);
    assert_eq!(house.put("/bucket/large", &large).await, 200);
    house.put_together(TASKS).await;
    let (whole, few) = ((0, large.len()), (1, 65));
    // Of each pack of which anything will be left, an upload has bytes, and all of an object.
    let (other, mut copied) = (house.begin_upload().await, large.len() + 64);
    for (number, key) in (1..).step_by(2).zip((0..TASKS).step_by(8)) {
        let all = (0, content(3 + key * 8).len());
        let key = key.to_string();
        house.copy_parts(&other, &[(number, &key, few), (number + 1, &key, all)]).await;
        copied += 64 + all.1;
    }
    let upload = house.begin_upload().await;
    house.copy_parts(&upload, &[(1, "large", whole), (2, "0", few)]).await;
    house.remove_most().await;
    house.wait_until_small_beside(copied).await;
    assert_eq!(house.complete(&upload).await, 200);
    let runs = house.object("target").await.extents;
    assert_eq!(runs.iter().map(|run| run.blob.is_shared()).collect::<Vec<_>>(), [false; 2]);
    assert!(house.get("/bucket/target").await == Some(large + &content(3)[1..65]));
    house.check_left().await;
    let abort = format!("/bucket/target?uploadId={other}");
    assert_eq!(house.ask("DELETE", &abort, "", &Vec::new()).await.0, 204);
    house.remove_left().await;
    for key in ["target", "large"] {
        assert_eq!(house.remove(key).await, 204);
    }
    house.wait_for_files(0).await;
}

/// An object of two runs, of which the last is one of a shared blob: nothing makes such any more, but it
/// is moved and read as others are.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_an_object_names_beside_others_is_moved() {
    let house = House::make().await;
    let large = "0123456789".repeat(11_000);
    assert_eq!(house.put("/bucket/large", &large).await, 200);
    house.put_together(TASKS).await;
    let [first, last] = [house.object("large").await, house.object("0").await];
    let piece = Extent { offset: last.extents[0].offset + 1, length: 64, ..last.extents[0] };
    let (size, kind) = (first.size + 64, ObjectKind::Multipart);
    let extents = vec![first.extents[0], piece];
    let object = Object { size, kind, md5: None, extents, ..first };
    let version = NewVersion::own(&object, Overwrite::Allow);
    let (bucket, key) = (house.only_bucket().await, "target".parse().unwrap());
    house.meta.put_object(bucket, &key, version).await.unwrap();
    let want = large.clone() + &content(3)[1..65];
    assert!(house.get("/bucket/target").await.as_ref() == Some(&want));
    house.remove_most().await;
    house.wait_until_small_beside(large.len()).await;
    assert!(house.get("/bucket/target").await == Some(want));
    house.check_left().await;
    house.remove_left().await;
    for key in ["target", "large"] {
        assert_eq!(house.remove(key).await, 204);
    }
    house.wait_for_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_in_doubt_is_what_the_database_says() {
    for commit in [Commit::Lost, Commit::Kept] {
        for restarted in [false, true] {
            let mut house = House::make().await;
            house.thin_out().await;
            house.check_left().await;
            house.fail_a_move(|| house.meta.fail_next(commit)).await;
            house.check_left().await;
            if restarted {
                house.oss.app.finish().await;
                house.restart().await;
                house.check_left().await;
            }
            assert_eq!(house.put("/bucket/after", "after").await, 200);
            house.wait_for_named_files().await;
            house.wait_until_small().await;
            house.check_left().await;
            house.remove_left().await;
            assert_eq!(house.remove("after").await, 204);
            house.wait_for_files(0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_under_a_move_costs_nothing() {
    for fault in [Fault::Creation, Fault::Writing, Fault::Fsync, Fault::Opening] {
        let house = House::make().await;
        house.thin_out().await;
        house.blobs.fail_next(fault);
        let moved = house.oss.app.move_left(ANY_TIME).await;
        // What cannot be read waits for the next time, and nothing else waits for it.
        assert_eq!(moved.is_err(), fault != Fault::Opening, "{fault:?}: {moved:?}");
        house.check_left().await;
        house.wait_for_named_files().await;
        house.wait_until_small().await;
        house.check_left().await;
        house.remove_left().await;
        house.wait_for_files(0).await;
    }
}

impl House {
    /// Lets the next moving fail, which has something to move.
    async fn fail_a_move(&self, fail: impl FnOnce()) {
        fail();
        assert!(self.oss.app.move_left(ANY_TIME).await.is_err());
    }
}

/// Everything at once, with what is left being moved all the time.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_moved_objects_are_whole_and_nothing_is_left() {
    let house = House::make().await;
    let app = house.oss.app.clone();
    let moving = tokio::spawn(async move {
        let mut moved = 0;
        loop {
            moved += app.move_left(ANY_TIME).await.unwrap();
            if moved >= 20 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    for round in 0..1000 {
        house.at_once(round).await;
        if moving.is_finished() {
            break;
        }
    }
    moving.await.unwrap();
    house.remove_all().await;
}
