//! The fields of a signed URL, whatever their place in it.

/// A field of a signed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    /// The digest.
    Token,
    /// The time, in the form of the scheme.
    Stamp,
    /// A random text that the signer chose.
    Rand,
    /// A user's id; vendors say that it is not used.
    Uid,
    /// Tencent VOD: seconds of a preview.
    Exper,
    /// Tencent VOD: how many clients may use the link.
    Rlimit,
    /// Tencent VOD: the id of the link.
    Us,
    /// Tencent VOD: referers that may embed.
    Whref,
    /// Tencent VOD: referers that may not.
    Bkref,
    /// Tencent VOD: regions that may watch.
    Whreg,
    /// Tencent VOD: regions that may not.
    Bkreg,
    /// refgate: the version of the scheme.
    Version,
    /// refgate: which key signed.
    KeyId,
    /// refgate: one file or a directory.
    Scope,
    /// refgate: the method that is allowed.
    Method,
    /// refgate: whether the client's network is signed.
    Network,
    /// refgate: how many clients may use the link.
    Limit,
    /// Where fields stand in one parameter: all of them but the digest, with the marks between them.
    Joined,
}

impl Field {
    const COUNT: usize = Self::Joined as usize + 1;
}

/// The values of the fields of one URL, as they stand in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a>([Option<&'a str>; Field::COUNT]);

impl<'a> Fields<'a> {
    /// A value, if the field is there.
    pub(super) fn find(&self, field: Field) -> Option<&'a str> {
        self.0.get(field as usize).copied().flatten()
    }

    /// A value; that of a field that is not there is empty.
    pub(super) fn get(&self, field: Field) -> &'a str {
        self.find(field).unwrap_or_default()
    }

    pub(super) fn set(&mut self, field: Field, value: &'a str) {
        if let Some(place) = self.0.get_mut(field as usize) {
            *place = Some(value);
        }
    }
}
