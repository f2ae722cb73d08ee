//! Rows of `referer_versions`, exactly as SQLite returns them.

use sqlx::SqliteConnection;

use super::{at_leisure, pieces};
use crate::domain::name::BucketId;
use crate::domain::referer::{
    Compare, EmptyReferer, How, Pattern, Policy, PolicyVersion, Record, VersionSummary,
};
use crate::domain::time::UnixMillis;
use crate::meta::MetaError;
use crate::meta::sqlite::{corrupt, count, parsed};

/// A row's key, and the columns that are what was put.
#[derive(sqlx::FromRow)]
pub(super) struct PolicyRow {
    pub(super) bucket_id: i64,
    pub(super) version: i64,
    empty: String,
    compare: String,
    whitelist_rules: i64,
    blacklist_rules: i64,
    whitelist: String,
    blacklist: String,
    /// The number of the pieces that hold the lists, if the row does not.
    lists: Option<i64>,
}

impl PolicyRow {
    /// Reads a policy that is there. Nothing of it has a default. Its pieces are those that the
    /// connection's transaction sees.
    pub(super) async fn read(self, connection: &mut SqliteConnection) -> Result<Policy, MetaError> {
        let (bucket, version) = (self.bucket_id, self.version);
        let bad = move |reason| corrupt_version(bucket, version, reason);
        let empty = match self.empty.as_str() {
            "allow" => EmptyReferer::Allow,
            "deny" => EmptyReferer::Deny,
            other => return Err(bad(format!("empty is {other:?}"))),
        };
        let compare = match self.compare.as_str() {
            "with-query" => Compare::WithQuery,
            "with-path" => Compare::WithPath,
            "origin" => Compare::Origin,
            other => return Err(bad(format!("compare is {other:?}"))),
        };
        let wanted = [self.whitelist_rules, self.blacklist_rules];
        let (allow, deny) = match self.lists {
            Some(lists) => pieces::read(connection, lists).await?,
            None => self.lists_here().await?,
        };
        let rules = [whole(allow.len()), whole(deny.len())];
        if rules != wanted {
            return Err(bad(format!("{rules:?} rules are there and not {wanted:?}")));
        }
        Ok(Policy { empty, compare, allow, deny })
    }

    /// The lists that the row itself holds.
    async fn lists_here(self) -> Result<(Vec<Pattern>, Vec<Pattern>), MetaError> {
        let Self { bucket_id, version, whitelist, blacklist, .. } = self;
        let bytes = whitelist.len() + blacklist.len();
        let read = move || {
            let bad = |reason| corrupt_version(bucket_id, version, reason);
            let allow = read_list(&whitelist).map_err(|why| bad(format!("whitelist: {why}")))?;
            let deny = read_list(&blacklist).map_err(|why| bad(format!("blacklist: {why}")))?;
            Ok((allow, deny))
        };
        at_leisure(bytes, read).await?
    }
}

fn corrupt_version(bucket: i64, version: i64, reason: String) -> MetaError {
    corrupt("referer_versions", format_args!("{bucket}, {version}"), reason)
}

/// A row without its lists.
#[derive(sqlx::FromRow)]
pub(super) struct SummaryRow {
    version: i64,
    #[sqlx(flatten)]
    record: RecordRow,
    whitelist_rules: i64,
    blacklist_rules: i64,
    rule_bytes: i64,
}

impl SummaryRow {
    pub(super) fn read(self, bucket: BucketId) -> Result<VersionSummary, MetaError> {
        let version = self.version;
        let bad = |reason| corrupt_version(bucket.0, version, reason);
        Ok(VersionSummary {
            version: PolicyVersion(version),
            allow: count(self.whitelist_rules).map_err(bad)?,
            deny: count(self.blacklist_rules).map_err(bad)?,
            bytes: count(self.rule_bytes).map_err(bad)?,
            record: self.record.read().map_err(bad)?,
        })
    }
}

/// A row with all that it holds.
#[derive(sqlx::FromRow)]
pub(super) struct VersionRow {
    #[sqlx(flatten)]
    record: RecordRow,
    #[sqlx(flatten)]
    policy: PolicyRow,
}

impl VersionRow {
    pub(super) async fn read(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<(Record, Policy), MetaError> {
        let (bucket, version) = (self.policy.bucket_id, self.policy.version);
        let record = self.record.read().map_err(|reason| corrupt_version(bucket, version, reason));
        Ok((record?, self.policy.read(connection).await?))
    }
}

/// The columns that tell of a change.
#[derive(sqlx::FromRow)]
struct RecordRow {
    at: i64,
    who: Option<String>,
    how: String,
    note: String,
}

impl RecordRow {
    fn read(self) -> Result<Record, String> {
        Ok(Record {
            at: UnixMillis(self.at),
            who: self.who.as_deref().map(parsed).transpose()?,
            how: How::parse(&self.how).ok_or_else(|| format!("how is {:?}", self.how))?,
            note: self.note,
        })
    }
}

pub(super) const fn empty_word(empty: EmptyReferer) -> &'static str {
    match empty {
        EmptyReferer::Allow => "allow",
        EmptyReferer::Deny => "deny",
    }
}

pub(super) const fn compare_word(compare: Compare) -> &'static str {
    match compare {
        Compare::WithQuery => "with-query",
        Compare::WithPath => "with-path",
        Compare::Origin => "origin",
    }
}

/// A length as SQLite has numbers. No list in memory has a length that does not fit.
pub(super) fn whole(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Appends a rule as JSON has it.
pub(super) fn write_rule(rule: &Pattern, out: &mut Vec<u8>) {
    // A text has a form in JSON, and memory takes it, so this cannot fail; what it would leave is
    // no list, which is an error when it is read.
    let _ = serde_json::to_writer(out, rule.as_str());
}

/// Writes a list as JSON.
pub(super) fn list_text(patterns: &[Pattern]) -> String {
    let texts: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
    // As for a rule.
    serde_json::to_string(&texts).unwrap_or_default()
}

/// Reads a list from JSON.
pub(super) fn read_list(text: &str) -> Result<Vec<Pattern>, String> {
    let entries: Vec<String> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let pattern = |entry: String| {
        Pattern::read(&entry)
            // A pattern is stored without white space around it; other text was not a pattern.
            .filter(|pattern| pattern.as_str() == entry)
            .ok_or_else(|| format!("{entry:?} is no pattern"))
    };
    entries.into_iter().map(pattern).collect()
}
