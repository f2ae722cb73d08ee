//! `openapi.yaml` and what is served are the same, in both directions; and the document is one.
//!
//! Source: OpenAPI Specification 3.1.

#![expect(clippy::unwrap_used, reason = "a document without its parts fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use refgate::domain::acl::Access;
use refgate::domain::code::{Code, reasons};
use refgate::domain::op::{Action, Content, Level, Verb};
use refgate::http::admin::ROUTES;
use refgate::http::links;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// The methods that a path item can have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation of the document.
struct Operation {
    method: &'static str,
    path: &'static str,
    /// What its path item says of all its operations.
    item: &'static Value,
    value: &'static Value,
}

impl Operation {
    fn id(&self) -> &'static str {
        text(self.value, "operationId")
    }

    fn is_admin(&self) -> bool {
        strings(self.value, "tags").any(|tag| tag == "admin")
    }

    fn is_about_links(&self) -> bool {
        strings(self.value, "tags").any(|tag| tag == "links")
    }

    /// Its parameters and those of its path, resolved.
    fn parameters(&self) -> impl Iterator<Item = &'static Value> {
        list(self.item, "parameters").chain(list(self.value, "parameters")).map(resolved)
    }
}

fn operations() -> impl Iterator<Item = Operation> {
    members(&DOCUMENT, "paths").flat_map(|(path, item)| {
        let found = METHODS.into_iter().filter_map(move |method| Some((method, item.get(method)?)));
        found.map(move |(method, value)| Operation { method, path, item, value })
    })
}

fn text(value: &'static Value, name: &str) -> &'static str {
    let found = value.get(name).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text {name} in {value}"))
}

fn list(value: &'static Value, name: &str) -> impl Iterator<Item = &'static Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: &'static Value, name: &str) -> impl Iterator<Item = &'static str> {
    list(value, name).map(|item| item.as_str().unwrap())
}

fn members(
    value: &'static Value,
    name: &str,
) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let object = value.get(name).and_then(Value::as_object).into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value))
}

/// What a reference refers to; anything else is itself.
fn resolved(value: &'static Value) -> &'static Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
    let pointer = reference.strip_prefix('#').unwrap();
    DOCUMENT.pointer(pointer).unwrap_or_else(|| panic!("{reference} is nowhere"))
}

