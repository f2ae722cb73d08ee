//! The admin API is the owner's alone: a user's key opens none of it, whatever its policies say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::{Connection, PRIVATE, Server, Signer};

/// What anybody may ask of the admin plane: whether the server is well, and its counters.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

fn ask(server: &Server, method: &str, path: &str, authorization: Option<&str>) -> u16 {
    let line = authorization.map(|text| format!("Authorization: {text}\r\n")).unwrap_or_default();
    let body = r#"{"name": "mallory", "enabled": false, "policy": {}}"#;
    let request = format!(
        "{} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{line}Content-Length: {}\r\n\r\n{body}",
        method.to_ascii_uppercase(),
        server.admin,
        body.len()
    );
    let mut connection = Connection::open(&server.admin);
    connection.write(request.as_bytes());
    connection.answer(method).unwrap().status
}

#[test]
fn a_key_that_is_not_the_owners_opens_none_of_it() {
    let server = Server::start();
    server.bucket("a-bucket", PRIVATE);
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let temporary = server.temporary(&json!({ "user": "alice" }));
    let basic = |id: &str, secret: &str| {
        Some(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
    };
    let owner = Signer::owner();
    let everybody = [
        ("nobody", None),
        ("a user", basic(&alice.id, &alice.secret)),
        ("a token", basic(&temporary.id, &temporary.secret)),
        ("the owner's id, a user's secret", basic(&owner.id, &alice.secret)),
        ("a user's id, the owner's secret", basic(&alice.id, &owner.secret)),
        ("the owner without a secret", basic(&owner.id, "")),
        ("a token in place of a key", Some(format!("Bearer {}", alice.secret))),
    ];
    let known = |name: &str| server.api_done("GET", name, None);
    let all = || ["users", "policies", "domains", "applications"].map(known);
    let before = all();
    for &(method, path) in refgate::http::admin::ROUTES {
        if OPEN.contains(&path) {
            continue;
        }
        let path = path
            .replace("{bucket}", "a-bucket")
            .replace("{user}", "alice")
            .replace("{key}", &alice.id)
            .replace("{policy}", "of-alice")
            .replace("{version}", "1")
            .replace("{to}", "1")
            .replace("{host}", "cdn.example.com")
            .replace("{application}", "shop");
        assert!(!path.contains('{'), "{path} has an example for each of its parts");
        for (name, authorization) in &everybody {
            let status = ask(&server, method, &path, authorization.as_deref());
            assert_eq!(status, 401, "{name}: {method} {path}");
        }
    }
    assert_eq!(all(), before);
}
