//! The scheme of nginx beside nginx itself: what one lets through, the other does. Where there is no
//! nginx, that is said; `./test` installs one where it can.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use refgate::domain::name::ObjectKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Choices, Link, Request, Scheme, Settings, Target, path_of, sign, verify,
};

use super::support::with_key;

const KEY: &str = "a-secret-of-nginx";
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
/// How many links each expression is tried with.
const LINKS: usize = 340;

const EXPRESSIONS: [&str; 3] = [
    "$secure_link_expires$uri$remote_addr $secret",
    "$secret$uri|$secure_link_expires",
    "${secure_link_expires}-$uri-$secret",
];

/// An nginx with a server for each expression; ends with the value.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn program() -> Option<&'static str> {
    let known = ["nginx", "/usr/sbin/nginx"];
    known.into_iter().find(|it| Command::new(it).arg("-v").stderr(Stdio::null()).status().is_ok())
}

impl Nginx {
    fn start(program: &str) -> Self {
        (0..5).find_map(|_| Self::try_start(program)).expect("nginx finds a port")
    }

    /// On a port that was free a moment ago. If somebody has taken it since, nginx ends.
    fn try_start(program: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let servers: Vec<String> = EXPRESSIONS
            .iter()
            .enumerate()
            .map(|(n, expression)| {
                let text = expression.replace("$secret", KEY);
                format!(
                    "server {{ listen 127.0.0.1:{port}; server_name s{n}; location / {{\n\
                 secure_link $arg_md5,$arg_expires; secure_link_md5 \"{text}\";\n\
                 if ($secure_link = \"\") {{ return 403; }}\n\
                 if ($secure_link = \"0\") {{ return 410; }}\n\
                 return 204; }} }}\n"
                )
            })
            .collect();
        let at = folder.path().display();
        let file = folder.path().join("nginx.conf");
        let text = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{}}}\n",
            servers.concat()
        );
        fs::write(&file, text).unwrap();
        let child = Command::new(program)
            .args(["-p", folder.path().to_str().unwrap(), "-c", file.to_str().unwrap()])
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let pid = folder.path().join("pid");
        let mut nginx = Self { child, port, _folder: folder };
        for _ in 0..1200 {
            // It is written once nginx listens.
            if pid.exists() {
                return Some(nginx);
            }
            if nginx.child.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nginx neither listens nor ends");
    }

    fn status(&self, server: usize, target: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: s{server}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn ours(settings: &Settings, target: &str, now: UnixMillis) -> u16 {
    let target = Target::split(target);
    let request = Request { method: "GET", target, client: Some(LOOPBACK.into()) };
    verify(settings, &request, now).map_or_else(|denial| denial.status, |_| 204)
}

/// Names with everything that links may have, and no `//`, which nginx reads as `/`.
fn name(n: usize) -> ObjectKey {
    let pieces = [
        "a", "dir/", "中文", " ", "+", "%41", "=&?", "#", "é", "~!*'()", "2", ".b", "\"<>", ";,:@",
    ];
    let mut state = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut text = format!("o{n}");
    for _ in 0..n % 7 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(pieces[usize::try_from(state % pieces.len() as u64).unwrap()]);
    }
    text.parse().unwrap()
}

/// What is done to a link before it is used; most are left alone.
fn changed(n: usize, target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap();
    match n % 10 {
        0 => format!("{path}x?{query}"),
        1 => target.replace("md5=", "md5=A"),
        2 => target.replace("expires=", "expires=1"),
        3 => target.replace("&expires=", "&expired="),
        4 => path.to_owned(),
        5 => format!("{path}?other=1&{query}"),
        _ => target.to_owned(),
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "nginx has the clock of the machine")]
fn nginx_and_we_agree_on_a_thousand_links() {
    let Some(program) = program() else {
        // Past the capture of the test runner, so that nobody takes it for tried.
        let said = "left out: there is no nginx to compare with\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return;
    };
    let nginx = Nginx::start(program);
    let now = UnixMillis::from_system_time(SystemTime::now());
    let mut seen = std::collections::BTreeMap::new();
    for (server, expression) in EXPRESSIONS.iter().enumerate() {
        let mut choices = Choices::new(Scheme::Nginx);
        choices.expression = Some((*expression).to_owned());
        let settings = with_key(choices, KEY);
        for n in 0..LINKS {
            let path = path_of(&name(n));
            let mut link = Link::new(Target { path: &path, query: None });
            link.client = expression.contains("remote_addr").then(|| LOOPBACK.into());
            // Some have expired, an hour ago or two.
            let at = if n % 4 == 3 { UnixMillis(now.0 - 7_200_000) } else { now };
            let target = changed(n / 4, &sign(&settings, &link, at).unwrap().target);
            let want = nginx.status(server, &target);
            assert_eq!(ours(&settings, &target, now), want, "{expression}: {target}");
            *seen.entry(want).or_insert(0) += 1;
        }
    }
    assert!(seen.values().sum::<usize>() >= 1000, "{seen:?}");
    assert!([204, 403, 410].iter().all(|status| seen[status] > 50), "{seen:?}");
}
