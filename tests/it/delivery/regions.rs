//! Links that are for clients of some regions.

use serde_json::{Value, json};

use super::cli::good;
use super::{BUCKET, HOST, admin, ask, denied, furnish, md5, put};
use crate::support::server::Start;
use crate::support::{Server, clock};

/// The key of the vendor's examples.
const VOD: &str = "24FEQmTzro4V5u3D5epW";

fn terms(regions: bool) -> Value {
    json!({
        "bucket": BUCKET, "signing": { "scheme": "tencent-vod", "profile": "compat", "regions": regions },
        "keys": { "primary": VOD },
    })
}

/// A server that is told regions by whoever is trusted, which is this machine or nobody here.
fn server(trusted: &str) -> Server {
    let server = Start::default()
        .flag("--trusted-proxy", trusted)
        .flag("--client-region-header", "X-Client-Region")
        .run();
    furnish(&server);
    put(&server, HOST, &terms(true));
    server
}

/// `md5(KEY + Dir + t + exper + rlimit + us + whref + bkref + whreg + bkreg)`, of the vendor's page.
fn link(list: &str, regions: &str) -> String {
    let time = format!("{:08x}", clock::now() + 600);
    let sign = md5(&format!("{VOD}/vod/{time}a123456789{regions}"));
    format!("/vod/a.mp4?t={time}&us=a123456789&{list}={regions}&sign={sign}")
}

#[test]
fn a_link_is_for_clients_of_its_regions() {
    let server = server("127.0.0.0/8");
    let header = "X-Client-Region";
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, &[&str], u16)] = &[
        ("within",                      "whreg", "CHN,USA", &["USA"],        200),
        ("elsewhere",                   "whreg", "CHN,USA", &["FRA"],        403),
        ("banned",                      "bkreg", "CHN",     &["CHN"],        403),
        ("not banned",                  "bkreg", "CHN",     &["FRA"],        200),
        ("not known",                   "bkreg", "CHN",     &[],             403),
        ("in words of another list",    "bkreg", "CHN",     &["CN"],         403),
        ("empty",                       "bkreg", "CHN",     &[""],           403),
        ("said twice",                  "whreg", "CHN",     &["CHN", "CHN"], 403),
    ];
    for (name, list, regions, said, status) in table {
        let headers: Vec<_> = said.iter().map(|region| (header, *region)).collect();
        let given = ask(&server, ("GET", HOST), &link(list, regions), &headers);
        assert_eq!(given.status, *status, "{name}");
        if *status == 403 {
            assert_eq!(denied(&given), "denied by req auth: invalid region", "{name}");
        }
    }
    good(&server, &["put", HOST, "--regions", "off"], None);
    let refused = ask(&server, ("GET", HOST), &link("whreg", "CHN"), &[(header, "CHN")]);
    assert_eq!(denied(&refused), "denied by req auth: unsupported url arg whreg or bkreg");
    assert!(good(&server, &["put", HOST, "--regions", "on"], None).contains("\"regions\": true"));
}

#[test]
fn a_client_cannot_say_where_it_is() {
    let server = server("10.0.0.0/8");
    let given = ask(&server, ("GET", HOST), &link("whreg", "CHN"), &[("X-Client-Region", "CHN")]);
    assert_eq!(denied(&given), "denied by req auth: invalid region");
}

/// What was allowed while regions were known lets nobody in once they are not. That is told, and the
/// domain can still be changed; only switching it on anew is refused.
#[test]
fn without_the_setting_regions_are_not_known() {
    let server = server("127.0.0.0/8");
    assert_eq!(warnings_of(&put(&server, HOST, &terms(true))), 0);
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    let given = ask(&server, ("GET", HOST), &link("bkreg", "CHN"), &[("X-Client-Region", "FRA")]);
    assert_eq!(denied(&given), "denied by req auth: unsupported url arg whreg or bkreg");
    assert_eq!(warnings_of(&put(&server, HOST, &terms(true))), 1, "it can be put again");
    let change = |flag, value| good(&server, &["put", HOST, flag, value], None);
    assert!(change("--t", "100").contains("client_region_header"), "and changed");
    assert!(!change("--regions", "off").contains("\"regions\""), "and taken back");
    let path = format!("/{HOST}");
    let (refused, said) = admin(&server, ("PUT", &path), &[], &terms(true).to_string());
    assert_eq!(refused.status, 400);
    assert!(said["error"]["message"].as_str().unwrap().contains("client_region_header"), "{said}");
    let log = server.stop().log;
    let warned = format!("links with whreg or bkreg are refused on {HOST}: ");
    assert_eq!(log.matches(&warned).count(), 1, "{log}");
    assert!(
        log.contains("why=\"the link asks for regions of clients, which are not known\""),
        "{log}"
    );
}

/// How many warnings speak of the setting.
fn warnings_of(shown: &Value) -> usize {
    let all = shown["warnings"].as_array().unwrap().iter();
    all.filter(|text| text.as_str().unwrap().contains("client_region_header")).count()
}
