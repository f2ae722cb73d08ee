//! SIGKILL in the middle of concurrent writes.
//!
//! Clients write to objects of their own and to shared ones, upload in parts, append, and change
//! settings, and keep a history of what they asked for and what was acknowledged. The server is killed at a random moment and
//! started again in the same folder. Then everything must be in a state that its history allows,
//! whole, and nothing else may be there.

mod history;
mod uploads;
mod users;
mod world;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::client::{Client, delete_body};
use crate::support::content::{Content, Random};
use crate::support::server::{Place, Server};
use crate::support::{wait_for, wanted};
use world::{
    ACLS, OWN, SHARED, WORKERS, World, bucket_path, object_key, object_path, policy, read_object,
};

/// How often the server is killed, unless the environment says otherwise.
const ROUNDS: u64 = 12;

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let seed = wanted("REFGATE_CRASH_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    let rounds = wanted("REFGATE_CRASH_ROUNDS").unwrap_or(ROUNDS);
    println!("REFGATE_CRASH_SEED={seed} REFGATE_CRASH_ROUNDS={rounds}");
    let mut random = Random(seed);
    let place = Place::new();
    let mut server = place.start();
    let world = World::make(&mut server.client());
    let mut removed = 0;
    for round in 0..rounds {
        kill_while_writing(&world, server, &mut random);
        if round % 2 == 1 {
            kill_while_starting(&place, &mut random);
        }
        server = place.start();
        removed += server.scrubbed();
        world.check(&place, &server);
    }
    let acknowledged = world.acknowledged.into_inner();
    println!("{acknowledged} acknowledged requests, {removed} orphans removed");
    assert!(acknowledged > rounds);
    assert!(server.stop().success());
}

fn kill_while_writing(world: &World, server: Server, random: &mut Random) {
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..WORKERS {
            let (client, random) = (server.client(), Random(random.next()));
            let mut worker = Worker { number, world, client, random };
            let killed = &killed;
            scope.spawn(move || {
                // Bounded by the kill: a dead server answers nobody.
                let error = loop {
                    if let Err(error) = worker.step() {
                        break error;
                    }
                };
                assert!(killed.load(Ordering::SeqCst), "the server hung up: {error}");
            });
        }
        // From then on, every moment is as good.
        let some = world.acknowledged.load(Ordering::Relaxed) + 2;
        wait_for("some answers", || world.acknowledged.load(Ordering::Relaxed) >= some);
        std::thread::sleep(Duration::from_millis(random.below(500)));
        killed.store(true, Ordering::SeqCst);
        server.kill();
    });
}

/// Kills servers that have just been started: while they recover, listen or scrub. There is
/// something to scrub for each.
fn kill_while_starting(place: &Place, random: &mut Random) {
    for _ in 0..2 {
        plant_orphans(place, random);
        let process = place.spawn();
        std::thread::sleep(Duration::from_millis(random.below(150)));
        process.kill();
    }
    plant_orphans(place, random);
}

/// Makes files that look like blobs whose uploads a crash has cut off.
fn plant_orphans(place: &Place, random: &mut Random) {
    for _ in 0..100 {
        let id = format!("{:016x}7{:015x}", random.next(), random.next() >> 4);
        let id = uuid::Uuid::try_parse(&id).unwrap().to_string();
        let folder = place.data().join("blobs").join(&id[4..6]).join(&id[6..8]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(id), b"half of something").unwrap();
    }
}

/// A client that does one thing after another.
struct Worker<'w> {
    number: usize,
    world: &'w World,
    client: Client,
    random: Random,
}

