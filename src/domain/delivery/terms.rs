//! The terms on which a delivery domain serves a bucket.

use super::Prefix;
use crate::domain::urlsign::{Choices, Regions, Scheme};
use crate::domain::word::words;

/// All that is set of a delivery domain but its host, its bucket and its keys. The default is the
/// whole bucket, to which everybody has the rights that the ACL gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The part of the bucket.
    pub prefix: Prefix,
    /// How URLs are signed; `None` if they are not.
    pub signing: Option<Choices>,
    /// Whether the bucket's referer policy applies as well.
    pub referer: RefererCheck,
    /// With whose right objects are read.
    pub origin: OriginAccess,
    /// What becomes of unsigned requests for the same objects by the bucket's own hosts.
    pub direct: DirectAccess,
    /// Whether a refusal says why.
    pub errors: ErrorHeader,
    /// What is done to playlists.
    pub playlists: Playlists,
    /// What links have that the server makes and nobody says more of.
    pub issue: Issue,
}

words! {
    /// Whether the referer policy of the bucket is asked on a delivery domain.
    #[derive(Default)]
    pub enum RefererCheck {
        /// It is, beside the signature: both must pass.
        #[default]
        Bucket = "bucket",
        /// It is not.
        Off = "off",
    }
}

words! {
    /// With whose right a delivery domain reads.
    #[derive(Default)]
    pub enum OriginAccess {
        /// With the owner's if URLs are signed: whoever made the link granted it. With a stranger's
        /// if they are not, so that switching signatures off does not open a private bucket.
        #[default]
        WhenSigned = "when-signed",
        /// With the owner's, signed or not.
        Always = "always",
        /// With a stranger's, signed or not: the ACL must grant reading as well.
        ByAcl = "by-acl",
    }
}

words! {
    /// What becomes of unsigned requests by the bucket's own hosts, for objects that a delivery
    /// domain serves.
    #[derive(Default)]
    pub enum DirectAccess {
        /// What the ACL says.
        #[default]
        ByAcl = "by-acl",
        /// They are refused, whatever the ACL says.
        SignedOnly = "signed-only",
    }
}

words! {
    /// Whether a refusal says why, in `X-Tengine-Error`.
    #[derive(Default)]
    pub enum ErrorHeader {
        /// It does.
        #[default]
        Shown = "shown",
        /// All refusals look the same: 403, whoever refuses, also for what has expired.
        Hidden = "hidden",
    }
}

words! {
    /// What is done to playlists on a domain whose URLs are signed.
    #[derive(Default)]
    pub enum Playlists {
        /// The URIs in them are signed as they are given out, else players could not follow them:
        /// those in the directory that the link opens.
        #[default]
        Signed = "signed",
        /// The same with all URIs on the host. Only where nobody stores playlists who may not read
        /// all that the domain serves: what a playlist names, whoever has a link to it can read.
        SignedHost = "signed-host",
        /// Nothing: whoever made them has signed what is in them.
        Plain = "plain",
    }
}

impl Terms {
    /// Whether objects are read with the owner's right.
    pub const fn reads_as_owner(&self) -> bool {
        match self.origin {
            OriginAccess::WhenSigned => self.signing.is_some(),
            OriginAccess::Always => true,
            OriginAccess::ByAcl => false,
        }
    }

    /// Whether links may be for clients of some regions.
    pub fn asks_for_regions(&self) -> bool {
        self.signing.as_ref().is_some_and(|choices| choices.regions == Regions::Known)
    }

    /// Checks that the scheme can say what links are to have.
    ///
    /// # Errors
    ///
    /// [`InvalidIssue`].
    pub fn check_issue(&self) -> Result<(), InvalidIssue> {
        let Some(scheme) = self.signing.as_ref().map(|choices| choices.scheme) else {
            return Ok(());
        };
        if self.issue.preview > 0 && !scheme.has_previews() {
            return Err(InvalidIssue::NoPreviews(scheme));
        }
        if self.issue.clients > 0 && !scheme.counts_clients() {
            return Err(InvalidIssue::NoClients(scheme));
        }
        Ok(())
    }
}

/// What a link has if whoever asks for it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Issue {
    lifetime: Option<u32>,
    preview: u32,
    clients: u8,
}

