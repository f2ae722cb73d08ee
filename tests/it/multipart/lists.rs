//! Listing parts and uploads.

use super::*;

/// Parameters of a request.
type Query<'q> = &'q [(&'q str, &'q str)];

fn all(text: &[u8], name: &str) -> Vec<String> {
    let text = std::str::from_utf8(text).unwrap();
    let inside = |rest: &str| rest.split(&format!("</{name}>")).next().unwrap().to_owned();
    text.split(&format!("<{name}>")).skip(1).map(inside).collect()
}

#[test]
fn parts_come_in_pages() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    for number in [30, 1, 10_000, 2] {
        upload.part(number, &content(number, number % 100));
    }
    let page = |max: &str, after: &str| {
        let request = upload.request("GET").query("max-parts", max);
        let answer = server.done(request.query("part-number-marker", after));
        let one = |name| answer.element(name).unwrap();
        (all(&answer.body, "PartNumber").join(" "), one("NextPartNumberMarker"), one("IsTruncated"))
    };
    #[rustfmt::skip]
    let table = [
        ("",     "",      "1 2 30 10000", "10000", "false"),
        ("4",    "0",     "1 2 30 10000", "10000", "false"),
        ("2",    "",      "1 2",          "2",     "true"),
        ("2",    "2",     "30 10000",     "10000", "false"),
        ("1",    "29",    "30",           "30",    "true"),
        ("1000", "10000", "",             "10000", "false"),
        ("1000", "70000", "",             "70000", "false"),
        ("0",    "",      "",             "0",     "false"),
    ];
    for (max, after, numbers, next, more) in table {
        let got = page(max, after);
        let want = (numbers.to_owned(), next.to_owned(), more.to_owned());
        assert_eq!(got, want, "{max} after {after}");
    }
    let answer = server.done(upload.request("GET"));
    assert_eq!(all(&answer.body, "Size"), ["1", "2", "30", "0"]);
    assert_eq!(all(&answer.body, "ETag")[1], tag(&content(2, 2)));
    let crcs = [1, 2, 30, 10_000].map(|number| crc(&content(number, number % 100)));
    assert_eq!(all(&answer.body, "HashCrc64ecma"), crcs);
    for (name, value) in [("max-parts", "1001"), ("max-parts", "x"), ("part-number-marker", "-1")] {
        let answer = server.owner(upload.request("GET").query(name, value));
        assert_eq!(answer.code(), refused(400, "InvalidArgument"), "{name}={value}");
    }
}

#[test]
fn uploads_come_in_pages() {
    let server = server();
    let keys = ["a/1", "a/2", "b", "b", "c\u{1}", "d/x"];
    let ids: Vec<_> = keys.iter().map(|key| Upload::begin(&server, key).id).collect();
    assert!(ids[2] < ids[3], "those of one key are in the order of their beginning");
    let ask = |query: &[(&str, &str)]| {
        let request = Request::bucket("GET", BUCKET).query("uploads", "");
        let request =
            query.iter().fold(request, |request, (name, value)| request.query(name, value));
        server.owner(request)
    };
    let listed = |query: &[(&str, &str)]| {
        let answer = ask(query);
        assert_eq!(answer.status, 200, "{}", answer.error());
        let one = |name| answer.element(name).unwrap();
        let entries =
            all(&answer.body, "Key").into_iter().chain(all(&answer.body, "CommonPrefixes"));
        let next = [one("NextKeyMarker"), one("NextUploadIdMarker"), one("IsTruncated")];
        (entries.collect::<Vec<_>>().join(" "), next.join(" "))
    };
    #[rustfmt::skip]
    let table: [(Query<'_>, &str, String); 8] = [
        (&[("encoding-type", "url")],                "a%2F1 a%2F2 b b c%01 d%2Fx", format!("d%2Fx {} false", ids[5])),
        (&[("max-uploads", "3")],                    "a/1 a/2 b",                  format!("b {} true", ids[2])),
        (&[("key-marker", "b"), ("upload-id-marker", &ids[2]), ("max-uploads", "1")], "b", format!("b {} true", ids[3])),
        (&[("key-marker", "b"), ("prefix", "d")],    "d/x",                        format!("d/x {} false", ids[5])),
        (&[("upload-id-marker", &ids[5]), ("max-uploads", "1")], "a/1",            format!("a/1 {} true", ids[0])),
        (&[("delimiter", "/"), ("max-uploads", "2")], "b <Prefix>a/</Prefix>",     format!("b {} true", ids[2])),
        (&[("delimiter", "/"), ("key-marker", "c~")], "<Prefix>d/</Prefix>",   "d/  false".to_owned()),
        (&[("prefix", "none")],                      "",                           "  false".to_owned()),
    ];
    for (query, entries, next) in table {
        assert_eq!(listed(query), (entries.to_owned(), next), "{query:?}");
    }
    let whole = ask(&[]);
    assert_eq!(whole.element("EncodingType").as_deref(), Some("url"), "a name needs it");
    assert_eq!(all(&whole.body, "UploadId"), ids);
    for query in [("max-uploads", "1001"), ("upload-id-marker", "x"), ("encoding-type", "x")] {
        assert_eq!(ask(&[query]).code(), refused(400, "InvalidArgument"), "{query:?}");
    }
}
