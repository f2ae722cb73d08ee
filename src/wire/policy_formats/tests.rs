//! What sources say of a referer, in the words of their vendors, and what the policy decides.

use super::*;
use crate::domain::referer::{Compare, EmptyReferer, MAX_RULE_BYTES, Matcher, Referers};

const LIMIT: usize = 1 << 20;

fn read(format: Import, text: &str) -> Imported {
    import(format, text.as_bytes(), LIMIT).unwrap()
}

fn write(policy: &Policy, format: Export) -> Exported {
    export(policy, &Extras::default(), format)
}

fn allows(policy: &Policy, referer: &str) -> bool {
    let lines = (!referer.is_empty()).then_some(referer.as_bytes());
    Matcher::new(policy.clone()).decide(&Referers::read(lines)).is_allowed()
}

fn texts(list: &[Pattern]) -> Vec<&str> {
    list.iter().map(Pattern::as_str).collect()
}

fn effects(imported: &Imported) -> Vec<Effect> {
    imported.notes.iter().map(|note| note.effect).collect()
}

/// Name, format, source, referers that pass, referers that do not; `""` is none.
type Row = (&'static str, Import, &'static str, &'static [&'static str], &'static [&'static str]);

const COS_WHITE: &str = "<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType><DomainList><Domain>*.qq.com</Domain><Domain>*.qcloud.com</Domain></DomainList><EmptyReferConfiguration>Allow</EmptyReferConfiguration></RefererConfiguration>";
const COS_BLACK: &str = "<RefererConfiguration><Status>Enabled</Status><RefererType>Black-List</RefererType><DomainList><Domain>*.fake.com</Domain></DomainList></RefererConfiguration>";
const COS_HOSTS: &str = "<RefererConfiguration>\n<Status>Enabled</Status><RefererType>White-List</RefererType>\n<DomainList><Domain>www.example.com</Domain>\n<Domain>10.10.10.10:8080</Domain></DomainList></RefererConfiguration>";

const S3_ALLOW: &str = r#"{"Version":"2012-10-17","Id":"HTTP referer policy example","Statement":[{"Sid":"Allow only GET requests originating from www.example.com and example.com.","Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*","Condition":{"StringLike":{"aws:Referer":["http://www.example.com/*","http://example.com/*"]}}}]}"#;
const S3_DENY: &str = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringNotLike":{"aws:Referer":["http://www.example.com/*"]}}}]}"#;
const S3_DENY_PRESENT: &str = r#"{"Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"StringNotLike":{"aws:Referer":["http://www.example.com/*"]},"Null":{"aws:Referer":"false"}}}}"#;
const S3_BOTH: &str = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringLike":{"aws:Referer":["http://a.com/*","http://b.com/*"]}}},{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringNotLike":{"aws:Referer":["http://a.com/img/*","http://b.com/*","http://c.com/*"]}}}]}"#;
const S3_BLACK: &str = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringLike":{"aws:Referer":"*evil.com*"}}}]}"#;
const S3_NOT_EMPTY: &str = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"Null":{"aws:Referer":true}}}]}"#;

const OBS_WHITE: &str = r#"{"Statement":[{"Sid":"1","Effect":"Allow","Principal":{"ID":["*"]},"Action":"*","Resource":["bucket/*"]},{"Sid":"2","Effect":"Deny","Principal":{"ID":["*"]},"Action":["*"],"Resource":["bucket/*"],"Condition":{"StringNotEquals":{"Referer":["http://www.example01.com","${null}"]}}}]}"#;
const OBS_BLACK: &str = r#"{"Statement":[{"Sid":"1","Effect":"Deny","Principal":{"ID":["*"]},"Action":["*"],"Resource":["bucket/*"],"Condition":{"StringEquals":{"Referer":["http://www.example01.com","http://www.example02.com"]}}}]}"#;