/// Values that no link can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssue {
    /// A lifetime of nothing, or of years.
    #[error("a link is good for 1 to {} seconds", Issue::MAX_LIFETIME)]
    Lifetime,
    /// A preview that is too long.
    #[error("a preview has at most {} seconds, and 0 is the whole", Issue::MAX_PREVIEW)]
    Preview,
    /// Too many clients.
    #[error("a link is limited to 1 to {} clients, and 0 is no limit", Issue::MAX_CLIENTS)]
    Clients,
    /// The scheme cannot say how long a preview is.
    #[error("links of the scheme {0} cannot be good for a preview")]
    NoPreviews(Scheme),
    /// The scheme cannot say how many clients there may be.
    #[error("links of the scheme {0} cannot be limited to so many clients")]
    NoClients(Scheme),
}

impl Issue {
    /// The most seconds that a link is good for: a year.
    pub const MAX_LIFETIME: u32 = 31_536_000;
    /// The most seconds of a preview.
    pub const MAX_PREVIEW: u32 = 999_999_999;
    /// The most clients that a link can be limited to.
    pub const MAX_CLIENTS: u8 = 9;

    /// Checks the values: seconds that a link is good for (`None` is what its scheme has), seconds
    /// of a preview (0 is the whole) and the clients that may use it (0 is any number).
    ///
    /// # Errors
    ///
    /// [`InvalidIssue`].
    pub const fn new(
        lifetime: Option<u32>,
        preview: u32,
        clients: u8,
    ) -> Result<Self, InvalidIssue> {
        if let Some(seconds) = lifetime
            && (seconds == 0 || seconds > Self::MAX_LIFETIME)
        {
            return Err(InvalidIssue::Lifetime);
        }
        if preview > Self::MAX_PREVIEW {
            return Err(InvalidIssue::Preview);
        }
        if clients > Self::MAX_CLIENTS {
            return Err(InvalidIssue::Clients);
        }
        Ok(Self { lifetime, preview, clients })
    }

    /// Seconds that a link is good for, if not what its scheme has.
    pub const fn lifetime(&self) -> Option<u32> {
        self.lifetime
    }

    /// Seconds of a preview; 0 is the whole.
    pub const fn preview(&self) -> u32 {
        self.preview
    }

    /// Clients that may use a link; 0 is any number.
    pub const fn clients(&self) -> u8 {
        self.clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_whose_right_is_read() {
        use OriginAccess::{Always, ByAcl, WhenSigned};
        for (origin, signed, want) in [
            (WhenSigned, true, true),
            (WhenSigned, false, false),
            (Always, true, true),
            (Always, false, true),
            (ByAcl, true, false),
            (ByAcl, false, false),
        ] {
            let signing = signed.then(|| Choices::new(Scheme::AliA));
            let terms = Terms { signing, origin, ..Terms::default() };
            assert_eq!(terms.reads_as_owner(), want, "{origin:?} {signed}");
        }
    }

    #[test]
    fn what_links_can_have() {
        let year = Issue::MAX_LIFETIME;
        assert!(Issue::new(Some(1), 0, 0).is_ok() && Issue::new(Some(year), 0, 9).is_ok());
        assert_eq!(Issue::new(Some(0), 0, 0), Err(InvalidIssue::Lifetime));
        assert_eq!(Issue::new(Some(year + 1), 0, 0), Err(InvalidIssue::Lifetime));
        assert_eq!(Issue::new(None, 1_000_000_000, 0), Err(InvalidIssue::Preview));
        assert_eq!(Issue::new(None, 0, 10), Err(InvalidIssue::Clients));
        let check = |scheme, preview, clients| {
            let issue = Issue::new(None, preview, clients).unwrap();
            let signing = Some(Choices::new(scheme));
            Terms { signing, issue, ..Terms::default() }.check_issue()
        };
        assert_eq!(check(Scheme::TencentVod, 1, 1), Ok(()));
        assert_eq!(check(Scheme::Refgate, 0, 1), Ok(()));
        assert_eq!(check(Scheme::AliA, 0, 0), Ok(()));
        assert_eq!(check(Scheme::Refgate, 1, 0), Err(InvalidIssue::NoPreviews(Scheme::Refgate)));
        assert_eq!(check(Scheme::AliA, 0, 1), Err(InvalidIssue::NoClients(Scheme::AliA)));
    }
}
