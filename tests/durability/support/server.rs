//! The real program as a process of its own, and what can be seen of it from outside.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::client::{Client, KEY_ID, KEY_SECRET};
use super::wait_for;

/// How long a start may take on a machine that does much else.
const START: Duration = Duration::from_mins(3);

/// A folder for servers: their data, and what they said.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
    /// Where servers find their data.
    served: PathBuf,
    /// Where the test finds it: elsewhere if servers have a view of their own of the disk.
    seen: PathBuf,
    /// What a server's command line begins with.
    before: Vec<OsString>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let seen = data.clone();
        Self { folder, served: data, seen, before: Vec::new() }
    }

    /// Has servers started by another program: the words before the server's own command line.
    #[must_use]
    pub(crate) fn started_by<S: Into<OsString>>(
        mut self,
        words: impl IntoIterator<Item = S>,
    ) -> Self {
        self.before = words.into_iter().map(Into::into).collect();
        self
    }

    /// Has servers keep their data in another folder, which the test finds at `seen`.
    #[must_use]
    pub(crate) fn with_data(mut self, data: PathBuf, seen: PathBuf) -> Self {
        (self.served, self.seen) = (data, seen);
        self
    }

    /// The data, as the test finds it.
    pub(crate) fn data(&self) -> &Path {
        &self.seen
    }

    /// What servers here have written to standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let mut words = self.before.clone();
        words.push(env!("CARGO_BIN_EXE_refgate").into());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap());
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        command
            .args(words)
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--log", "warn", "--data-dir"])
            .arg(&self.served)
            .env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", KEY_SECRET)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap());
        command
    }

    /// Starts a server without waiting for it.
    pub(crate) fn spawn(&self) -> Process {
        Process(self.command().spawn().unwrap())
    }

    /// Starts a server and waits until it listens.
    #[track_caller]
    pub(crate) fn start(&self) -> Server {
        let mut process = self.spawn();
        match addresses(process.0.stdout.take().unwrap()) {
            Some((data, admin)) => Server { process, data, admin },
            None => panic!("the server did not start: {}", self.log()),
        }
    }

    /// The blobs on the disk.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        files_below(&self.seen.join("blobs")).unwrap()
    }

    /// Waits until there are so many blobs.
    #[track_caller]
    pub(crate) fn wait_for_blobs(&self, count: usize) {
        wait_for(&format!("{count} blobs"), || self.blobs().len() == count);
    }

    /// Waits until the blobs on the disk are those that rows name. Several objects may share one.
    #[track_caller]
    pub(crate) fn wait_for_named_blobs(&self) {
        let id = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().replace('-', "");
        wait_for("the blobs to be those that are named", || {
            self.blobs().iter().map(id).collect::<BTreeSet<_>>() == named(&self.seen)
        });
    }
}

/// The blobs that rows name, read beside the server.
fn named(data: &Path) -> BTreeSet<String> {
    const SQL: &str = "
        select lower(hex(blob)) from objects where blob is not null
        union select lower(hex(blob)) from extents
        union select lower(hex(blob)) from parts where blob is not null
        union select lower(hex(blob)) from part_extents";
    let options = SqliteConnectOptions::new().filename(data.join("meta.sqlite")).read_only(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = options.connect().await.unwrap();
        let rows: Vec<String> = sqlx::query_scalar(SQL).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.into_iter().collect()
    })
}

/// A process that is killed when the test is done with it.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub(crate) fn end(mut self) -> ExitStatus {
        wait_for("the process to end", || self.0.try_wait().unwrap().is_some());
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    data: SocketAddr,
    admin: SocketAddr,
}

impl Server {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.data)
    }

    /// A client of the admin plane.
    pub(crate) fn admin(&self) -> Client {
        Client::new(self.admin)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// SIGKILL while others still talk to it.
    pub(crate) fn kill_now(&self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
        wait_for("the process to end", || self.client().connect().is_err());
    }

    /// SIGTERM, and the status that the server ends with.
    #[track_caller]
    pub(crate) fn stop(self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        self.end()
    }

    /// Waits until the server has let go of every connection whose client has gone.
    #[track_caller]
    pub(crate) fn wait_for_abandoned_requests(&self) {
        const CLOSE_WAIT: &str = "08";
        let port = format!(":{:04X}", self.data.port());
        wait_for("abandoned connections to end", || {
            let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.id())).unwrap();
            // The number of the line, here, there, and the state.
            let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            !lines.any(|words| words[1].ends_with(&port) && words[3] == CLOSE_WAIT)
        });
    }

    /// Waits for the scrub, and tells how many blobs it has removed.
    #[track_caller]
    pub(crate) fn scrubbed(&self) -> u64 {
        let mut client = self.admin();
        let mut removed = None;
        wait_for("the scrub to finish", || {
            let health = client.get("/healthz").unwrap().expect(200);
            let health: Value = serde_json::from_slice(&health.body).unwrap();
            assert_eq!(health["status"], "ok");
            if health["scrub"]["finished"] == true {
                removed = health["scrub"]["removed"].as_u64();
            }
            removed.is_some()
        });
        removed.unwrap()
    }

    /// Waits for the server to end by itself.
    #[track_caller]
    pub(crate) fn end(self) -> ExitStatus {
        self.process.end()
    }

    /// A line of `/proc/<pid>/status`, in bytes.
    pub(crate) fn memory(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
        let kib: u64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        kib * 1024
    }
}

/// The addresses that a server says. What else it says is read to its end, so that it never
/// writes into a closed pipe.
fn addresses(output: ChildStdout) -> Option<(SocketAddr, SocketAddr)> {
    let (found, wanted) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("  http://")
                && let Ok(address) = address.parse()
            {
                let _ = found.send(address);
            }
        }
    });
    Some((wanted.recv_timeout(START).ok()?, wanted.recv_timeout(START).ok()?))
}

pub(crate) fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}
