//! Appends over commits and disks that fail: the object is what it was or what it became, and can be
//! appended to.

use super::*;

impl House {
    async fn append(&self, position: usize, bytes: &str) -> u16 {
        let path = format!("{OBJECT}?append&position={position}");
        self.ask("POST", &path, bytes, &Vec::new()).await.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_doubt_is_what_the_database_says() {
    for (commit, content) in [(Commit::Lost, "first "), (Commit::Kept, "first second")] {
        let mut house = House::make().await;
        assert_eq!(house.append(0, "first ").await, 200);
        house.meta.fail_next(commit);
        assert_eq!(house.append(6, "second").await, 500);
        assert_eq!(house.get(OBJECT).await.as_deref(), Some(content), "{commit:?}");
        assert_eq!(house.append(content.len(), "!").await, 200, "{commit:?}");
        let content = format!("{content}!");
        assert_eq!(house.get(OBJECT).await.as_ref(), Some(&content), "{commit:?}");
        house.oss.app.finish().await;
        house.restart().await;
        assert_eq!(house.get(OBJECT).await.as_ref(), Some(&content), "{commit:?}");
        // What was there is at least twice as long as `!`, so that has a file of its own.
        house.wait_for_files(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_append_in_doubt_is_what_the_database_says() {
    for (commit, content) in [(Commit::Lost, ""), (Commit::Kept, "first")] {
        let house = House::make().await;
        house.meta.fail_next(commit);
        assert_eq!(house.append(0, "first").await, 500);
        let there = house.get(OBJECT).await;
        assert_eq!(there.unwrap_or_default(), content, "{commit:?}");
        assert_eq!(house.append(content.len(), "second").await, 200, "{commit:?}");
        assert_eq!(house.get(OBJECT).await, Some(format!("{content}second")), "{commit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_no_disk_takes_changes_nothing() {
    for fault in [Fault::Creation, Fault::Writing, Fault::Fsync] {
        let house = House::make().await;
        assert_eq!(house.append(0, "first ").await, 200);
        house.blobs.fail_next(fault);
        assert_eq!(house.append(6, "second").await, 500, "{fault:?}");
        assert_eq!(house.get(OBJECT).await.as_deref(), Some("first "), "{fault:?}");
        house.wait_for_files(1).await;
        assert_eq!(house.append(6, "second").await, 200, "{fault:?}");
        assert_eq!(house.get(OBJECT).await.as_deref(), Some("first second"), "{fault:?}");
        house.wait_for_files(1).await;
    }
}
