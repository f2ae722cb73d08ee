use super::*;

fn file(text: &str) -> Result<Settings, SettingError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refgate.toml");
    std::fs::write(&path, text).unwrap();
    Layer::from_file(Some(&path))?.settings()
}

#[test]
fn a_nearer_source_wins() {
    let flags = Layer { region: Some("cn-beijing".into()), ..Layer::default() };
    let other =
        Layer { region: Some("cn-shanghai".into()), vary_referer: Some(false), ..Layer::default() };
    let settings = flags.or(other).settings().unwrap();
    assert_eq!(settings.region.as_str(), "cn-beijing");
    assert!(!settings.vary_referer);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:9000");
}

#[test]
fn a_wrong_setting_is_one_line_that_names_it() {
    #[rustfmt::skip]
    let table = [
        ("region = \"oss-cn\"",              "region"),
        ("max_connections = 0",              "max_connections"),
        ("max_connections = 1000001",        "1 to 1000000"),
        ("worker_threads = 0",               "worker_threads"),
        ("worker_threads = 1025",            "1 to 1024"),
        ("base_domains = [\"\"]",            "base_domains"),
        ("base_domains = [\"http://a/\"]",   "base_domains"),
        ("base_domains = [\"a.example:80\"]", "base_domains"),
        ("cnames = [\"=photos\"]",           "cnames"),
        ("cnames = [\"a.example=one\", \"A.example.=two\"]", "twice"),
        ("trusted_proxies = [\"10.0.0.0/8\", \"proxy.example\"]", "10.0.0.0/8"),
        ("client_region_header = \"X-Region\"", "trusted_proxies is empty"),
        ("trusted_proxies = [\"10.0.0.0/8\"]\nclient_region_header = \"a b\"", "client_region_header"),
        ("public_endpoint = \"http://a/\"",  "public_endpoint"),
        ("public_endpoint = \"a:99999\"",    "public_endpoint"),
        ("sign_host = \"http://a/\"",        "sign_host"),
        ("sign_open = true",                "there is no sign_host"),
        ("header_timeout = 0",               "header_timeout"),
        ("stats_days = 0",                   "stats_days"),
        ("subject_hours = 2401",             "must be 1 to 2400"),
        ("cnames = [\"a.example\"]",         "HOST=BUCKET"),
        ("cnames = [\"a.example=X\"]",       "3 to 63 bytes"),
        ("colour = 1",                       "line 1: unknown field `colour`"),
        ("\nlisten = \"here\"",              "line 2"),
        ("listen = ",                        "line 1"),
        ("root_access_key_id = \"a\"",       "root_access_key_secret is missing"),
        ("root_access_key_id = \"a b\"\nroot_access_key_secret = \"s\"", "access key id"),
    ];
    for (text, want) in table {
        let message = file(text).unwrap_err().to_string();
        assert!(message.contains(want), "{text}: {message}");
        assert!(!message.contains('\n'), "{text}: {message}");
    }
}

#[test]
fn regions_are_not_read_from_headers_that_say_something_else() {
    let named = |name: &str| {
        file(&format!("trusted_proxies = [\"10.0.0.0/8\"]\nclient_region_header = \"{name}\""))
    };
    #[rustfmt::skip]
    let refused = [
        "Host", "X-Forwarded-For", "x-forwarded-proto", "Forwarded", "Via", "X-Real-IP", "Referer",
        "Origin", "Authorization", "User-Agent", "Cookie", "Range", "Connection", "Content-Length",
        "Accept-Language", "If-None-Match", "X-OSS-Security-Token", "Sec-Fetch-Site",
        "Transfer-Encoding", "Expect",
    ];
    for name in refused {
        let message = named(name).unwrap_err().to_string();
        assert!(message.contains("something else") && message.contains(name), "{message}");
    }
    for name in
        ["X-Client-Region", "CF-IPCountry", "CloudFront-Viewer-Country", "X-Forwarded-Region"]
    {
        assert!(named(name).unwrap().client_region_header.is_some(), "{name}");
    }
}

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let missing = Path::new("no-such-folder/refgate.toml");
    assert!(matches!(Layer::from_file(Some(missing)), Err(SettingError::Unreadable { .. })));
}

#[test]
fn a_secret_is_not_shown_by_an_error() {
    for secret in ["8675309123", "[8675309123]", "8675309123x"] {
        let message =
            file(&format!("root_access_key_id = \"a\"\nroot_access_key_secret = {secret}"));
        let message = message.unwrap_err().to_string();
        assert!(message.contains("line 2") && !message.contains("8675309123"), "{message}");
    }
}

#[test]
fn the_example_file_names_every_setting() {
    macro_rules! names {
        ($($field:ident),*) => { [$(stringify!($field)),*] };
    }
    let text = include_str!("../../refgate.example.toml");
    for name in all_fields!(names) {
        let commented = |mark: &str| text.contains(&format!("\n{mark} {name} = "));
        assert!(commented("#") || commented("#!"), "{name} is missing");
    }
}

#[test]
fn the_example_file_holds_the_defaults() {
    let text = include_str!("../../refgate.example.toml");
    let example: Layer = toml::from_str(&text.replace("# ", "").replace("#!", "#")).unwrap();
    let shown = format!("{:?}", example.settings().unwrap());
    assert_eq!(shown, format!("{:?}", Layer::default().settings().unwrap()));
}
