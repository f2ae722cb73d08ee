//! Delivery domains whose commits fail on demand.

use async_trait::async_trait;
use refgate::domain::delivery::{ApplicationName, KeyEnd, Seat, Tally};
use refgate::domain::name::DomainId;
use refgate::domain::op::HostName;
use refgate::domain::stats::Day;
use refgate::meta::{
    Applications, DeliveryDomain, DeliveryDomains, MetaError, PutDomain, StoredApplication,
};

use super::meta::FaultyMeta;

#[async_trait]
impl DeliveryDomains for FaultyMeta {
    async fn all_domains(&self) -> Result<Vec<DeliveryDomain>, MetaError> {
        self.inner.all_domains().await
    }

    async fn find_domain(&self, host: &HostName) -> Result<Option<DeliveryDomain>, MetaError> {
        self.inner.find_domain(host).await
    }

    async fn put_domain(&self, domain: &DeliveryDomain) -> Result<PutDomain, MetaError> {
        self.change(self.take(), self.inner.put_domain(domain)).await
    }

    async fn delete_domain(&self, id: DomainId) -> Result<bool, MetaError> {
        self.change(self.take(), self.inner.delete_domain(id)).await
    }

    async fn tallies_of(&self, id: DomainId, first: Day) -> Result<Vec<Tally>, MetaError> {
        self.inner.tallies_of(id, first).await
    }

    async fn put_key_ends(&self, ends: Vec<KeyEnd>) -> Result<(), MetaError> {
        self.inner.put_key_ends(ends).await
    }

    async fn key_end(&self, id: DomainId, key_id: &str) -> Result<Option<i64>, MetaError> {
        self.inner.key_end(id, key_id).await
    }

    async fn prune_key_ends(&self, now: i64) -> Result<(), MetaError> {
        self.inner.prune_key_ends(now).await
    }

    async fn seats(&self, now: i64) -> Result<Vec<Seat>, MetaError> {
        self.inner.seats(now).await
    }

    async fn put_seat(&self, seat: &Seat) -> Result<(), MetaError> {
        self.change(self.take(), self.inner.put_seat(seat)).await
    }

    async fn prune_seats(&self, now: i64) -> Result<(), MetaError> {
        self.inner.prune_seats(now).await
    }
}

#[async_trait]
impl Applications for FaultyMeta {
    async fn all_applications(&self) -> Result<Vec<StoredApplication>, MetaError> {
        self.inner.all_applications().await
    }

    async fn create_application(&self, new: &StoredApplication) -> Result<bool, MetaError> {
        self.change(self.take(), self.inner.create_application(new)).await
    }

    async fn delete_application(&self, name: &ApplicationName) -> Result<bool, MetaError> {
        self.change(self.take(), self.inner.delete_application(name)).await
    }
}
