//! What statements cost: however many objects there are, none is found by looking at all of them.
//!
//! The statements are read from the sources, so a new one is held to it, too.

use std::fs;
use std::path::Path;

use regex::Regex;

use super::*;

/// Tables that can have millions of rows.
const LARGE: &str = "objects|extents|uploads|parts|part_extents|delivery_clients";

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every constant text that is a statement.
fn statements() -> Vec<String> {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/meta/sqlite"), &mut texts);
    let text = Regex::new(r#"(?s)const [A-Z_]+: &str =\s*"([^"]*)";"#).unwrap();
    let verb = Regex::new(r"^\s*(select|insert|update|delete|with)\s").unwrap();
    let all = texts.iter().flat_map(|source| text.captures_iter(source));
    all.map(|found| found[1].to_owned()).filter(|sql| verb.is_match(sql)).collect()
}

async fn plan(meta: &Sqlite, sql: &str) -> Vec<String> {
    let sql = AssertSqlSafe(format!("explain query plan {sql}"));
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(sql).fetch_all(&meta.readers).await.unwrap();
    rows.into_iter().map(|row| row.3).collect()
}

#[tokio::test]
async fn no_statement_looks_at_every_object() {
    let (_folder, meta, _) = fresh().await;
    let statements = statements();
    assert!(statements.len() > 60, "only {} were found", statements.len());
    let large = Regex::new(&format!(r"(?:from|join)\s+({LARGE})(?:\s+(\w+))?")).unwrap();
    let mut found = 0;
    for sql in &statements {
        let names: Vec<_> = large
            .captures_iter(sql)
            .flat_map(|name| [name.get(1), name.get(2)])
            .flatten()
            .map(|name| format!("SCAN {} ", name.as_str()))
            .collect();
        found += usize::from(!names.is_empty());
        for step in plan(&meta, sql).await {
            let scans = names.iter().any(|name| format!("{step} ").starts_with(name));
            assert!(!scans || step.contains("VIRTUAL TABLE"), "{step} in {sql}");
        }
    }
    assert!(found > 15, "only {found} statements are about large tables");
}

/// When a row goes, SQLite looks for those that refer to it, in each table that can.
#[tokio::test]
async fn what_refers_to_a_row_is_found_by_an_index() {
    const KEYS: &str = "
        select m.name, f.id, f.\"from\" from sqlite_master m, pragma_foreign_key_list(m.name) f
        where m.type = 'table' order by m.name, f.id, f.seq";
    let (_folder, meta, _) = fresh().await;
    let rows: Vec<(String, i64, String)> =
        sqlx::query_as(KEYS).fetch_all(&meta.readers).await.unwrap();
    assert!(rows.len() > 10, "{rows:?}");
    for key in rows.chunk_by(|a, b| (&a.0, a.1) == (&b.0, b.1)) {
        let table = &key[0].0;
        let columns: Vec<_> = key.iter().map(|row| format!("{} = ?", row.2)).collect();
        let sql = format!("select 1 from {table} where {}", columns.join(" and "));
        let plan = plan(&meta, &sql).await;
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{sql}: {plan:?}");
    }
}
