use super::*;
use crate::domain::referer::{Compare, MAX_LIST_BYTES};

fn read_policy_json(json: &[u8]) -> Result<Policy, InvalidPolicy> {
    super::read_policy_json(json, MAX_LIST_BYTES)
}

fn pattern(text: &str) -> Pattern {
    Pattern::read(text).unwrap()
}

#[test]
fn the_form_of_a_policy() {
    let policy = Policy {
        empty: EmptyReferer::Deny,
        compare: Compare::Origin,
        allow: vec![pattern("https://*.a.com/"), pattern("中")],
        deny: Vec::new(),
    };
    let want = r#"{
  "allow_empty_referer": false,
  "truncate_query_string": true,
  "truncate_path": true,
  "whitelist": [
    "https://*.a.com/",
    "中"
  ],
  "blacklist": []
}
"#;
    assert_eq!(write_policy_json(&policy), want);
    assert_eq!(read_policy_json(want.as_bytes()), Ok(policy));
}

#[test]
fn what_is_not_there_is_as_in_xml() {
    let read = |json: &str| read_policy_json(json.as_bytes()).unwrap();
    assert_eq!(read(r#"{"allow_empty_referer":true}"#), Policy::default());
    let entries = read(r#"{"allow_empty_referer":true,"whitelist":[" a ",""," \n"]}"#);
    assert_eq!(entries.allow, [pattern("a")]);
    let cut = r#"{"allow_empty_referer":true,"truncate_query_string":false,"truncate_path":true}"#;
    assert_eq!(read(cut).compare, Compare::Origin);
}

/// What is read as it arrives is read as it is read whole, errors included, whatever pieces it
/// comes in.
#[test]
fn a_text_may_arrive_in_pieces() {
    struct Pieces<'j>(&'j [u8]);
    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(3);
            self.0.read(&mut buffer[..length])
        }
    }
    let many = format!(
        "{{\"allow_empty_referer\":true,\n\"whitelist\":[{}]}}",
        r#""é*", "#.repeat(5000) + "\"b\""
    );
    for json in [
        r#"{"allow_empty_referer":false,"truncate_path":true,"whitelist":[" é ",""],"blacklist":["b"]}"#,
        &many,
        &many.replace("\"b\"", "\"b\tc\""),
        &many.replace("whitelist", "whiteList"),
        &many.replace("true", "1"),
        &many.replace("]}", "]"),
        &many.replace("]}", "]}x"),
        &many.replace("\"b\"", "1"),
        "",
    ] {
        let whole =
            read_strict_policy_json(json.as_bytes(), MAX_LIST_BYTES, &KnownRules::default());
        let pieces = Pieces(json.as_bytes());
        let arriving = read_arriving_policy_json(pieces, MAX_LIST_BYTES, &KnownRules::default());
        // The parser stands one character further or not.
        let lined = |read: Result<Policy, InvalidPolicy>| {
            let text = |err: InvalidPolicy| err.to_string();
            read.map_err(text).map_err(|err| err.split(" column").next().map(str::to_owned))
        };
        assert_eq!(lined(arriving), lined(whole), "{json:.60}");
    }
}

#[test]
fn what_is_too_much_is_counted_and_not_kept() {
    let mut list = ListJson::default();
    for _ in 0..MAX_RULES + 10 {
        list.add(pattern("a"));
    }
    assert_eq!((list.patterns.len(), list.entries), (MAX_RULES, MAX_RULES + 10));
    let json = PolicyJson {
        allow_empty_referer: true,
        truncate_query_string: None,
        truncate_path: None,
        whitelist: list,
        blacklist: ListJson::default(),
    };
    let refused = json.within(MAX_LARGE_LIST_BYTES).unwrap_err();
    assert_eq!(refused.to_string(), "the lists have 2000010 rules, they may have 2000000");
    let long = "x".repeat(MAX_LARGE_LIST_BYTES / 2);
    let mut list = ListJson::default();
    (0..3).for_each(|_| list.add(pattern(&long)));
    assert_eq!((list.patterns.len(), list.bytes), (2, 3 * long.len()));
}

#[test]
fn a_strict_reader_names_the_entry() {
    let read = |entry: &str| {
        let json = serde_json::json!({"allow_empty_referer": true, "blacklist": ["a", entry]});
        let json = json.to_string();
        let read = read_strict_policy_json(json.as_bytes(), MAX_LIST_BYTES, &KnownRules::default());
        read.map_err(|err| err.to_string())
    };
    assert_eq!(read(" b ").unwrap().deny, [pattern("a"), pattern("b")]);
    assert_eq!(
        read("a\tb").unwrap_err(),
        "the policy cannot be read: blacklist[1]: the rule has the control character '\\t' at line 1 column 51"
    );
    let long = read(&"x".repeat(1025)).unwrap_err();
    assert!(
        long.contains("blacklist[1]: the rule has 1025 bytes, it may have 1024 at line 1 column")
    );
}

#[test]
fn errors_say_what_to_change() {
    let long = format!(
        r#"{{"allow_empty_referer":true,"blacklist":["{}"]}}"#,
        "x".repeat(MAX_LIST_BYTES + 1)
    );
    #[rustfmt::skip]
        let table = [
            ("", "the policy cannot be read: EOF while parsing a value at line 1 column 0"),
            ("{}", "the policy cannot be read: missing field `allow_empty_referer` at line 1 column 2"),
            (r#"{"allow_empty_referer":1}"#, "the policy cannot be read: invalid type: integer `1`, expected a boolean at line 1 column 24"),
            (r#"{"allow_empty_referer":true,"allow_empty_referer":true}"#, "the policy cannot be read: duplicate field `allow_empty_referer` at line 1 column 49"),
            (r#"{"allow_empty_referer":true,"blackList":[]}"#, "the policy cannot be read: unknown field `blackList`, expected one of `allow_empty_referer`, `truncate_query_string`, `truncate_path`, `whitelist`, `blacklist` at line 1 column 39"),
            (r#"{"allow_empty_referer":true,"whitelist":["a\u0000"]}"#, "the policy cannot be read: whitelist[0]: the entry has a character that XML cannot carry at line 1 column 50"),
            (long.as_str(), "the lists have 20481 bytes, they may have 20480"),
        ];
    for (json, want) in table {
        let got = read_policy_json(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(got, want, "{json:.60}");
    }
    let endless = " ".repeat(max_body_bytes(MAX_LIST_BYTES) + 1);
    assert!(read_policy_json(endless.as_bytes()).is_err());
}

/// What OSS's operation has put can be read and put back, and nothing else that is as long.
#[test]
fn a_strict_reader_knows_what_is_there() {
    let long = "x".repeat(1025);
    let policy = Policy { deny: vec![pattern(&long)], ..Policy::default() };
    let json = write_policy_json(&policy);
    let read = |known: &Policy| {
        read_strict_policy_json(json.as_bytes(), MAX_LIST_BYTES, &KnownRules::of(known))
    };
    assert_eq!(read(&policy), Ok(policy.clone()));
    let other = Policy { deny: vec![pattern(&"y".repeat(1025))], ..Policy::default() };
    assert!(read(&other).is_err());
}