impl Worker<'_> {
    fn step(&mut self) -> io::Result<()> {
        match self.random.below(100) {
            0..25 => self.put()?,
            25..34 => self.delete()?,
            34..38 => self.delete_several()?,
            38..55 => self.upload()?,
            55..75 => self.append()?,
            75..81 => self.put_policy()?,
            81..86 => self.put_acl()?,
            86..92 => self.make_or_drop_bucket()?,
            _ => self.read()?,
        }
        self.world.acknowledged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// An object of its own, or a shared one.
    fn object(&mut self) -> usize {
        let drawn = usize::try_from(self.random.below((SHARED + OWN) as u64)).unwrap();
        if drawn < SHARED { drawn } else { drawn + self.number * OWN }
    }

    fn length(&mut self) -> u64 {
        let most = [0, 1, 64, 4096, 65_536, 600_000, 3 << 20];
        let index = usize::try_from(self.random.below(most.len() as u64)).unwrap();
        self.random.below(most[index] + 1)
    }

    fn put(&mut self) -> io::Result<()> {
        let (index, length) = (self.object(), self.length());
        let content = Content { seed: self.world.number(), length };
        let (seed, length) = (content.seed.to_string(), content.length.to_string());
        let headers = [("x-oss-meta-seed", seed.as_str()), ("x-oss-meta-length", &length)];
        let bytes = content.bytes();
        let history = &self.world.objects[index];
        let change = history.begin(&self.world.ticks, Some(content));
        let reply = self.client.send("PUT", &object_path(index), &headers, &bytes)?.expect(200);
        history.end(&self.world.ticks, change);
        assert_eq!(reply.header("etag"), Some(Content::etag(&bytes).as_str()));
        Ok(())
    }

    fn delete(&mut self) -> io::Result<()> {
        let index = self.object();
        let history = &self.world.objects[index];
        let change = history.begin(&self.world.ticks, None);
        self.client.delete(&object_path(index))?.expect(204);
        history.end(&self.world.ticks, change);
        Ok(())
    }

    fn delete_several(&mut self) -> io::Result<()> {
        let mut indices: Vec<_> = (0..3).map(|_| self.object()).collect();
        indices.sort_unstable();
        indices.dedup();
        let (objects, ticks) = (&self.world.objects, &self.world.ticks);
        let changes: Vec<_> = indices.iter().map(|&i| objects[i].begin(ticks, None)).collect();
        let keys: Vec<_> = indices.iter().map(|&index| object_key(index)).collect();
        let body = delete_body(keys.iter().map(String::as_str));
        self.client.signed("POST", "/objects/?delete", body.as_bytes())?.expect(200);
        for (&index, change) in indices.iter().zip(changes) {
            objects[index].end(ticks, change);
        }
        Ok(())
    }

    fn upload(&mut self) -> io::Result<()> {
        let seed = self.world.number();
        let (client, random) = (&mut self.client, &mut self.random);
        self.world.uploads.step(self.number, client, (seed, random))
    }

    /// Appends a little, or more, to the log of all or to its own.
    fn append(&mut self) -> io::Result<()> {
        let log = if self.random.below(3) == 0 { 0 } else { self.number + 1 };
        let most = if self.random.below(8) == 0 { 400_000 } else { 2000 };
        let content = Content { seed: self.world.number(), length: 1 + self.random.below(most) };
        self.world.uploads.append(log, &mut self.client, content)
    }

    fn put_policy(&mut self) -> io::Result<()> {
        let site = self.world.number();
        let change = self.world.site.begin(&self.world.ticks, Some(site));
        self.client.signed("PUT", "/settings/?referer", policy(site).as_bytes())?.expect(200);
        self.world.site.end(&self.world.ticks, change);
        Ok(())
    }

    fn put_acl(&mut self) -> io::Result<()> {
        let acl = ACLS[usize::try_from(self.random.below(3)).unwrap()];
        let change = self.world.acl.begin(&self.world.ticks, acl);
        self.client.put_acl("/settings/", acl)?.expect(200);
        self.world.acl.end(&self.world.ticks, change);
        Ok(())
    }

    fn make_or_drop_bucket(&mut self) -> io::Result<()> {
        let (path, history) = (bucket_path(self.number), &self.world.buckets[self.number]);
        // Nobody else changes it, so there is one state that it can be in.
        let there = history.allowed()[0];
        let change = history.begin(&self.world.ticks, !there);
        if there {
            self.client.signed("DELETE", &path, b"")?.expect(204);
        } else {
            self.client.signed("PUT", &path, b"")?.expect(200);
        }
        history.end(&self.world.ticks, change);
        Ok(())
    }

    /// Reads an object, which must be whole, and if nobody else writes to it, the last version.
    fn read(&mut self) -> io::Result<()> {
        let index = self.object();
        let found = read_object(&mut self.client, index)?;
        if index >= SHARED {
            assert_eq!(self.world.objects[index].allowed(), [found], "{}", object_path(index));
        }
        Ok(())
    }
}
