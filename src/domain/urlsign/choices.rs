//! What an administrator chooses.

use super::formula::Algorithm;
use super::scheme::Scheme;
use super::stamp::TimeForm;
use crate::domain::word::words;

/// What an administrator chooses, beside the keys. `None` is the default of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// The scheme.
    pub scheme: Scheme,
    /// For how many seconds a link is good after the time in it.
    pub validity: Option<u32>,
    /// How many seconds a link may be late beyond that.
    pub tolerance: Option<u32>,
    /// How many seconds the time in a link may lie ahead; `None` is without a limit.
    pub max_future: Option<u32>,
    /// How the time is written.
    pub time: Option<TimeForm>,
    /// The digest.
    pub algorithm: Option<Algorithm>,
    /// Where the signature stands in links that are made.
    pub form: Option<Form>,
    /// Other names for parameters: the name by default, and the new one.
    pub names: Vec<(String, String)>,
    /// Tencent VOD: what is refused.
    pub profile: Option<Profile>,
    /// Tencent VOD: how many characters `us` has.
    pub us_length: Option<u8>,
    /// Tencent VOD: whether the regions of clients are known.
    pub regions: Regions,
    /// nginx: the expression of `secure_link_md5`.
    pub expression: Option<String>,
}

words! {
    /// Where the signature stands in a link.
    pub enum Form {
        /// In the query.
        Query = "query",
        /// Before the path.
        Path = "path",
    }
}

words! {
    /// How strictly the parameters of Tencent VOD are read.
    ///
    /// The vendor's text has no marks between its fields, so that a link with `exper=300` and
    /// `us=72d4cd1101` has the digest of one without `exper` and with `us=30072d4cd1101`.
    #[derive(Default)]
    pub enum Profile {
        /// Only links whose text can be read in one way: `exper` and `rlimit` are there, `us` has a
        /// fixed length, and `bkref` and `bkreg`, which cannot be told from `whref` and `whreg`, are not.
        #[default]
        Strict = "strict",
        /// As the vendor does. Whoever holds a link can take its limits off, unless `us_length` is set.
        Compat = "compat",
    }
}

/// Whether it is known which region a client is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Regions {
    /// It is not: links that ask for it are refused.
    #[default]
    Unknown,
    /// It is; whoever uses a [`Pass`](super::Pass) compares it.
    Known,
}

impl Choices {
    /// The defaults of a scheme.
    pub const fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            validity: None,
            tolerance: None,
            max_future: None,
            time: None,
            algorithm: None,
            form: None,
            names: Vec::new(),
            profile: None,
            us_length: None,
            regions: Regions::Unknown,
            expression: None,
        }
    }
}
