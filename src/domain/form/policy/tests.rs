use super::super::tests::form;
use super::*;

const NOW: UnixMillis = UnixMillis::from_secs(1_676_812_740); // 2023-02-19T13:19:00Z

fn text(text: &str) -> Json {
    Json::Text(text.into())
}

fn number(text: &str) -> Json {
    Json::Number(text.into())
}

fn list(items: &[Json]) -> Json {
    Json::List(items.to_vec())
}

fn texts(items: &[&str]) -> Json {
    Json::List(items.iter().map(|item| text(item)).collect())
}

fn object(members: &[(&str, Json)]) -> Json {
    Json::Object(members.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect())
}

fn policy(conditions: &[Json]) -> Json {
    object(&[("expiration", text("2023-02-19T13:19:00.000Z")), ("conditions", list(conditions))])
}

fn any() -> Json {
    list(&[text("content-length-range"), number("0"), number("10")])
}

#[test]
fn policies_that_cannot_be_read() {
    use InvalidPostPolicy as E;
    let range = |least: Json, most: Json| list(&[text("content-length-range"), least, most]);
    #[rustfmt::skip]
    let table = [
        ("no object",              texts(&[]),                                                       E::NotAnObject("a list")),
        ("nothing",                object(&[]),                                                      E::Empty),
        ("no conditions",          object(&[("expiration", text("2023-02-19T13:19:00.000Z"))]),      E::NoConditions),
        ("no expiration",          object(&[("conditions", list(&[any()]))]),                        E::NoExpiration),
        ("no time",                object(&[("expiration", text("tomorrow")), ("conditions", list(&[any()]))]), E::Expiration),
        ("a local time",           object(&[("expiration", text("2023-02-19T13:19:00")), ("conditions", list(&[any()]))]), E::Expiration),
        ("a number as a time",     object(&[("expiration", number("1")), ("conditions", list(&[any()]))]), E::Expiration),
        ("conditions as a number", object(&[("expiration", text("2023-02-19T13:19:00.000Z")), ("conditions", number("123"))]), E::NotAList),
        ("no condition",           policy(&[]),                                                      E::NoCondition),
        ("what nobody knows",      object(&[("expiration", text("2023-02-19T13:19:00.000Z")), ("conditions", list(&[any()])), ("more", text(""))]), E::Unknown("more".into())),
        ("a number",               policy(&[number("123")]),                                         E::Kind("a number")),
        ("an empty list",          policy(&[list(&[])]),                                             E::Matching(String::new())),
        ("no way of matching",     policy(&[texts(&["$key"])]),                                      E::Matching("$key".into())),
        ("another way",            policy(&[texts(&["ends-with", "$key", "a"])]),                    E::Matching("ends-with".into())),
        ("too many arguments",     policy(&[texts(&["starts-with", "$key", "a", "b"])]),             E::Arguments("starts-with")),
        ("too few",                policy(&[texts(&["eq", "$key"])]),                                E::Arguments("eq")),
        ("a number to equal",      policy(&[list(&[text("eq"), text("$a"), number("200")])]),        E::Type("eq")),
        ("no list to be in",       policy(&[texts(&["not-in", "cache-control", "no-cache"])]),       E::Type("not-in")),
        ("a list of numbers",      policy(&[list(&[text("in"), text("$a"), list(&[number("1")])])]), E::Type("in")),
        ("a list as a name",       policy(&[list(&[text("eq"), texts(&["$a"]), text("")])]),         E::Type("eq")),
        ("two members",            policy(&[object(&[("a", text("1")), ("b", text("2"))])]),         E::NotOneMember),
        ("no member",              policy(&[object(&[])]),                                           E::NotOneMember),
        ("a number as a member",   policy(&[object(&[("a", number("1"))])]),                         E::Type("a condition")),
        ("a range of texts",       policy(&[range(number("10"), text("test"))]),                     E::Bound),
        ("a range of lists",       policy(&[range(list(&[number("1")]), text("test"))]),             E::Bound),
        ("below zero",             policy(&[range(number("-1"), number("1"))]),                      E::Bound),
        ("half a byte",            policy(&[range(number("0.5"), number("1"))]),                     E::Bound),
        ("a range backwards",      policy(&[range(number("20"), number("10"))]),                     E::Range),
        ("a range of one end",     policy(&[list(&[text("content-length-range"), number("1")])]),    E::Arguments("content-length-range")),
    ];
    for (name, json, want) in table {
        assert_eq!(PostPolicy::read(&json), Err(want), "{name}");
    }
}

