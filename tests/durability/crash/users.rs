//! SIGKILL while the administrator gives and takes rights: after the start everybody has those
//! that were acknowledged last.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::history::{History, Ticks};
use crate::support::client::{Client, KEY_ID, KEY_SECRET, Reply};
use crate::support::content::Random;
use crate::support::server::{Place, Server};
use crate::support::wanted;

/// How often the server is killed, unless the environment says otherwise.
const ROUNDS: u64 = 6;

const PROBE: &str = "/rights/probe";

/// What is given and taken.
struct Rights {
    ticks: Ticks,
    key: String,
    enabled: History<bool>,
    /// The number in the policy of the user.
    policy: History<u64>,
    attached: History<bool>,
    /// Whether the bucket has a policy, which lets everybody read.
    open: History<bool>,
    numbers: AtomicU64,
}

fn api(client: &mut Client, method: &str, path: &str, body: &Value) -> io::Result<Reply> {
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}")));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len().to_string();
    let mut headers = vec![("authorization", basic.as_str())];
    if method == "DELETE" {
        headers.push(("content-length", &length));
    }
    client.send(method, &format!("/api/v1/{path}"), &headers, body.as_bytes())
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn policy(number: u64) -> Value {
    let resource = format!("acs:oss:*:*:rights/{number}");
    let statement = json!({ "Effect": "Allow", "Action": "oss:GetObject", "Resource": resource });
    json!({ "Version": "1", "Statement": [statement] })
}

fn open() -> Value {
    let statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": "oss:GetObject",
        "Resource": "acs:oss:*:*:rights/*",
    });
    json!({ "Version": "1", "Statement": [statement] })
}

impl Rights {
    fn make(server: &Server) -> Self {
        let (mut client, mut admin) = (server.client(), server.admin());
        client.signed("PUT", "/rights/", b"").unwrap().expect(200);
        client.signed("PUT", PROBE, b"probe").unwrap().expect(200);
        let mut done = |method, path: &str, body| {
            let reply = api(&mut admin, method, path, &body).unwrap();
            assert!((200..300).contains(&reply.status), "{path}: {}", reply.text());
            json_of(&reply)
        };
        done("POST", "users", json!({ "name": "alice" }));
        let key = done("POST", "users/alice/keys", Value::Null);
        done("PUT", "policies/hers", policy(0));
        Self {
            ticks: Ticks::default(),
            key: key["access_key_id"].as_str().unwrap().to_owned(),
            enabled: History::new(true),
            policy: History::new(0),
            attached: History::new(false),
            open: History::new(false),
            numbers: AtomicU64::new(1),
        }
    }

    /// One change of what the worker of that number changes.
    fn change(&self, worker: usize, client: &mut Client) -> io::Result<()> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let on = number.is_multiple_of(2);
        match worker {
            0 => {
                let (path, body) = (format!("keys/{}", self.key), json!({ "enabled": on }));
                self.one(&self.enabled, on, || api(client, "PUT", &path, &body))
            }
            1 => self
                .one(&self.policy, number, || api(client, "PUT", "policies/hers", &policy(number))),
            2 => {
                let method = if on { "PUT" } else { "DELETE" };
                let path = "users/alice/policies/hers";
                self.one(&self.attached, on, || api(client, method, path, &Value::Null))
            }
            _ => {
                let (method, body) = if on { ("PUT", open()) } else { ("DELETE", Value::Null) };
                let path = "buckets/rights/policy";
                self.one(&self.open, on, || api(client, method, path, &body))
            }
        }
    }

    fn one<T: Clone + PartialEq + std::fmt::Debug>(
        &self,
        history: &History<T>,
        to: T,
        ask: impl FnOnce() -> io::Result<Reply>,
    ) -> io::Result<()> {
        let change = history.begin(&self.ticks, to);
        let reply = ask()?;
        // Taking what is not there says so.
        assert!(matches!(reply.status, 200..300 | 404), "{}", reply.text());
        history.end(&self.ticks, change);
        Ok(())
    }

    /// Compares a server that nobody changes with what it has acknowledged.
    fn check(&self, server: &Server) {
        let mut admin = server.admin();
        let mut get = |path| api(&mut admin, "GET", path, &Value::Null).unwrap();
        let alice = json_of(&get("users/alice").expect(200));
        assert_eq!(alice["keys"].as_array().unwrap().len(), 1, "{alice}");
        self.enabled.settle("the key", alice["keys"][0]["enabled"] == true);
        self.attached.settle("what she has", alice["policies"] == json!(["hers"]));
        let hers = json_of(&get("policies/hers").expect(200));
        let resource = hers["document"]["Statement"][0]["Resource"].as_str().unwrap();
        let number = resource.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(hers["document"], policy(number), "whole");
        self.policy.settle("the policy", number);
        let shown = get("buckets/rights/policy").status;
        assert!(matches!(shown, 200 | 404), "{shown}");
        self.open.settle("the bucket's policy", shown == 200);
        let stranger = server.client().get(PROBE).unwrap().status;
        assert_eq!(stranger, if shown == 200 { 200 } else { 403 });
    }
}

#[test]
fn rights_that_were_acknowledged_survive_being_killed() {
    let seed = wanted("REFGATE_CRASH_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    let rounds = wanted("REFGATE_CRASH_ROUNDS").unwrap_or(ROUNDS);
    println!("REFGATE_CRASH_SEED={seed} REFGATE_CRASH_ROUNDS={rounds}");
    let mut random = Random(seed);
    let place = Place::new();
    let mut server = place.start();
    let rights = Rights::make(&server);
    for _ in 0..rounds {
        kill_while_changing(&rights, server, &mut random);
        server = place.start();
        rights.check(&server);
    }
    assert!(rights.numbers.into_inner() > rounds);
    assert!(server.stop().success());
}

fn kill_while_changing(rights: &Rights, server: Server, random: &mut Random) {
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let mut client = server.admin();
            let killed = &killed;
            scope.spawn(move || {
                // Bounded by the kill: a dead server answers nobody.
                let error = loop {
                    if let Err(error) = rights.change(worker, &mut client) {
                        break error;
                    }
                };
                assert!(killed.load(Ordering::SeqCst), "the server hung up: {error}");
            });
        }
        // Not a wait for anything: the moment itself is what is tried.
        std::thread::sleep(Duration::from_millis(20 + random.below(300)));
        killed.store(true, Ordering::SeqCst);
        server.kill();
    });
}
