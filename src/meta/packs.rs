//! Blobs that many objects share, and what is left of them when most have gone.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MetaError;
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::Extent;

/// Bytes of a blob that lie elsewhere, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The blob.
    pub blob: BlobId,
    /// What [`Packs::runs_of`] must say of it at the moment of writing. Otherwise it is left alone.
    pub runs: Vec<Extent>,
    /// Ranges of it, in one of which each of these lies, and runs of other blobs with the same bytes.
    pub places: Vec<(Extent, Extent)>,
}

/// What came of moving runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The objects that name other blobs now.
    pub keys: Vec<(BucketId, ObjectKey)>,
    /// The blobs that no row names any more.
    pub unnamed: Vec<BlobId>,
}

/// Blobs that many objects share.
///
/// An operation that takes names of blobs tells which are to be given up: those of one upload that no
/// row names any more, and in any case those that uploads share. Whether others still name these is
/// better asked later, of many at once: see [`super::Objects::unnamed_blobs`].
#[async_trait]
pub trait Packs: Send + Sync {
    /// The runs of some blobs that objects name, each once, in the order in which they begin. There
    /// are none of a blob that an upload in parts names, or very many rows: it is to stay.
    async fn runs_of(&self, blobs: &[BlobId]) -> Result<BTreeMap<BlobId, Vec<Extent>>, MetaError>;

    /// Has objects name other blobs with the same bytes, in one transaction.
    async fn move_runs(&self, moves: Vec<Move>) -> Result<Moved, MetaError>;
}
