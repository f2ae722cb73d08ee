//! How a delivery domain signs: what was chosen, checked.

use super::choices::{Choices, Form, Profile, Regions};
use super::expression::{self, InvalidExpression};
use super::field::Field;
use super::formula::{Algorithm, Part};
use super::key::{InvalidKey, Keys};
use super::row::{Layout, Life, Param, Row};
use super::scheme::{Scheme, TICKET, TICKET_LAYOUT};
use super::stamp::TimeForm;
use crate::domain::secret::SecretKey;

/// The most seconds by which a link may be late.
const MAX_TOLERANCE: u32 = 86_400;
/// The longest name of a parameter.
const MAX_NAME: usize = 100;
/// The longest `us` of a link.
const MAX_US: u8 = 64;

/// Settings that fit their scheme.
#[derive(Clone, Debug)]
pub struct Settings {
    choices: Choices,
    row: &'static Row,
    /// How files are signed where the scheme can only sign directories.
    tickets: Option<Box<Settings>>,
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
        let mut settings = Self {
            row,
            tickets: None,
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
        };
        settings.tickets = vod.then(|| Box::new(settings.for_tickets()));
        Ok(settings)
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

    /// Whether a signature can stand before the path, so that logs of paths would show it.
    pub fn signs_in_path(&self) -> bool {
        self.row().layouts.iter().any(|layout| layout.form() == Form::Path)
    }

    /// For how many seconds after the time in it a link is good, tolerance included.
    pub const fn seconds_beyond(&self) -> i64 {
        self.validity as i64 + self.tolerance as i64
    }

    pub(super) const fn row(&self) -> &'static Row {
        self.row
    }

    pub(super) fn tickets(&self) -> Option<&Self> {
        self.tickets.as_deref()
    }

    pub(super) fn is_for_tickets(&self) -> bool {
        std::ptr::eq(self.row, &raw const TICKET)
    }

    /// The settings under which the same keys sign tickets.
    fn for_tickets(&self) -> Self {
        Self {
            row: &TICKET,
            tickets: None,
            validity: 0,
            tolerance: 0,
            max_future: None,
            time: TimeForm::Plain,
            algorithm: Algorithm::HmacSha256,
            layout: &TICKET_LAYOUT,
            names: Vec::new(),
            expression: Vec::new(),
            ..self.clone()
        }
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
