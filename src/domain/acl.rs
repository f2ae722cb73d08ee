//! ACLs: what buckets and objects grant to those who are not their owner.
//!
//! Sources: OSS "Bucket ACLs", "PutObjectACL".

use std::fmt;
use std::str::FromStr;

/// What strangers may do with the objects of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketAcl {
    /// Nothing. The default of a new bucket.
    #[default]
    Private,
    /// Read objects.
    PublicRead,
    /// Read, write and delete objects.
    PublicReadWrite,
}

/// What strangers may do with an object. It overrules the ACL of the bucket, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectAcl {
    /// What the bucket says. What every object has that is written without an ACL.
    #[default]
    Default,
    /// This.
    Own(BucketAcl),
}

/// A text that is not an object ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object ACL is default, private, public-read or public-read-write")]
pub struct InvalidObjectAcl;

impl ObjectAcl {
    /// The ACL as OSS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Own(acl) => acl.as_str(),
        }
    }

    /// What an object with this ACL grants in a bucket with that one.
    pub const fn within(self, bucket: BucketAcl) -> BucketAcl {
        match self {
            Self::Default => bucket,
            Self::Own(acl) => acl,
        }
    }
}

impl FromStr for ObjectAcl {
    type Err = InvalidObjectAcl;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s == "default" {
            return Ok(Self::Default);
        }
        s.parse().map(Self::Own).map_err(|_| InvalidObjectAcl)
    }
}

impl fmt::Display for ObjectAcl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of right that an ACL can grant to strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading an object, or its metadata.
    Read,
    /// Writing or deleting an object.
    Write,
    /// Everything else: the owner's alone.
    Own,
    /// Nothing that needs a right: preflights, which browsers send without credentials.
    Anyone,
}

/// A text that is not a bucket ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a bucket ACL is private, public-read or public-read-write")]
pub struct InvalidBucketAcl;

impl BucketAcl {
    /// The ACL as OSS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
        }
    }

    /// Whether the ACL grants the right to somebody who is not the owner.
    pub const fn grants(self, access: Access) -> bool {
        match (self, access) {
            (_, Access::Anyone)
            | (Self::PublicRead | Self::PublicReadWrite, Access::Read)
            | (Self::PublicReadWrite, Access::Write) => true,
            (Self::Private, Access::Read | Access::Write)
            | (Self::PublicRead, Access::Write)
            | (_, Access::Own) => false,
        }
    }
}

impl FromStr for BucketAcl {
    type Err = InvalidBucketAcl;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "private" => Ok(Self::Private),
            "public-read" => Ok(Self::PublicRead),
            "public-read-write" => Ok(Self::PublicReadWrite),
            _ => Err(InvalidBucketAcl),
        }
    }
}

impl fmt::Display for BucketAcl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_to_strangers() {
        #[rustfmt::skip]
        let table = [
            (BucketAcl::Private,         [false, false, false]),
            (BucketAcl::PublicRead,      [true,  false, false]),
            (BucketAcl::PublicReadWrite, [true,  true,  false]),
        ];
        for (acl, want) in table {
            let got = [Access::Read, Access::Write, Access::Own].map(|access| acl.grants(access));
            assert_eq!(got, want, "{acl}");
            assert_eq!(acl.as_str().parse(), Ok(acl));
        }
    }

    #[test]
    fn an_object_overrules_its_bucket() {
        use BucketAcl::{Private, PublicRead, PublicReadWrite};
        #[rustfmt::skip]
        let table = [
            ("default",           Private,         Private),
            ("default",           PublicReadWrite, PublicReadWrite),
            ("private",           PublicReadWrite, Private),
            ("public-read",       Private,         PublicRead),
            ("public-read-write", PublicRead,      PublicReadWrite),
        ];
        for (text, bucket, want) in table {
            let acl: ObjectAcl = text.parse().unwrap();
            assert_eq!(acl.within(bucket), want, "{text} in {bucket}");
            assert_eq!(acl.as_str(), text);
        }
        assert_eq!("Private".parse::<ObjectAcl>(), Err(InvalidObjectAcl));
    }
}