#[test]
fn conditions() {
    let upload = || {
        let fields = [
            ("key", "user/eric/${filename}"),
            ("Content-Type", "image/png"),
            ("success_action_status", "200"),
            ("x-oss-meta-empty", ""),
        ];
        form(&fields, (Some("a.jpg"), Some("text/html")))
    };
    let in_list = |matching: &str, field: &str, values: &[&str]| {
        list(&[text(matching), text(field), texts(values)])
    };
    #[rustfmt::skip]
    let table = [
        ("the bucket",               object(&[("bucket", text("johnsmith"))]),                true),
        ("another bucket",           texts(&["eq", "$bucket", "john"]),                       false),
        ("the key before it is made", texts(&["eq", "$key", "user/eric/${filename}"]),        true),
        ("not the key that is made", texts(&["eq", "$key", "user/eric/a.jpg"]),               false),
        ("the begin of the key",     texts(&["starts-with", "$key", "user/eric/"]),           true),
        ("another begin",            texts(&["starts-with", "$key", "user/john/"]),           false),
        ("longer than the key",      texts(&["starts-with", "$key", "user/eric/${filename}x"]), false),
        ("without a $, any case",    texts(&["eq", "Success_Action_Status", "200"]),          true),
        ("values have case",         texts(&["starts-with", "$key", "User/"]),                false),
        ("the type that is stored",  in_list("in", "$content-type", &["text/html"]),          true),
        ("not the one that is not",  in_list("in", "$content-type", &["image/jpg", "image/png"]), false),
        ("nor one of these",         in_list("not-in", "$Content-Type", &["text/html"]),      false),
        ("not in a list",            in_list("not-in", "$key", &["a", "b"]),                  true),
        ("what it becomes is in it", in_list("not-in", "$key", &["user/eric/a.jpg"]),         false),
        ("in an empty list",         in_list("in", "$key", &[]),                              false),
        ("what is empty",            texts(&["eq", "$x-oss-meta-empty", ""]),                 true),
        ("what is not there",        texts(&["eq", "$x-oss-meta-none", ""]),                  false),
        ("a begin that is not there", texts(&["starts-with", "$x-oss-meta-none", ""]),        false),
        ("any begin",                texts(&["starts-with", "$success_action_status", ""]),   true),
        ("not in, not there",        in_list("not-in", "$cache-control", &["no-cache"]),      true),
    ];
    let bucket = "johnsmith".parse().unwrap();
    for (name, condition, want) in table {
        let policy = PostPolicy::read(&policy(&[any(), condition])).unwrap();
        let got = policy.check(&bucket, &upload(), NOW);
        assert_eq!(got.is_ok(), want, "{name}: {got:?}");
    }
}

/// The example of "0006-00000227".
#[test]
fn a_condition_that_fails_is_shown() {
    let policy = policy(&[texts(&["eq", "success_action_status", "200"])]);
    let policy = PostPolicy::read(&policy).unwrap();
    let bucket = "johnsmith".parse().unwrap();
    let refused = policy.check(&bucket, &UploadForm::default(), NOW).unwrap_err();
    let want = "Policy Condition failed: [\"eq\", \"$success_action_status\", \"200\"]";
    assert_eq!(refused.to_string(), want);
}

#[test]
fn the_end_is_the_last_moment() {
    let policy = PostPolicy::read(&policy(&[any()])).unwrap();
    let check = |now| policy.check(&"bucket".parse().unwrap(), &UploadForm::default(), now);
    assert!(check(NOW).is_ok());
    assert_eq!(check(UnixMillis(NOW.0 + 1)), Err(Unmet::Expired));
}

#[test]
fn ranges_are_all_meant() {
    let range = |least: &str, most: &str| {
        list(&[text("content-length-range"), number(least), number(most)])
    };
    let policy = PostPolicy::read(&policy(&[range("1", "10"), range("0", "20"), range("3", "9")]));
    let allowed = policy.unwrap().check(&"bucket".parse().unwrap(), &UploadForm::default(), NOW);
    assert_eq!(allowed, Ok(SizeRange { least: 3, most: 9 }));
}
