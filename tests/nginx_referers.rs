//! The formats for nginx beside nginx itself: what a policy decides that was read from its
//! configuration, and what a configuration decides that was written for it. Where there is no nginx,
//! that is said; `./test` installs one where it can.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use refgate::domain::referer::{Compare, EmptyReferer, Extras, Matcher, Pattern, Policy, Referers};
use refgate::wire::policy_formats::{Effect, Export, Import, export, import};

/// An nginx with a location for each configuration; ends with the value.
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
    let answers = |it: &&str| Command::new(it).arg("-v").stderr(Stdio::null()).status().is_ok();
    let found = known.into_iter().find(answers);
    if found.is_none() {
        // Past the capture of the test runner, so that nobody takes it for tried.
        let said = "left out: there is no nginx to compare with\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    found
}

impl Nginx {
    fn start(program: &str, servers: &[String]) -> Self {
        let started = (0..5).find_map(|_| Self::try_start(program, servers));
        started.expect("nginx finds a port")
    }

    /// On a port that was free a moment ago. If somebody has taken it since, nginx ends.
    fn try_start(program: &str, servers: &[String]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = |(n, inside): (usize, &String)| {
            format!(
                "server {{ listen 127.0.0.1:{port}; server_name s{n}; {inside}\n\
                 location / {{ return 204; }} }}\n"
            )
        };
        let servers: Vec<String> = servers.iter().enumerate().map(server).collect();
        let servers = servers.concat();
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(folder.path(), &servers)).unwrap();
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

    fn allows(&self, server: usize, referer: Option<&str>) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let header = referer.map(|it| format!("Referer: {it}\r\n")).unwrap_or_default();
        let head =
            format!("GET / HTTP/1.1\r\nHost: s{server}\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        match answer.split(' ').nth(1) {
            Some("204") => true,
            Some("403") => false,
            _ => panic!("{referer:?}: {answer}"),
        }
    }
}

fn configuration(folder: &Path, servers: &str) -> String {
    let at = folder.display();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
         fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{servers}}}\n"
    )
}

fn decides(policy: &Policy, referer: Option<&str>) -> bool {
    let matcher = Matcher::new(policy.clone());
    matcher.decide(&Referers::read(referer.map(str::as_bytes))).is_allowed()
}

/// Referers as browsers send them, near to the names of the tests.
fn referers() -> Vec<Option<String>> {
    let hosts = [
        "example.com",
        "www.example.com",
        "a.b.example.com",
        "evilexample.com",
        "example.com.evil.net",
        "example.org",
        "example.co.uk",
        "www.example.org",
        "good.net",
        "evil.net",
        "EXAMPLE.com",
    ];
    let rests = [
        "",
        "/",
        ":8080/",
        "/galleries/",
        "/galleries/1",
        "/x.example.com",
        "/x.example.com/",
        "/?a=.example.com/",
    ];
    let urls = hosts.iter().flat_map(|host| {
        rests.iter().flat_map(move |rest| {
            ["http://", "https://"].map(|scheme| Some(format!("{scheme}{host}{rest}")))
        })
    });
    urls.chain([None]).collect()
}

#[test]
fn a_policy_decides_as_the_configuration_that_it_was_read_from() {
    let Some(program) = program() else { return };
    #[rustfmt::skip]
    let table = [
        "example.com",
        "none *.example.com",
        "none .example.com good.net",
        "example.*",
        "none www.example.org/galleries/",
        "www.example.org/galleries/ good.net",
    ];
    let inside =
        |it: &&str| format!("valid_referers {it}; if ($invalid_referer) {{ return 403; }}");
    let servers: Vec<String> = table.iter().map(inside).collect();
    let nginx = Nginx::start(program, &servers);
    for (n, line) in table.iter().enumerate() {
        let imported = import(Import::Nginx, servers[n].as_bytes(), 1 << 20).unwrap();
        let paths = imported.policy.compare != Compare::Origin;
        for referer in referers() {
            let referer = referer.as_deref();
            // Without a slash, and with a path on another port: noted as narrower.
            let bare =
                referer.is_some_and(|it| it.matches('/').count() < 3 || it.contains(":8080"));
            if paths && bare {
                continue;
            }
            let ours = decides(&imported.policy, referer);
            assert_eq!(ours, nginx.allows(n, referer), "{line}: {referer:?}, {imported:?}");
        }
    }
}

#[test]
fn a_configuration_decides_as_the_policy_that_it_was_written_for() {
    let Some(program) = program() else { return };
    let read = |list: &[&str]| list.iter().filter_map(|it| Pattern::read(it)).collect::<Vec<_>>();
    let lists: &[(&[&str], &[&str])] = &[
        (&["http://example.com/", "https://example.com/"], &[]),
        (&["*.example.com", "*://good.net/"], &["http://www.example.com"]),
        (&["*"], &["*.example.com", "https://evil.net/"]),
        (&["http*://*.example.com/"], &["*.b.example.com"]),
        (&["*://www.example.???/g*/"], &[]),
        (&["*://www.example.org", "*evil*"], &["*://*.net/x"]),
        (&["*://good.ne?", "*://*.uk??"], &[]),
        (&[], &["*example.com/", "http://good.net"]),
    ];
    let mut policies = Vec::new();
    for (allow, deny) in lists {
        for compare in [Compare::WithQuery, Compare::WithPath, Compare::Origin] {
            for empty in [EmptyReferer::Allow, EmptyReferer::Deny] {
                policies.push(Policy { empty, compare, allow: read(allow), deny: read(deny) });
            }
        }
    }
    let exported: Vec<_> =
        policies.iter().map(|policy| export(policy, &Extras::default(), Export::Nginx)).collect();
    let servers: Vec<String> = exported.iter().map(|it| it.text.clone()).collect();
    let nginx = Nginx::start(program, &servers);
    for (n, policy) in policies.iter().enumerate() {
        assert!(exported[n].notes.iter().all(|it| it.effect != Effect::Wider), "{:?}", exported[n]);
        for referer in referers() {
            let referer = referer.as_deref();
            let ours = decides(policy, referer);
            assert_eq!(ours, nginx.allows(n, referer), "{referer:?}: {policy:?}\n{}", servers[n]);
        }
    }
}