const S3_PARTS: &str = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/a/*","Condition":{"StringLike":{"aws:Referer":"http://a.com/*"}}},{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/b/*","Condition":{"StringLike":{"aws:Referer":"http://b.com/*"}}}]}"#;
const S3_CLOSED: &str = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/secret/*"},{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringLike":{"aws:Referer":"http://a.com/*"}}}]}"#;
const COS_OFF: &str = "<RefererConfiguration><Status>Disabled</Status><RefererType>Black-List</RefererType>\n<DomainList><Domain>a.com</Domain><Domain>b.com</Domain></DomainList></RefererConfiguration>";
const NGINX_DENY: &str = "map $http_referer $bad { default 0; ~evil 1; }\nserver { include snippets/more.conf; include mime.types; log_format x \"$http_referer\";\nlocation / { if ($http_referer ~* \"evil\") { return 403; }\nvalid_referers a.com; if ($invalid_referer) { return 403; } } }\nserver { if ($http_referer) { return 403; } }";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("nginx: the manual's example, but for its expression", Import::Nginx,
        "server { server_name www.me.org; location / { valid_referers none blocked server_names\n *.example.com example.* ; if ($invalid_referer) { return 403; } } }",
        &["", "http://www.me.org/x", "https://a.b.example.com/", "http://a.example.com:81/", "http://example.com/", "https://example.co.uk/"],
        &["http://x.me.org/", "http://www.me.org.evil.net/", "http://evil.net/x.example.com/", "http://evilexample.com/", "http://example/", "ftp://a.example.com/"]),
    ("nginx: without none", Import::Nginx, "valid_referers example.com;",
        &["http://example.com", "https://EXAMPLE.com/x", "http://example.com:8080/y"], &["", "http://www.example.com/", "http://example.com.cn/"]),
    ("nginx: a dot is the domain and what is under it", Import::Nginx, "valid_referers .example.com;",
        &["http://example.com/", "http://a.example.com/"], &["http://aexample.com/"]),
    ("nginx: a path", Import::Nginx, "valid_referers www.example.org/galleries/ b.org;",
        &["http://www.example.org/galleries/1", "https://b.org/x"], &["http://www.example.org/", "http://b.org.evil.net/"]),
    ("nginx: a path beside a wildcard keeps strangers out", Import::Nginx, "valid_referers *.example.com www.example.org/galleries/;",
        &["http://www.example.org/galleries/", "http://a.example.com/"], &["http://evil.net/a.example.com/", "http://evil.net/www.example.org/galleries/"]),
    ("COS: the manual's example", Import::Cos, COS_WHITE,
        &["", "http://a.qq.com/1", "https://b.a.qcloud.com:8080/", "https://qq.com/"], &["http://evilqq.com/", "http://evil.net/a.qq.com/"]),
    ("COS: a domain is a prefix, under both schemes and with ports", Import::Cos, COS_HOSTS,
        &["http://www.example.com/123", "https://www.example.com.cn", "http://www.example.com:8080/", "http://10.10.10.10:8080/"],
        &["", "http://example.com/", "http://10.10.10.10/", "www.example.com"]),
    ("COS: empty referers are denied beside a blacklist, too", Import::Cos, COS_BLACK,
        &["http://www.example.com/index.html"], &["", "http://www.fake.com/", "https://fake.com/x"]),
    ("S3: the manual's example", Import::S3, S3_ALLOW,
        &["http://www.example.com/index.html", "http://example.com/"], &["", "https://www.example.com/", "http://www.example.com", "http://www.example.com.evil.net/"]),
    ("S3: a missing key fulfils a negated operator", Import::S3, S3_DENY,
        &["http://www.example.com/?a=b"], &["", "http://other.com/"]),
    ("S3: unless it must be there", Import::S3, S3_DENY_PRESENT, &["", "http://www.example.com/"], &["http://other.com/"]),
    ("S3: what is allowed and not denied", Import::S3, S3_BOTH,
        &["http://a.com/img/1", "http://b.com/"], &["", "http://a.com/", "http://c.com/"]),
    ("S3: a blacklist", Import::S3, S3_BLACK, &["", "http://a.com/"], &["http://evil.com/", "http://a.com/?evil.com"]),
    ("S3: parts of a bucket do not become one list", Import::S3, S3_PARTS, &["http://a.com/"], &["http://b.com/"]),
    ("S3: a part that is closed is another matter", Import::S3, S3_CLOSED, &["http://a.com/"], &["", "http://b.com/"]),
    ("S3: only that there is one", Import::S3, S3_NOT_EMPTY, &["http://a.com/", "x"], &[""]),
    ("OBS: the manual's whitelist", Import::Obs, OBS_WHITE,
        &["", "http://www.example01.com/"], &["http://www.example02.com/", "http://www.example01.com.evil.net/"]),
    ("OBS: the manual's blacklist", Import::Obs, OBS_BLACK,
        &["", "http://www.example03.com/"], &["http://www.example01.com", "http://www.example02.com"]),
    ("lines", Import::Lines, "# mine\nhttp://a.com/\n\n!http://a.com/bad\r\n",
        &["", "http://a.com/x"], &["http://a.com/bad", "http://b.com/"]),
];

#[test]
fn policies_decide_as_their_sources_do() {
    for (name, format, source, pass, fail) in ROWS {
        let imported = read(*format, source);
        for referer in *pass {
            assert!(allows(&imported.policy, referer), "{name}: {referer:?} passes, {imported:?}");
        }
        for referer in *fail {
            assert!(!allows(&imported.policy, referer), "{name}: {referer:?} fails, {imported:?}");
        }
    }
}

#[test]
fn what_cannot_be_said_is_noted() {
    use Effect::{Information, Lost, Narrower, Wider};
    #[rustfmt::skip]
    let table: &[(&str, Import, &str, &[Effect])] = &[
        ("an expression", Import::Nginx, "valid_referers a.com ~\\.google\\.;", &[Lost]),
        ("blocked", Import::Nginx, "valid_referers blocked a.com;", &[Lost]),
        ("unknown names", Import::Nginx, "valid_referers server_names a.com;", &[Lost]),
        ("a scheme", Import::Nginx, "valid_referers http://a.com b.com;", &[Lost]),
        ("a port", Import::Nginx, "valid_referers a.com:80 b.com;", &[Lost]),
        ("a path's case, port and origin", Import::Nginx, "valid_referers a.com/b;", &[Wider, Narrower, Narrower]),
        ("a path beside a wildcard", Import::Nginx, "valid_referers a.com/b *.c.com;", &[Wider, Wider]),
        ("signed URLs", Import::Cos, COS_HOSTS, &[Narrower]),
        ("a disabled configuration", Import::Cos, "<RefererConfiguration><Status>Disabled</Status><RefererType>Black-List</RefererType><DomainList/></RefererConfiguration>", &[Narrower, Lost]),
        ("the domains of a disabled configuration", Import::Cos, COS_OFF, &[Narrower, Information, Lost, Lost]),
        ("what else asks for the referer", Import::Nginx, NGINX_DENY, &[Lost, Lost, Lost]),
        ("the blacklist of an export", Import::Nginx, &format!("{}valid_referers a.com;", write(&Policy { deny: Pattern::read("http://bad.example").into_iter().collect(), ..Policy::default() }, Export::Nginx).text), &[Lost]),
        ("case", Import::S3, S3_ALLOW, &[Wider]),
        ("an end", Import::S3, &S3_DENY.replace("/*\"]", "/x\"]"), &[Wider, Wider]),
        ("an origin", Import::Obs, OBS_WHITE, &[Wider, Wider]),
        ("an end on the blacklist", Import::Obs, OBS_BLACK, &[Narrower, Narrower, Wider]),
        ("a blank", Import::S3, &S3_DENY.replace("http://www", " http://www"), &[Wider, Wider]),
        ("a variable", Import::S3, &S3_BOTH.replace("http://c.com/*", "${aws:username}"), &[Lost, Wider]),
        ("a rule that only one statement has", Import::S3, &S3_BOTH.replace("\"http://b.com/*\",\"http://c.com/*\"", "\"http://c.com/*\""), &[Narrower, Narrower, Wider]),
        ("a part of the bucket", Import::S3, &S3_DENY.replace("b/*", "b/img/*"), &[Narrower, Wider]),
        ("a part of the bucket that is open", Import::S3, &S3_ALLOW.replace("bucket/*", "bucket/img/*"), &[Wider, Wider]),
        ("parts of the bucket", Import::S3, S3_PARTS, &[Wider, Lost, Wider]),
        ("a part that is closed", Import::S3, S3_CLOSED, &[Lost, Wider]),
        ("a named user", Import::S3, &S3_BLACK.replacen("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"}", 1), &[Lost, Wider]),
        ("a space", Import::Lines, "http://a.com # mine", &[Information, Information]),
    ];
    for (name, format, source, want) in table {
        let imported = read(*format, source);
        assert_eq!(effects(&imported), *want, "{name}: {:?}", imported.notes);
    }
}

#[test]
fn errors_name_their_line() {
    let long = format!("http://a.com/\nhttp://{}\n", "x".repeat(MAX_RULE_BYTES));
    #[rustfmt::skip]
    let table: &[(&str, Import, &str, &str)] = &[
        ("no directive", Import::Nginx, "server_name a;", "line 1: there is no valid_referers"),
        ("no end", Import::Nginx, "\nvalid_referers none", "line 2: \"valid_referers\" has no ; at its end"),
        ("two policies", Import::Nginx, "location /a { valid_referers a.com; }\nlocation /b { valid_referers b.com; }", "line 2: valid_referers is in several blocks, which are several policies"),
        ("a star within", Import::Nginx, "valid_referers none\n a.*.com;", "line 2: \"a.*.com\" is no host; a * may stand for its first or last labels"),
        ("open block", Import::Nginx, "server {\nvalid_referers a.com;\n", "line 3: a { is not closed"),
        ("closed block", Import::Nginx, "valid_referers a.com; }", "line 1: a } closes nothing"),
        ("an open quotation", Import::Nginx, "\nvalid_referers \"a;", "line 2: a quotation is not closed"),
        ("only expressions", Import::Nginx, "valid_referers none ~a;", "nothing is left of the whitelist, and an empty one lets everybody in"),
        ("XML", Import::Cos, "<RefererConfiguration>\n<Status>\n</Statu>", "line 3: the XML is not well-formed"),
        ("a word", Import::Cos, "<RefererConfiguration>\n<Status>On</Status><RefererType>White-List</RefererType></RefererConfiguration>", "line 2: Status is \"On\", not one of [\"Enabled\", \"Disabled\"]"),
        ("no type", Import::Cos, "<RefererConfiguration><Status>Enabled</Status></RefererConfiguration>", "line 1: RefererType is missing"),
        ("no domain", Import::Cos, "<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType></RefererConfiguration>", "nothing is left of the whitelist"),
        ("JSON", Import::S3, "{\n\"Statement\": [\n}", "line 3: expected value"),
        ("an unknown member", Import::S3, "{\"Statement\":[{\"Effect\":\"Deny\",\n\"Conditions\":{}}]}", "line 2: unknown field `Conditions`"),
        ("a member twice", Import::S3, &S3_DENY.replace("{\"aws:Referer\"", "{\"aws:Referer\":[],\"aws:Referer\""), "line 1: aws:Referer is there twice"),
        ("another condition on what is granted", Import::S3, &S3_ALLOW.replace("{\"StringLike\"", "{\"IpAddress\":{\"aws:SourceIp\":\"1.2.3.4\"},\"StringLike\""), "nothing is left of the whitelist"),
        ("nothing about referers", Import::Obs, "{\"Statement\":[]}", "no statement says anything about referers that could be taken over"),
        ("nothing", Import::Lines, "", "there is no rule in it"),
        ("only comments", Import::Lines, "# http://a.com/\n\n", "there is no rule in it"),
        ("a long rule", Import::Lines, &long, "line 2: the rule has 1031 bytes, it may have 1024"),
        ("a control character", Import::Lines, "a\n!b\u{7}", "line 2: the rule has the control character '\\u{7}'"),
    ];
    for (name, format, source, want) in table {
        let err = import(*format, source.as_bytes(), LIMIT).unwrap_err().to_string();
        assert!(err.starts_with(want), "{name}: {err}");
    }
}

#[test]
fn sizes_and_encodings_are_bounded() {
    let large = import(Import::Lines, &[b'a'; 11], 10).unwrap_err();
    assert_eq!(large, ImportError::TooLarge { bytes: 11, limit: 10 });
    assert_eq!(import(Import::Lines, b"a\n\xff", 10).unwrap_err(), ImportError::Encoding(2));
    assert_eq!(texts(&read(Import::Lines, "\u{feff}a").policy.allow), ["a"]);
}

#[test]
fn lines_are_read_back() {
    let list = |texts: &[&str]| texts.iter().filter_map(|it| Pattern::read(it)).collect::<Vec<_>>();
    let allow = list(&["http://a.com/", "#b", "!c", "\\d", "*"]);
    let deny = list(&["http://x.com", "!y", "#z", "\\w"]);
    let policy = Policy { allow, deny, ..Policy::default() };
    let exported = write(&policy, Export::Lines);
    assert_eq!(exported.notes, []);
    assert_eq!(read(Import::Lines, &exported.text).policy, policy);
    let strict = Policy { empty: EmptyReferer::Deny, compare: Compare::Origin, ..policy };
    let exported = write(&strict, Export::Lines);
    assert!(exported.text.starts_with("# not said by the lines: empty referers are denied\n"));
    assert_eq!(exported.notes.len(), 2);
}

#[test]
fn the_form_for_nginx() {
    let list = |texts: &[&str]| texts.iter().filter_map(|it| Pattern::read(it)).collect::<Vec<_>>();
    let policy = Policy {
        empty: EmptyReferer::Allow,
        compare: Compare::Origin,
        allow: list(&["http://*.a.com/", "https://*.a.com/", "http://b.com", "x:y"]),
        deny: list(&["*.a.com/bad", "http://e\"v$l.com/"]),
    };
    let want = r#"# For a location or server. Generated: changes belong elsewhere.
if ($http_referer ~* "^http://e\x22v\x24l\.com(?:[/?#\x00]|$)") {
    return 403;
}
valid_referers none
               refgate.invalid
               "~^[^/?#]*\.a\.com(?:[/?#\x00]|$)"
               "~^b\.com";
if ($invalid_referer) {
    return 403;
}
# information, `*.a.com/bad`: it can match nothing, so it is left out
# lost, `x:y`: valid_referers sees nothing that does not begin with http
# wider, `http://b.com`: nginx does not look at the scheme: https:// is admitted, too
# narrower: a Referer without a value is neither `none` nor valid to nginx
"#;
    assert_eq!(write(&policy, Export::Nginx).text, want);
    let open = write(&Policy::default(), Export::Nginx).text;
    assert!(open.ends_with("# There is no whitelist: everything else passes.\n"), "{open}");
}

/// What goes beyond OSS is in no format; whoever reads the result is told.
#[test]
fn settings_are_noted() {
    use crate::domain::referer::{DenialAnswer, HostRule, MalformedReferer, MissingReferer, Mode};
    use Effect::{Information, Narrower, Wider};
    let off = Extras::default;
    let key = DenialAnswer::Substitute("no.png".parse().unwrap());
    #[rustfmt::skip]
    let table = [
        (off(), None),
        (Extras { mode: Mode::Monitor, ..off() }, Some(Narrower)),
        (Extras { host: HostRule::Strict, ..off() }, Some(Wider)),
        (Extras { missing: MissingReferer::Allow, ..off() }, Some(Narrower)),
        (Extras { missing: MissingReferer::Deny, ..off() }, Some(Wider)),
        (Extras { missing: MissingReferer::DenyCrossSiteEmbeds, ..off() }, Some(Wider)),
        (Extras { malformed: MalformedReferer::Deny, ..off() }, Some(Wider)),
        (Extras { denial: key, ..off() }, Some(Information)),
    ];
    for (extras, want) in table {
        for &format in Export::ALL {
            let exported = export(&Policy::default(), &extras, format);
            let effects: Vec<_> = exported.notes.iter().map(|note| note.effect).collect();
            assert_eq!(effects, want.into_iter().collect::<Vec<_>>(), "{format} {extras:?}");
            let commented = exported.text.contains("the setting ");
            let can = matches!(format, Export::Nginx | Export::Lines);
            assert_eq!(commented, can && want.is_some(), "{format} {extras:?}");
        }
    }
}
