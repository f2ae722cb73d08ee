//! SIGKILL while a long list is put, piece by piece: it is the old one or the new one, and nothing
//! is left of the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::support::client::{KEY_ID, KEY_SECRET};
use crate::support::content::Random;
use crate::support::server::{Place, Server};
use crate::support::{wait_for, wanted};

const REFERER: &str = "/api/v1/buckets/bucket/referer";

/// 2 MB, which are eight pieces or nine.
const RULES: u64 = 20_000;
const ROUNDS: u64 = 6;

fn list(round: u64) -> String {
    let rule = |n| format!("http://round-{round}/{n:0>80}\n");
    (0..RULES).map(rule).collect()
}

fn ask(server: &Server, (method, path): (&str, &str), body: &str) -> std::io::Result<Value> {
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}")));
    let headers = [("authorization", basic.as_str())];
    let reply = server.admin().send(method, path, &headers, body.as_bytes())?;
    Ok(serde_json::from_slice(&reply.expect(200).body).unwrap())
}

/// The round whose list a server has. The list is that of one round, and whole.
fn round_of(server: &Server) -> u64 {
    let shown = ask(server, ("GET", REFERER), "").unwrap();
    let rules = shown["policy"]["whitelist"].as_array().unwrap();
    let first = rules.first().map(|rule| rule.as_str().unwrap().to_owned()).unwrap_or_default();
    let Some(rest) = first.strip_prefix("http://round-") else {
        assert!(rules.is_empty());
        return 0;
    };
    let round = rest.split('/').next().unwrap().parse().unwrap();
    let lines: String = rules.iter().flat_map(|rule| [rule.as_str().unwrap(), "\n"]).collect();
    assert!(lines == list(round), "the list of round {round} is not whole");
    round
}

/// Pieces that no version names, and all pieces.
fn pieces(place: &Place) -> (i64, i64) {
    const SQL: &str = "
        select count(*) filter (where not exists
                   (select 1 from referer_versions v where v.lists = p.lists)), count(*)
        from referer_pieces p";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(place.data().join("meta.sqlite"))
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query_as(SQL).fetch_one(&mut connection).await.unwrap()
    })
}

#[test]
fn a_list_is_the_old_one_or_the_new_one() {
    let seed = wanted("REFGATE_CRASH_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    println!("REFGATE_CRASH_SEED={seed}");
    let mut random = Random(seed);
    let place = Place::new();
    let mut server = place.start();
    server.client().open_bucket("/bucket/");
    let (mut acknowledged, mut new, mut interrupted) = (0, 0, 0);
    for round in 1..=ROUNDS {
        let (killed, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let path = format!("{REFERER}/whitelist");
        std::thread::scope(|scope| {
            scope.spawn(|| match ask(&server, ("PUT", &path), &list(round)) {
                Ok(_) => done.store(true, Ordering::SeqCst),
                Err(error) => assert!(killed.load(Ordering::SeqCst), "{error}"),
            });
            // Once pieces are coming, every moment is as good: among them, before the last, or
            // behind it.
            let before = pieces(&place).1;
            let put = || pieces(&place).1 > before || done.load(Ordering::SeqCst);
            wait_for("the first piece", put);
            let longest = if round % 2 == 0 { 30 } else { 500 };
            std::thread::sleep(Duration::from_millis(random.below(longest)));
            killed.store(true, Ordering::SeqCst);
            server.kill_now();
        });
        interrupted += u64::from(pieces(&place).0 > 0);
        server = place.start();
        let found = round_of(&server);
        assert!(found == round || found == acknowledged, "{found} in round {round}");
        assert!(!done.load(Ordering::SeqCst) || found == round, "{round} was acknowledged");
        new += u64::from(found == round);
        acknowledged = found;
        wait_for("what is left to be swept", || pieces(&place).0 == 0);
    }
    println!("of {ROUNDS} lists {new} are there, {interrupted} were cut off between pieces");
    assert!(server.stop().success());
}
