//! Clients of links that only so many may use.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::delivery::{ClientNet, Seat};
use crate::domain::name::DomainId;
use crate::domain::urlsign::LinkId;
use crate::meta::MetaError;
use crate::meta::sqlite::writer::Operation;
use crate::meta::sqlite::{Sqlite, corrupt, read_error};

/// Writes a client down, and has the link's other clients stay as long. That of a domain that is not
/// there is dropped.
pub(super) struct Put(pub(super) Seat);

impl Operation for Put {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const PUT: &str = "
            insert into delivery_clients (domain, link, client, until)
            select ?1, ?2, ?3, ?4 from delivery_domains where id = ?1
            on conflict (domain, link, client) do update set until = max(until, excluded.until)";
        const PROLONG: &str = "
            update delivery_clients set until = ?3 where domain = ?1 and link = ?2 and until < ?3";
        let Seat { domain, link, client, until } = &self.0;
        sqlx::query(PUT)
            .bind(domain.0.as_bytes().as_slice())
            .bind(link.0.as_slice())
            .bind(client.as_bytes())
            .bind(until)
            .execute(&mut *connection)
            .await?;
        sqlx::query(PROLONG)
            .bind(domain.0.as_bytes().as_slice())
            .bind(link.0.as_slice())
            .bind(until)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Deletes the clients of links that ended before this second.
pub(super) const PRUNE: &str = "delete from delivery_clients where until < ?1";

pub(super) async fn read(sqlite: &Sqlite, now: i64) -> Result<Vec<Seat>, MetaError> {
    const READ: &str = "select domain, link, client, until from delivery_clients where until >= ?1";
    type Row = (Vec<u8>, Vec<u8>, Vec<u8>, i64);
    let rows: Vec<Row> =
        sqlx::query_as(READ).bind(now).fetch_all(&sqlite.readers).await.map_err(read_error)?;
    let seat = |(domain, link, client, until): Row| {
        let row = || format!("{} {}", hex::encode(&domain), hex::encode(&link));
        let bad = |what: &str| corrupt("delivery_clients", row(), what);
        Ok(Seat {
            domain: DomainId(Uuid::from_slice(&domain).map_err(|_| bad("domain"))?),
            link: LinkId(link.as_slice().try_into().map_err(|_| bad("link"))?),
            client: ClientNet::from_bytes(&client).ok_or_else(|| bad("client"))?,
            until,
        })
    };
    rows.into_iter().map(seat).collect()
}