/// Visits a value and all that is in it, with the name under which each stands.
fn walk(
    name: &'static str,
    value: &'static Value,
    visit: &mut impl FnMut(&'static str, &'static Value),
) {
    visit(name, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(name, item, visit)),
        Value::Object(items) => items.iter().for_each(|(name, item)| walk(name, item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The method and the path of an operation in the document.
fn described(action: Action) -> (&'static str, String) {
    let method = match action.verb() {
        Verb::Get => "get",
        Verb::Head => "head",
        Verb::Put => "put",
        Verb::Post => "post",
        Verb::Delete => "delete",
        Verb::Options => "options",
    };
    let path = match action.level() {
        Level::Service => "/",
        Level::Bucket => "/{bucket}",
        Level::Object => "/{bucket}/{key}",
    };
    let sub = action.sub_resource().map(|sub| format!("?{sub}")).unwrap_or_default();
    let copy = if action.content() == Content::Copied { "#copy" } else { "" };
    (method, format!("{path}{sub}{copy}"))
}

#[test]
fn what_is_served_is_described_and_nothing_else() {
    let mut served: BTreeSet<(String, String, &str)> = BTreeSet::new();
    for &action in Action::ALL {
        let (method, path) = described(action);
        assert!(served.insert((path, method.to_owned(), action.name())), "{action:?} twice");
    }
    let data = operations().filter(|it| !it.is_admin() && !it.is_about_links());
    let described = data.map(|o| (o.path.to_owned(), o.method.to_owned(), o.id())).collect();
    assert_eq!(served, described);
}

#[test]
fn the_admin_plane_is_described_and_nothing_else() {
    let served: BTreeSet<(&str, &str)> = ROUTES.iter().copied().collect();
    let admin = operations().filter(Operation::is_admin);
    let described = admin.map(|operation| (operation.method, operation.path)).collect();
    assert_eq!(served, described);
    for operation in operations().filter(Operation::is_admin) {
        let own = list(operation.item, "servers").next().unwrap();
        assert_ne!(Some(own), list(&DOCUMENT, "servers").next(), "the planes share nothing");
    }
}

#[test]
fn the_distribution_service_is_described_and_nothing_else() {
    let served: BTreeSet<(&str, &str)> = links::ROUTES.iter().copied().collect();
    let described = operations().filter(Operation::is_about_links);
    assert_eq!(served, described.map(|operation| (operation.method, operation.path)).collect());
}

/// Who may ask is described as it is decided.
#[test]
fn permissions_are_those_of_the_table() {
    for &action in Action::ALL {
        let operation = operations().find(|operation| operation.id() == action.name()).unwrap();
        assert_eq!(text(operation.value, "x-oss-permission"), action.permission(), "{action:?}");
        let access = match action.access() {
            Access::Read => "read",
            Access::Write => "write",
            Access::Own => "own",
            Access::Anyone => "anyone",
        };
        assert_eq!(text(operation.value, "x-oss-access"), access, "{action:?}");
        let own = operation.value.get("security");
        let ways = own.unwrap_or(&DOCUMENT["security"]).as_array().unwrap();
        let anybody = ways.iter().any(|way| way.as_object().unwrap().is_empty());
        assert_eq!(anybody, action.access() != Access::Own, "{action:?}");
        // Signature versions 1 and 4, each in the header and in the URL. A form has them in fields.
        let is_form = action == Action::PostObject;
        let signed = if is_form || action.access() == Access::Anyone { 0 } else { 4 };
        assert_eq!(ways.len(), signed + usize::from(anybody), "{action:?}");
        let names_referer = operation.parameters().any(|parameter| parameter["name"] == "Referer");
        // A preflight has the parameters of its path, the referer among them, and is not asked.
        assert_eq!(names_referer, is_form || action.level() == Level::Object, "{action:?}");
    }
}

#[test]
fn errors_are_those_of_the_table() {
    let enumerated = |pointer: &str| -> BTreeSet<&str> {
        strings(DOCUMENT.pointer(pointer).unwrap(), "enum").collect()
    };
    let codes = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(enumerated("/components/schemas/Code"), codes);
    let causes = reasons().filter_map(|(_, reason)| reason.ec).collect();
    assert_eq!(enumerated("/components/schemas/EC"), causes);
}

/// Each answer of an error that is described has a code with this status.
#[test]
fn statuses_are_those_of_codes() {
    let known: BTreeSet<_> =
        Code::ALL.iter().map(|code| code.status().as_str().to_owned()).collect();
    for operation in operations() {
        for (status, _) in members(operation.value, "responses") {
            let error = status.starts_with(['4', '5']);
            // The admin plane asks for a key, where OSS never does; and the distribution service does
            // not speak OSS's protocol.
            let asks = operation.is_admin() && status == "401" || operation.is_about_links();
            assert!(!error || asks || known.contains(status), "{}: {status}", operation.id());
        }
    }
}

#[test]
fn the_document_says_what_it_is() {
    assert!(text(&DOCUMENT, "openapi").starts_with("3.1."));
    assert_eq!(text(&DOCUMENT["info"], "title"), env!("CARGO_PKG_NAME"));
    assert_eq!(text(&DOCUMENT["info"], "version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&DOCUMENT["info"]["license"], "identifier"), env!("CARGO_PKG_LICENSE"));
}

#[test]
fn operations_have_all_that_the_specification_requires() {
    let tags: BTreeSet<_> = list(&DOCUMENT, "tags").map(|tag| text(tag, "name")).collect();
    let mut ids = BTreeSet::new();
    for operation in operations() {
        let id = operation.id();
        assert!(ids.insert(id), "{id} twice");
        assert!(!text(operation.value, "summary").is_empty(), "{id}");
        let own: Vec<_> = strings(operation.value, "tags").collect();
        assert!(own.len() == 1 && own.iter().all(|tag| tags.contains(tag)), "{id}: {own:?}");
        let responses: Vec<_> = members(operation.value, "responses").collect();
        assert!(responses.iter().any(|(status, _)| status.starts_with('2')), "{id}");
        assert!(responses.iter().any(|(status, _)| *status == "default"), "{id}");
        for (status, response) in responses {
            assert!(!text(resolved(response), "description").is_empty(), "{id} {status}");
            let number = status.parse().is_ok_and(|number: u16| (100..600).contains(&number));
            assert!(number || status == "default", "{id}: {status}");
        }
        if let Some(body) = operation.value.get("requestBody") {
            assert!(members(body, "content").next().is_some(), "{id}");
            assert!(["put", "post"].contains(&operation.method), "{id}");
        }
    }
}

#[test]
fn paths_and_parameters_have_all_that_the_specification_requires() {
    for (path, item) in members(&DOCUMENT, "paths") {
        assert!(path.starts_with('/'), "{path}");
        for name in item.as_object().unwrap().keys() {
            let known = METHODS.contains(&name.as_str())
                || ["parameters", "servers", "summary", "description"].contains(&name.as_str());
            assert!(known, "{path}: {name}");
        }
    }
    for operation in operations() {
        let templates = operation.path.split('{').skip(1);
        let wanted: BTreeSet<_> = templates.map(|rest| rest.split('}').next().unwrap()).collect();
        let (mut in_path, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for parameter in operation.parameters() {
            let (name, place) = (text(parameter, "name"), text(parameter, "in"));
            assert!(["path", "query", "header"].contains(&place), "{name} in {place}");
            assert!(seen.insert((place, name)), "{}: {name} twice", operation.id());
            assert!(parameter.get("schema").is_some(), "{name}");
            assert!(!text(parameter, "description").is_empty(), "{name}");
            if place == "path" {
                assert_eq!(parameter.get("required"), Some(&Value::Bool(true)), "{name}");
                in_path.insert(name);
            }
        }
        assert_eq!(in_path, wanted, "{}", operation.path);
    }
}

#[test]
fn security_names_what_is_declared() {
    let declared: BTreeMap<_, _> = members(&DOCUMENT["components"], "securitySchemes").collect();
    for scheme in declared.values() {
        if text(scheme, "type") == "http" {
            assert!(["basic", "bearer"].contains(&text(scheme, "scheme")));
            continue;
        }
        assert_eq!(text(scheme, "type"), "apiKey");
        assert!(["header", "query"].contains(&text(scheme, "in")) && scheme.get("name").is_some());
    }
    let mut used = BTreeSet::new();
    walk("", &DOCUMENT, &mut |name, value| {
        if let ("security", Value::Object(ways)) = (name, value) {
            used.extend(ways.keys().map(String::as_str));
        }
    });
    assert_eq!(used, declared.into_keys().collect());
}

#[test]
fn references_lead_somewhere_and_every_component_is_used() {
    let mut used = BTreeSet::new();
    walk("", &DOCUMENT, &mut |name, value| {
        if let ("$ref", Value::String(reference)) = (name, value) {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference}"));
            assert!(DOCUMENT.pointer(pointer).is_some(), "{reference} is nowhere");
            used.insert(pointer.to_owned());
        }
    });
    let mut declared = BTreeSet::new();
    for kind in ["parameters", "headers", "responses", "schemas"] {
        for (name, _) in members(&DOCUMENT["components"], kind) {
            declared.insert(format!("/components/{kind}/{name}"));
        }
    }
    assert_eq!(used, declared);
}

#[test]
fn schemas_are_schemas() {
    const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "object", "array"];
    let mut schemas: Vec<_> = members(&DOCUMENT["components"], "schemas").collect();
    walk("", &DOCUMENT, &mut |name, value| {
        if name == "schema" || name == "items" {
            schemas.push((name, value));
        } else if name == "properties" {
            schemas.extend(value.as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v)));
        }
    });
    assert!(schemas.len() > 100, "they are found");
    for (name, schema) in schemas {
        if ["$ref", "allOf", "oneOf"].iter().any(|other| schema.get(other).is_some()) {
            continue;
        }
        // What can also be null has both in a list, null last.
        let kind = match schema.get("type").and_then(Value::as_array).map(Vec::as_slice) {
            Some([kind, null]) if null == "null" => kind.as_str().unwrap(),
            _ => text(schema, "type"),
        };
        assert!(TYPES.contains(&kind), "{name}: {kind}");
        assert_eq!(kind == "array", schema.get("items").is_some(), "{name}");
        for required in strings(schema, "required") {
            assert!(schema["properties"].get(required).is_some(), "{name}: {required}");
        }
    }
}
