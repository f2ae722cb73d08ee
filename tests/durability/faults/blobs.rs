//! Blobs whose disk fails on demand.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use refgate::blob::local::LocalBlobs;
use refgate::blob::{BlobError, BlobReader, BlobStore, BlobWriter, Digesting, Written};
use refgate::domain::name::BlobId;

/// What fails next, once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    Creation,
    Writing,
    Fsync,
    Opening,
    Deletion,
}

pub(super) struct FaultyBlobs {
    inner: LocalBlobs,
    next: Arc<Mutex<Fault>>,
}

struct FaultyWriter {
    id: BlobId,
    inner: Box<dyn BlobWriter>,
    next: Arc<Mutex<Fault>>,
}

/// Fails with EIO if that is what is to fail next.
fn check(next: &Mutex<Fault>, here: Fault, blob: BlobId) -> Result<(), BlobError> {
    let mut next = next.lock().unwrap();
    if *next != here {
        return Ok(());
    }
    *next = Fault::None;
    let source = io::Error::from_raw_os_error(5);
    Err(BlobError::Io { action: "what a test lets fail", blob, source })
}

impl FaultyBlobs {
    pub(super) fn new(inner: LocalBlobs) -> Self {
        Self { inner, next: Arc::default() }
    }

    pub(super) fn fail_next(&self, fault: Fault) {
        let before = mem::replace(&mut *self.next.lock().unwrap(), fault);
        assert_eq!(before, Fault::None, "it was to fail and was not tried");
    }
}

#[async_trait]
impl BlobStore for FaultyBlobs {
    async fn create(
        &self,
        id: BlobId,
        digesting: Digesting,
    ) -> Result<Box<dyn BlobWriter>, BlobError> {
        check(&self.next, Fault::Creation, id)?;
        let inner = self.inner.create(id, digesting).await?;
        Ok(Box::new(FaultyWriter { id, inner, next: self.next.clone() }))
    }

    /// When the fsync fails, all has been written.
    fn write_whole(&self, id: BlobId, pieces: &[Bytes]) -> Result<(), BlobError> {
        check(&self.next, Fault::Creation, id)?;
        check(&self.next, Fault::Writing, id)?;
        self.inner.write_whole(id, pieces)?;
        check(&self.next, Fault::Fsync, id)
    }

    async fn open(&self, id: BlobId) -> Result<Box<dyn BlobReader>, BlobError> {
        check(&self.next, Fault::Opening, id)?;
        self.inner.open(id).await
    }

    async fn length(&self, id: BlobId) -> Result<u64, BlobError> {
        self.inner.length(id).await
    }

    async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        check(&self.next, Fault::Deletion, id)?;
        self.inner.delete(id).await
    }

    fn list(&self) -> BoxStream<'static, Result<Vec<BlobId>, BlobError>> {
        self.inner.list()
    }
}

#[async_trait]
impl BlobWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        check(&self.next, Fault::Writing, self.id)?;
        self.inner.write(bytes).await
    }

    /// When the fsync fails, all has been written.
    async fn finish(self: Box<Self>) -> Result<Written, BlobError> {
        let written = self.inner.finish().await?;
        check(&self.next, Fault::Fsync, self.id)?;
        Ok(written)
    }
}
