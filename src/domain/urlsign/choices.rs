//! What an administrator chooses.

use super::formula::Algorithm;
use super::scheme::Scheme;
use super::stamp::TimeForm;

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

/// Where the signature stands in a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// In the query.
    Query,
    /// Before the path.
    Path,
}

/// How strictly the parameters of Tencent VOD are read.
///
/// The vendor's text has no marks between its fields, so that a link with `exper=300` and
/// `us=72d4cd1101` has the digest of one without `exper` and with `us=30072d4cd1101`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Only links whose text can be read in one way: `exper` and `rlimit` are there, `us` has a
    /// fixed length, and `bkref` and `bkreg`, which cannot be told from `whref` and `whreg`, are not.
    #[default]
    Strict,
    /// As the vendor does. Whoever holds a link can take its limits off, unless `us_length` is set.
    Compat,
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

/// A text that is not one of the words of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is {0}")]
pub struct UnknownWord(&'static str);

macro_rules! words {
    ($type:ty, $names:literal, $($variant:ident $name:literal),*) => {
        impl $type {
            /// The word in settings.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownWord($names)),
                }
            }
        }
    };
}

words! { Form, "`query` or `path`", Query "query", Path "path" }
words! { Profile, "`strict` or `compat`", Strict "strict", Compat "compat" }
words! { Algorithm, "`md5`, `sha256` or `hmac-sha256`",
Md5 "md5", Sha256 "sha256", HmacSha256 "hmac-sha256" }
words! { TimeForm, "`decimal`, `hex`, `upper-hex`, `lower-hex`, `minutes` or `plain`",
Decimal "decimal", Hex "hex", UpperHex "upper-hex", LowerHex "lower-hex", Minutes "minutes",
Plain "plain" }

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
