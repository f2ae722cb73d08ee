//! What a scheme is, as a value: the row of a table.

use super::choices::Form;
use super::field::Field;
use super::formula::{Algorithm, Part, TokenForm};
use super::key::KeyRule;
use super::stamp::TimeForm;

/// What a scheme is, as a value. The engine knows rows and no vendors.
#[derive(Debug)]
pub(super) struct Row {
    /// Where the fields stand. The last is that of links that are made, unless settings choose.
    pub(super) layouts: &'static [Layout],
    /// The text under the signature. Empty for the scheme whose settings hold it.
    pub(super) formula: &'static [Part],
    /// Its digest; the first is the default.
    pub(super) algorithms: &'static [Algorithm],
    pub(super) token: TokenForm,
    /// How the time is written; the first is the default.
    pub(super) times: &'static [TimeForm],
    pub(super) life: Life,
    /// The default for how late a link may be, in seconds.
    pub(super) tolerance: u32,
    pub(super) keys: KeyRule,
    /// Whether the vendor lets parameters be renamed.
    pub(super) rename: bool,
    /// The form of the other fields.
    pub(super) rules: Rules,
    /// What is said of a link without a signature.
    pub(super) absent: Absent,
    /// Which failure is named if both time and digest are wrong.
    pub(super) first: First,
}

/// Where the fields of a signature stand in a URL.
#[derive(Debug)]
pub(super) enum Layout {
    /// Each is a parameter of the query.
    Query(&'static [Param]),
    /// All are one parameter of the query, with a mark between them.
    Joined { param: Param, mark: u8, fields: &'static [Field] },
    /// They are the first two segments of the path.
    Path([Field; 2]),
}

impl Layout {
    /// The parameters of the query.
    pub(super) const fn params(&self) -> &[Param] {
        match self {
            Self::Query(params) => params,
            Self::Joined { param, .. } => std::slice::from_ref(param),
            Self::Path(_) => &[],
        }
    }

    pub(super) const fn form(&self) -> Form {
        match self {
            Self::Query(_) | Self::Joined { .. } => Form::Query,
            Self::Path(_) => Form::Path,
        }
    }
}

/// A parameter of the query.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) field: Field,
    pub(super) name: &'static str,
    /// Another spelling that is read, unless the parameter is renamed.
    pub(super) also: Option<&'static str>,
    pub(super) optional: bool,
}

/// What the time of a link means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Life {
    /// The moment of signing: the settings say how many seconds a link is good for from then on.
    Since { default: u32, max: u32 },
    /// The last second of the link.
    Until,
}

/// The form of fields beside time and digest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rules {
    /// There are none.
    None,
    /// `rand` and `uid`.
    Dashed,
    /// Those of Tencent VOD.
    Vod,
    /// Those of refgate's own scheme.
    Own,
}

/// What is said of a link without a signature.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    /// `no url arg <name>`
    Argument,
    /// `no <encoded> or <plain>`
    EncodedOrPlain,
}

/// Which of two failures is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// An expired link is that, whether it was genuine or not.
    Time,
    /// A forged link is that; a genuine one that has expired is answered with 410.
    Token,
}

pub(super) const fn required(field: Field, name: &'static str) -> Param {
    Param { field, name, also: None, optional: false }
}

pub(super) const fn either(field: Field, name: &'static str, also: &'static str) -> Param {
    Param { field, name, also: Some(also), optional: false }
}

pub(super) const fn optional(field: Field, name: &'static str) -> Param {
    Param { field, name, also: None, optional: true }
}
