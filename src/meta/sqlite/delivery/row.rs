//! Delivery domains as rows, and back.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use crate::domain::delivery::{Issue, Terms};
use crate::domain::name::{BucketId, DomainId};
use crate::domain::seal::Sealed;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{Choices, Regions};
use crate::meta::DeliveryDomain;
use crate::meta::sqlite::parsed;

/// A row of `delivery_domains`, exactly as SQLite takes and returns it.
#[derive(sqlx::FromRow)]
pub(super) struct DomainRow {
    id: Vec<u8>,
    pub(super) host: String,
    bucket_id: i64,
    created: i64,
    updated: i64,
    prefix: String,
    referer: String,
    origin: String,
    direct: String,
    error_header: String,
    playlists: String,
    link_lifetime: Option<u32>,
    link_preview: u32,
    link_clients: u8,
    scheme: Option<String>,
    validity: Option<u32>,
    tolerance: Option<u32>,
    max_future: Option<u32>,
    time: Option<String>,
    algorithm: Option<String>,
    form: Option<String>,
    parameters: String,
    profile: Option<String>,
    us_length: Option<u8>,
    regions: String,
    expression: Option<String>,
    key_scheme: Option<String>,
    primary_key: Option<Vec<u8>>,
    secondary_key: Option<Vec<u8>>,
}

impl DomainRow {
    pub(super) fn of(domain: &DeliveryDomain) -> Self {
        let DeliveryDomain { terms, .. } = domain;
        let word = |word: &str| word.to_owned();
        let signing = terms.signing.as_ref();
        let names = signing.map(|choices| choices.names.as_slice()).unwrap_or_default();
        let regions = signing.map(|choices| choices.regions).unwrap_or_default();
        Self {
            id: domain.id.0.as_bytes().to_vec(),
            host: word(domain.host.as_str()),
            bucket_id: domain.bucket.0,
            created: domain.created.0,
            updated: domain.updated.0,
            prefix: word(terms.prefix.as_str()),
            referer: word(terms.referer.as_str()),
            origin: word(terms.origin.as_str()),
            direct: word(terms.direct.as_str()),
            error_header: word(terms.errors.as_str()),
            playlists: word(terms.playlists.as_str()),
            link_lifetime: terms.issue.lifetime(),
            link_preview: terms.issue.preview(),
            link_clients: terms.issue.clients(),
            scheme: signing.map(|choices| word(choices.scheme.as_str())),
            validity: signing.and_then(|choices| choices.validity),
            tolerance: signing.and_then(|choices| choices.tolerance),
            max_future: signing.and_then(|choices| choices.max_future),
            time: signing.and_then(|choices| Some(word(choices.time?.as_str()))),
            algorithm: signing.and_then(|choices| Some(word(choices.algorithm?.as_str()))),
            form: signing.and_then(|choices| Some(word(choices.form?.as_str()))),
            // Pairs of texts are a form that JSON has.
            parameters: serde_json::to_string(names).unwrap_or_default(),
            profile: signing.and_then(|choices| Some(word(choices.profile?.as_str()))),
            us_length: signing.and_then(|choices| choices.us_length),
            regions: word(regions_word(regions)),
            expression: signing.and_then(|choices| choices.expression.clone()),
            key_scheme: domain.key_scheme.map(|scheme| word(scheme.as_str())),
            primary_key: domain.primary.as_ref().map(Sealed::to_bytes),
            secondary_key: domain.secondary.as_ref().map(Sealed::to_bytes),
        }
    }

    /// Binds the columns in their order.
    pub(super) fn bind(self, sql: &'static str) -> Query<'static, Sqlite, SqliteArguments> {
        sqlx::query(sql)
            .bind(self.id)
            .bind(self.host)
            .bind(self.bucket_id)
            .bind(self.created)
            .bind(self.updated)
            .bind(self.prefix)
            .bind(self.referer)
            .bind(self.origin)
            .bind(self.direct)
            .bind(self.error_header)
            .bind(self.playlists)
            .bind(self.link_lifetime)
            .bind(self.link_preview)
            .bind(self.link_clients)
            .bind(self.scheme)
            .bind(self.validity)
            .bind(self.tolerance)
            .bind(self.max_future)
            .bind(self.time)
            .bind(self.algorithm)
            .bind(self.form)
            .bind(self.parameters)
            .bind(self.profile)
            .bind(self.us_length)
            .bind(self.regions)
            .bind(self.expression)
            .bind(self.key_scheme)
            .bind(self.primary_key)
            .bind(self.secondary_key)
    }

    /// Reads the row. Nothing of it has a default.
    pub(super) fn read(&self) -> Result<DeliveryDomain, String> {
        let id = Uuid::from_slice(&self.id).map_err(|err| format!("id: {err}"))?;
        let issue = Issue::new(self.link_lifetime, self.link_preview, self.link_clients);
        let terms = Terms {
            prefix: column("prefix", &self.prefix)?,
            signing: self.signing()?,
            referer: column("referer", &self.referer)?,
            origin: column("origin", &self.origin)?,
            direct: column("direct", &self.direct)?,
            errors: column("error_header", &self.error_header)?,
            playlists: column("playlists", &self.playlists)?,
            issue: issue.map_err(|err| err.to_string())?,
        };
        Ok(DeliveryDomain {
            id: DomainId(id),
            host: column("host", &self.host)?,
            bucket: BucketId(self.bucket_id),
            created: UnixMillis(self.created),
            updated: UnixMillis(self.updated),
            terms,
            key_scheme: optional("key_scheme", self.key_scheme.as_deref())?,
            primary: key("primary_key", self.primary_key.as_deref())?,
            secondary: key("secondary_key", self.secondary_key.as_deref())?,
        })
    }

    fn signing(&self) -> Result<Option<Choices>, String> {
        let Some(scheme) = &self.scheme else { return Ok(None) };
        let names: Vec<(String, String)> =
            serde_json::from_str(&self.parameters).map_err(|err| format!("parameters: {err}"))?;
        Ok(Some(Choices {
            scheme: column("scheme", scheme)?,
            validity: self.validity,
            tolerance: self.tolerance,
            max_future: self.max_future,
            time: optional("time", self.time.as_deref())?,
            algorithm: optional("algorithm", self.algorithm.as_deref())?,
            form: optional("form", self.form.as_deref())?,
            names,
            profile: optional("profile", self.profile.as_deref())?,
            us_length: self.us_length,
            regions: regions(&self.regions)?,
            expression: self.expression.clone(),
        }))
    }
}

fn column<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, String> {
    parsed(text).map_err(|reason| format!("{name}: {reason}"))
}

fn optional<T: FromStr<Err: Display>>(name: &str, text: Option<&str>) -> Result<Option<T>, String> {
    text.map(|text| column(name, text)).transpose()
}

fn key(name: &str, bytes: Option<&[u8]>) -> Result<Option<Sealed>, String> {
    let read = |bytes| Sealed::from_bytes(bytes).ok_or_else(|| format!("{name} is too short"));
    bytes.map(read).transpose()
}

const fn regions_word(regions: Regions) -> &'static str {
    match regions {
        Regions::Known => "known",
        Regions::Unknown => "unknown",
    }
}

fn regions(word: &str) -> Result<Regions, String> {
    match word {
        "known" => Ok(Regions::Known),
        "unknown" => Ok(Regions::Unknown),
        _ => Err(format!("regions: {word:?} is neither `known` nor `unknown`")),
    }
}
