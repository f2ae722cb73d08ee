//! Delivery domains.

mod ends;
mod row;
mod seats;
pub(super) mod tally;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::writer::Operation;
use super::{Sqlite, corrupt, read_error};
use crate::domain::delivery::{KeyEnd, Seat, Tally};
use crate::domain::name::DomainId;
use crate::domain::op::HostName;
use crate::domain::stats::Day;
use crate::meta::{DeliveryDomain, DeliveryDomains, MetaError, PutDomain};
use row::DomainRow;

const COLUMNS: &str = "
    select id, host, bucket_id, created, updated, prefix, referer, origin, direct, error_header,
           playlists, link_lifetime, link_preview, link_clients, scheme, validity, tolerance,
           max_future, time, algorithm, form, parameters, profile, us_length, regions, expression,
           key_scheme, primary_key, secondary_key
    from delivery_domains";

#[async_trait]
impl DeliveryDomains for Sqlite {
    async fn all_domains(&self) -> Result<Vec<DeliveryDomain>, MetaError> {
        let rows: Vec<DomainRow> =
            sqlx::query_as(COLUMNS).fetch_all(&self.readers).await.map_err(read_error)?;
        rows.iter().map(domain).collect()
    }

    async fn find_domain(&self, host: &HostName) -> Result<Option<DeliveryDomain>, MetaError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} where host = ?1"));
        let row: Option<DomainRow> = sqlx::query_as(sql)
            .bind(host.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        row.as_ref().map(domain).transpose()
    }

    async fn put_domain(&self, domain: &DeliveryDomain) -> Result<PutDomain, MetaError> {
        self.writer.submit(Put(domain.clone())).await
    }

    async fn delete_domain(&self, id: DomainId) -> Result<bool, MetaError> {
        self.writer.submit(Delete(id)).await
    }

    async fn tallies_of(&self, id: DomainId, first: Day) -> Result<Vec<Tally>, MetaError> {
        tally::read(self, id, first).await
    }

    async fn put_key_ends(&self, ends: Vec<KeyEnd>) -> Result<(), MetaError> {
        self.writer.submit(ends::Put(ends)).await
    }

    async fn key_end(&self, id: DomainId, key_id: &str) -> Result<Option<i64>, MetaError> {
        ends::read(self, id, key_id).await
    }

    async fn prune_key_ends(&self, now: i64) -> Result<(), MetaError> {
        self.writer.submit(Prune(ends::PRUNE, now)).await
    }

    async fn seats(&self, now: i64) -> Result<Vec<Seat>, MetaError> {
        seats::read(self, now).await
    }

    async fn put_seat(&self, seat: &Seat) -> Result<(), MetaError> {
        self.writer.submit(seats::Put(*seat)).await
    }

    async fn prune_seats(&self, now: i64) -> Result<(), MetaError> {
        self.writer.submit(Prune(seats::PRUNE, now)).await
    }
}

/// A statement that deletes what ended before this second.
struct Prune(&'static str, i64);

impl Operation for Prune {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        sqlx::query(self.0).bind(self.1).execute(connection).await?;
        Ok(())
    }
}

fn domain(row: &DomainRow) -> Result<DeliveryDomain, MetaError> {
    row.read().map_err(|reason| corrupt("delivery_domains", &row.host, reason))
}

struct Put(DeliveryDomain);

impl Operation for Put {
    type Answer = PutDomain;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<PutDomain, MetaError> {
        const BUCKET: &str = "select id from buckets where id = ?1";
        // Of the rows under a host only the one of the same id is replaced.
        const PUT: &str = "
            insert into delivery_domains
                (id, host, bucket_id, created, updated, prefix, referer, origin, direct,
                 error_header, playlists, link_lifetime, link_preview, link_clients, scheme,
                 validity, tolerance, max_future, time, algorithm, form, parameters, profile,
                 us_length, regions, expression, key_scheme, primary_key, secondary_key)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                    ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)
            on conflict (host) do update set
                bucket_id = excluded.bucket_id, updated = excluded.updated,
                prefix = excluded.prefix, referer = excluded.referer, origin = excluded.origin,
                direct = excluded.direct, error_header = excluded.error_header,
                playlists = excluded.playlists, link_lifetime = excluded.link_lifetime,
                link_preview = excluded.link_preview, link_clients = excluded.link_clients,
                scheme = excluded.scheme, validity = excluded.validity,
                tolerance = excluded.tolerance, max_future = excluded.max_future,
                time = excluded.time, algorithm = excluded.algorithm, form = excluded.form,
                parameters = excluded.parameters, profile = excluded.profile,
                us_length = excluded.us_length, regions = excluded.regions,
                expression = excluded.expression, key_scheme = excluded.key_scheme,
                primary_key = excluded.primary_key, secondary_key = excluded.secondary_key
            where id = excluded.id";
        let bucket: Option<i64> = sqlx::query_scalar(BUCKET)
            .bind(self.0.bucket.0)
            .fetch_optional(&mut *connection)
            .await?;
        if bucket.is_none() {
            return Ok(PutDomain::NoSuchBucket);
        }
        let row = DomainRow::of(&self.0);
        let done = row.bind(PUT).execute(connection).await?;
        Ok(if done.rows_affected() == 0 { PutDomain::HostTaken } else { PutDomain::Done })
    }
}

struct Delete(DomainId);

impl Operation for Delete {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, MetaError> {
        const SQL: &str = "delete from delivery_domains where id = ?1";
        let query = sqlx::query(SQL).bind(self.0.0.as_bytes().as_slice());
        Ok(query.execute(connection).await?.rows_affected() > 0)
    }
}
