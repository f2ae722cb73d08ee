//! A running refgate: started on a folder of its own, ended by its process id.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use super::clock::{PATIENCE, wait_until};
use super::policy::Policy;
use super::sign::{KEY_ID, SECRET};
use super::{Channel, Connection, Request, Response, Signer};

/// A command line of `refgate`, in an environment that holds nothing but what is said here.
pub(crate) fn refgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refgate"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// How a server is started.
#[derive(Debug, Default)]
pub(crate) struct Start {
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    /// Whether the access key is left for the server to make.
    own_key: bool,
}

impl Start {
    #[must_use]
    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.extend([name.to_owned(), value.to_owned()]);
        self
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets the server make its access key.
    #[must_use]
    pub(crate) fn own_key(mut self) -> Self {
        self.own_key = true;
        self
    }

    pub(crate) fn run(self) -> Server {
        self.run_in(tempfile::tempdir().unwrap())
    }

    /// Starts a server whose working folder is this one.
    pub(crate) fn run_in(self, folder: TempDir) -> Server {
        let log = folder.path().join("stderr.log");
        let mut command = refgate(folder.path(), &["serve"]);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).args(self.flags);
        if !self.own_key {
            command.env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID);
            command.env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
        }
        command.envs(self.environment).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let (addresses, printed) = read_output(&mut child);
        let next = || {
            addresses.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("no address:\n{}", fs::read_to_string(&log).unwrap_or_default())
            })
        };
        let (data, admin) = (next(), next());
        Server {
            child,
            ended: false,
            data,
            admin,
            folder: Some(folder),
            log,
            printed: Some(printed),
        }
    }
}

/// Reads the server's output to its end, so that it never waits for us, and hands out the
/// addresses: of the data plane, then of the admin plane.
fn read_output(child: &mut Child) -> (Receiver<String>, JoinHandle<String>) {
    let (send, receive) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    let printed = thread::spawn(move || {
        let mut all = String::new();
        for line in output.lines() {
            let line = line.unwrap();
            let mut words = line.split_whitespace();
            if let (Some("data" | "admin"), Some(url)) = (words.next(), words.next()) {
                send.send(url.trim_start_matches("http://").to_owned()).ok();
            }
            all += &line;
            all.push('\n');
        }
        all
    });
    (receive, printed)
}

/// A running server. Dropped, it is asked whether it is well, told to stop, and must end as it
/// should; so every test shows that the server survives it.
pub(crate) struct Server {
    child: Child,
    ended: bool,
    pub(crate) data: String,
    pub(crate) admin: String,
    /// Taken by [`Server::into_folder`].
    folder: Option<TempDir>,
    log: PathBuf,
    printed: Option<JoinHandle<String>>,
}

/// What is left of a server that has ended.
pub(crate) struct Ended {
    pub(crate) printed: String,
    pub(crate) log: String,
}

impl Server {
    /// A server with the defaults.
    pub(crate) fn start() -> Self {
        Start::default().run()
    }

    /// The folder that the server keeps its data in.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.as_ref().unwrap().path().join("refgate-data")
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.data)
    }

    /// Sends bytes as they are, and reads one answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Response> {
        let method = String::from_utf8_lossy(bytes.split(|b| *b == b' ').next().unwrap());
        let mut connection = self.connect();
        connection.write(bytes);
        connection.answer(&method)
    }

    /// Sends a request as it is, with nothing that keeps a download from being served in the short
    /// way.
    pub(crate) fn send(&self, request: &Request) -> Response {
        self.raw(&request.bytes(&self.data)).expect("the server answers")
    }

    /// Sends a request that the owner signs.
    pub(crate) fn owner(&self, request: Request) -> Response {
        self.send(&Signer::owner().sign(Channel::V4Header, request))
    }

    /// The same for a request that must succeed.
    pub(crate) fn done(&self, request: Request) -> Response {
        let response = self.owner(request);
        let text = String::from_utf8_lossy(&response.body);
        assert!((200..300).contains(&response.status), "{} {text}", response.status);
        response
    }

    /// Creates a bucket.
    pub(crate) fn bucket(&self, name: &str, acl: &str) {
        self.done(Request::bucket("PUT", name).header("x-oss-acl", acl).body(""));
    }

    /// Sets the referer policy of a bucket.
    pub(crate) fn policy(&self, bucket: &str, policy: &Policy) {
        let request = Request::bucket("PUT", bucket).query("referer", "");
        self.done(request.body(policy.xml()));
    }

    /// What `GetBucketReferer` answers.
    pub(crate) fn policy_of(&self, bucket: &str) -> String {
        let response = self.done(Request::bucket("GET", bucket).query("referer", ""));
        String::from_utf8(response.body).unwrap()
    }

    /// The bytes of an object, or `None` if it is not there.
    pub(crate) fn content(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let response = self.owner(Request::get(bucket, key));
        match response.code() {
            (200, _) => Some(response.body),
            (404, code) if code == "NoSuchKey" => None,
            other => panic!("{other:?}"),
        }
    }

    /// The keys of a bucket in the order of the listing, decoded.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        let request = Request::bucket("GET", bucket).query("list-type", "2");
        let response = self.done(request.query("encoding-type", "url"));
        let text = String::from_utf8(response.body).unwrap();
        let decode = |key: &str| {
            percent_encoding::percent_decode_str(key).decode_utf8().unwrap().into_owned()
        };
        text.split("<Key>")
            .skip(1)
            .map(|rest| decode(rest.split("</Key>").next().unwrap()))
            .collect()
    }

    pub(crate) fn assert_alive(&self) {
        let mut connection = Connection::open(&self.admin);
        connection.write(b"GET /healthz HTTP/1.1\r\nHost: admin\r\n\r\n");
        let status = connection.answer("GET").map(|response| response.status);
        assert_eq!(status, Some(200), "the server is no longer well");
    }

    /// Sends SIGTERM, as a service manager does.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status();
        assert!(sent.unwrap().success(), "could not signal process {id}");
    }

    /// Waits for the server to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        let child = &mut self.child;
        wait_until("the server ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        self.ended = true;
        status.unwrap()
    }

    /// Stops the server, and returns what it said.
    pub(crate) fn stop(self) -> Ended {
        self.stop_for_restart().0
    }

    /// Stops the server, and returns what it said and its folder.
    pub(crate) fn stop_for_restart(mut self) -> (Ended, TempDir) {
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.log_text());
        let printed = self.printed.take().unwrap().join().unwrap();
        (Ended { printed, log: self.log_text() }, self.into_folder())
    }

    /// The folder of a server that has ended.
    pub(crate) fn into_folder(mut self) -> TempDir {
        assert!(self.ended);
        self.folder.take().unwrap()
    }

    fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if thread::panicking() {
            eprintln!("--- the end of the server's log");
            let log = self.log_text();
            for line in log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev() {
                eprintln!("{line:.400}");
            }
            self.child.kill().ok();
            self.child.wait().ok();
            return;
        }
        self.assert_alive();
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.log_text());
    }
}
