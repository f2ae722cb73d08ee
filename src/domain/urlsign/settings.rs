//! How a delivery domain signs: what was chosen, checked.

use super::expression::{self, InvalidExpression};
use super::field::Field;
use super::formula::{Algorithm, Part};
use super::key::{InvalidKey, Keys};
use super::scheme::{Layout, Life, Param, Row, Scheme};
use super::stamp::TimeForm;
use crate::domain::secret::SecretKey;

/// The most seconds by which a link may be late.
const MAX_TOLERANCE: u32 = 86_400;
/// The longest name of a parameter.
const MAX_NAME: usize = 100;
/// The longest `us` of a link.
const MAX_US: u8 = 64;

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

/// Settings that fit their scheme.
#[derive(Clone, Debug)]
pub struct Settings {
    choices: Choices,
    keys: Keys,
    pub(super) validity: u32,
    pub(super) tolerance: u32,
    pub(super) max_future: Option<u32>,
    pub(super) time: TimeForm,
    pub(super) algorithm: Algorithm,
    /// That of links that are made.
    pub(super) layout: &'static Layout,
    names: Vec<(Field, String)>,
    pub(super) profile: Profile,
    pub(super) us_length: Option<u8>,
    pub(super) regions: Regions,
    expression: Vec<Part>,
}

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// A key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// The expression of nginx.
    #[error(transparent)]
    Expression(#[from] InvalidExpression),
    /// The scheme has no such setting.
    #[error("the scheme {0} has no setting {1:?}")]
    Foreign(Scheme, &'static str),
    /// The scheme has the setting, and not this value.
    #[error("the scheme {0} does not allow this value of {1:?}")]
    Value(Scheme, &'static str),
    /// A validity that the vendor does not allow.
    #[error("the validity of {0} is 1 to {1} seconds")]
    Validity(Scheme, u32),
    /// A tolerance that is too long.
    #[error("the tolerance is at most {MAX_TOLERANCE} seconds")]
    Tolerance,
    /// The vendor has no parameter of that name, or does not let it be renamed.
    #[error("the scheme {0} has no parameter {1:?} that can be renamed")]
    NoParameter(Scheme, String),
    /// A name that is none.
    #[error("a parameter's name has 1 to {MAX_NAME} of the characters A-Z a-z 0-9 _ - .")]
    Name,
    /// Two parameters of one name.
    #[error("two parameters have the name {0:?}")]
    SameName(String),
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

impl Settings {
    /// Checks what was chosen, and the keys: the one that signs, and another that verifies as well.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`].
    pub fn new(
        choices: Choices,
        primary: SecretKey,
        secondary: Option<SecretKey>,
    ) -> Result<Self, InvalidSettings> {
        let scheme = choices.scheme;
        let row = scheme.row();
        let (vod, nginx) = (scheme == Scheme::TencentVod, scheme == Scheme::Nginx);
        let foreign = [
            ("profile", choices.profile.is_some() && !vod),
            ("us_length", choices.us_length.is_some() && !vod),
            ("regions", choices.regions == Regions::Known && !vod),
            ("expression", choices.expression.is_some() && !nginx),
        ];
        if let Some((setting, _)) = foreign.iter().find(|(_, chosen)| *chosen) {
            return Err(InvalidSettings::Foreign(scheme, setting));
        }
        if choices.us_length.is_some_and(|length| !(1..=MAX_US).contains(&length)) {
            return Err(InvalidSettings::Value(scheme, "us_length"));
        }
        let profile = choices.profile.unwrap_or_default();
        let expression = if nginx {
            expression::read(choices.expression.as_deref().unwrap_or(expression::MANUAL))?
        } else {
            Vec::new()
        };
        Ok(Self {
            validity: validity(scheme, choices.validity)?,
            tolerance: tolerance(row, choices.tolerance)?,
            max_future: choices.max_future,
            time: one_of(scheme, "time", row.times, choices.time)?,
            algorithm: one_of(scheme, "algorithm", row.algorithms, choices.algorithm)?,
            layout: layout(scheme, choices.form)?,
            names: names(scheme, &choices.names)?,
            profile,
            us_length: choices.us_length.or((vod && profile == Profile::Strict).then_some(10)),
            regions: choices.regions,
            expression,
            keys: Keys::new(scheme, primary, secondary)?,
            choices,
        })
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.choices.scheme
    }

    /// What was chosen.
    pub const fn choices(&self) -> &Choices {
        &self.choices
    }

    /// What was chosen, with the defaults where nothing was.
    pub fn effective(&self) -> Choices {
        let vod = self.scheme() == Scheme::TencentVod;
        let mut all = self.choices.clone();
        all.validity = matches!(self.row().life, Life::Since { .. }).then_some(self.validity);
        all.tolerance = Some(self.tolerance);
        all.time = Some(self.time);
        all.algorithm = Some(self.algorithm);
        all.form = Some(self.layout.form());
        all.profile = vod.then_some(self.profile);
        all.us_length = self.us_length;
        if self.scheme() == Scheme::Nginx {
            all.expression.get_or_insert_with(|| expression::MANUAL.to_owned());
        }
        all
    }

    /// The keys.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// For how many seconds after the time in it a link is good, tolerance included.
    pub const fn seconds_beyond(&self) -> i64 {
        self.validity as i64 + self.tolerance as i64
    }

    pub(super) const fn row(&self) -> &'static Row {
        self.choices.scheme.row()
    }

    pub(super) fn formula(&self) -> &[Part] {
        if self.expression.is_empty() { self.row().formula } else { &self.expression }
    }

    /// Whether the address of the client is in the text under the signature.
    pub(super) fn signs_client(&self) -> bool {
        self.formula().contains(&Part::Client)
    }

    /// The name of a parameter, and another spelling of it that is read as well.
    pub(super) fn spellings<'s>(&'s self, param: &'s Param) -> (&'s str, Option<&'s str>) {
        match self.names.iter().find(|(field, _)| *field == param.field) {
            Some((_, name)) => (name, None),
            None => (param.name, param.also),
        }
    }
}

fn validity(scheme: Scheme, chosen: Option<u32>) -> Result<u32, InvalidSettings> {
    match scheme.row().life {
        Life::Until if chosen.is_some_and(|seconds| seconds != 0) => {
            Err(InvalidSettings::Foreign(scheme, "validity"))
        }
        Life::Until => Ok(0),
        Life::Since { default, max } => {
            let seconds = chosen.unwrap_or(default);
            let allowed = (1..=max).contains(&seconds);
            allowed.then_some(seconds).ok_or(InvalidSettings::Validity(scheme, max))
        }
    }
}

fn tolerance(row: &Row, chosen: Option<u32>) -> Result<u32, InvalidSettings> {
    let seconds = chosen.unwrap_or(row.tolerance);
    if seconds <= MAX_TOLERANCE { Ok(seconds) } else { Err(InvalidSettings::Tolerance) }
}

/// The chosen value, if the scheme allows it; else the first that it allows.
fn one_of<T: Copy + PartialEq>(
    scheme: Scheme,
    setting: &'static str,
    allowed: &[T],
    chosen: Option<T>,
) -> Result<T, InvalidSettings> {
    let fits = |value: &&T| chosen.is_none_or(|chosen| chosen == **value);
    allowed.iter().find(fits).copied().ok_or(InvalidSettings::Value(scheme, setting))
}

fn layout(scheme: Scheme, chosen: Option<Form>) -> Result<&'static Layout, InvalidSettings> {
    let fits = |layout: &&Layout| chosen.is_none_or(|form| layout.form() == form);
    let found = scheme.row().layouts.iter().rev().find(fits);
    found.ok_or(InvalidSettings::Value(scheme, "form"))
}

fn names(
    scheme: Scheme,
    chosen: &[(String, String)],
) -> Result<Vec<(Field, String)>, InvalidSettings> {
    let known: Vec<&Param> = scheme.row().layouts.iter().flat_map(Layout::params).collect();
    let mut renamed: Vec<(Field, String)> = Vec::new();
    for (default, name) in chosen {
        let param = known.iter().find(|param| param.name == default && scheme.row().rename);
        let param =
            param.ok_or_else(|| InvalidSettings::NoParameter(scheme, default.to_owned()))?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(InvalidSettings::Name);
        }
        renamed.push((param.field, name.to_owned()));
    }
    let new = |param: &&Param| {
        let found = renamed.iter().find(|(field, _)| *field == param.field);
        found.map_or(param.name, |(_, name)| name).to_owned()
    };
    let mut all: Vec<String> = known.iter().map(new).collect();
    all.sort_unstable();
    match all.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(twice) => Err(InvalidSettings::SameName(twice.first().cloned().unwrap_or_default())),
        None => Ok(renamed),
    }
}
