//! What a link allows beside its path and its time, and the form of its fields.
//!
//! Fields stand in the hashed text as they stand in the URL, so each is read in one form only:
//! what could end one field and begin the next is refused.

use super::choices::{Profile, Regions};
use super::denial::{Denial, Reason};
use super::field::{Field, Fields};
use super::formula::from_base64;
use super::lists::{RefererLists, RegionLists};
use super::row::{Layout, Rules};
use super::scope::Scope;
use super::settings::Settings;
use crate::domain::secret::Digest;

/// The most clients that a link can allow.
const MAX_CLIENTS: u8 = 9;
/// The most decimal digits of a preview.
const MAX_PREVIEW_DIGITS: usize = 9;

/// What a verified link leaves to be enforced. The default is a link without limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits<'a> {
    /// So many seconds may be seen, and no more: a playlist is cut, anything else is refused.
    pub preview: Option<u32>,
    /// So many different clients may use the link.
    pub clients: Option<Clients>,
    /// Who may embed, beside the bucket's own policy.
    pub referers: Option<RefererLists<'a>>,
    /// From where it may be watched.
    pub regions: Option<RegionLists<'a>>,
}

/// How many different clients may use a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The link.
    pub link: LinkId,
    /// How many; at least 1.
    pub max: u8,
}

impl Limits<'_> {
    /// Whether the link's own lists let a request through, by its `Referer` lines and by the region
    /// of its client, if that is known.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn check_lists<'r>(
        &self,
        referers: impl IntoIterator<Item = &'r [u8]>,
        region: Option<&str>,
    ) -> Result<(), Denial> {
        if self.referers.as_ref().is_some_and(|lists| !lists.allow(referers)) {
            return Err(Reason::Referer.into());
        }
        if self.regions.as_ref().is_some_and(|lists| !lists.allow(region)) {
            return Err(Reason::ForeignRegion.into());
        }
        Ok(())
    }
}

/// Which link it is, of those of one delivery domain: the first bytes of its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub [u8; 16]);

/// Checks the form of the fields, and reads the limits.
pub(super) fn read<'a>(
    settings: &Settings,
    fields: &Fields<'a>,
    (method, path): (&str, &str),
) -> Result<Limits<'a>, Denial> {
    match settings.row().rules {
        Rules::None => Ok(Limits::default()),
        Rules::Dashed => dashed(settings, fields),
        Rules::Vod => vod(settings, fields),
        Rules::Own => own(settings, fields, (method, path)),
    }
}

/// Type A: with these characters and four fields the text has one reading.
fn dashed<'a>(settings: &Settings, fields: &Fields<'a>) -> Result<Limits<'a>, Denial> {
    let (rand, uid) = (fields.get(Field::Rand), fields.get(Field::Uid));
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    let good = rand.len() <= 100 && word(rand) && (1..=64).contains(&uid.len()) && word(uid);
    if good {
        return Ok(Limits::default());
    }
    Err(Reason::Argument(carrier(settings)).into())
}

/// The parameter that carries all fields.
fn carrier(settings: &Settings) -> String {
    let param = settings.row().layouts.iter().flat_map(Layout::params).next();
    param.map(|param| settings.spellings(param).0).unwrap_or_default().to_owned()
}

fn vod<'a>(settings: &Settings, fields: &Fields<'a>) -> Result<Limits<'a>, Denial> {
    let bad = |name: &str| Denial::from(Reason::Argument(name.to_owned()));
    let strict = settings.profile == Profile::Strict;
    let value = |field| fields.find(field).filter(|text| !text.is_empty());
    let (exper, rlimit) = (value(Field::Exper), value(Field::Rlimit));
    for (name, value) in [("exper", exper), ("rlimit", rlimit)] {
        if strict && value.is_none() {
            return Err(Reason::NoArgument(name.to_owned()).into());
        }
    }
    let preview = exper.map(|text| decimal(text, MAX_PREVIEW_DIGITS).ok_or_else(|| bad("exper")));
    let max = rlimit.map(|text| decimal(text, 1).ok_or_else(|| bad("rlimit"))).transpose()?;
    let listed = value(Field::Whref).is_some() || value(Field::Whreg).is_some();
    if !is_link_id(settings, value(Field::Us), listed) {
        return Err(bad("us"));
    }
    for (name, field) in [("bkref", Field::Bkref), ("bkreg", Field::Bkreg)] {
        if strict && value(field).is_some() {
            return Err(bad(name));
        }
    }
    let regions = RegionLists::read(value(Field::Whreg), value(Field::Bkreg))?;
    if regions.is_some() && settings.regions == Regions::Unknown {
        return Err(Reason::Region.into());
    }
    let (allow, deny) = (value(Field::Whref), value(Field::Bkref));
    Ok(Limits {
        preview: preview.transpose()?.filter(|seconds| *seconds > 0),
        clients: max.and_then(|max| clients(max, fields.get(Field::Token))),
        referers: RefererLists::read(allow, deny, settings.profile)?,
        regions,
    })
}

/// Whether `us` has its form. With a list behind it, it must also begin with a letter when strict:
/// else digits at its beginning could be those of `exper`, and its end the beginning of the list.
fn is_link_id(settings: &Settings, us: Option<&str>, listed: bool) -> bool {
    let us = us.unwrap_or_default();
    let length =
        settings.us_length.map_or(us.len() <= 64, |length| us.len() == usize::from(length));
    let strict = settings.profile == Profile::Strict;
    let digit = us.starts_with(|c: char| c.is_ascii_digit());
    length && us.bytes().all(|b| b.is_ascii_alphanumeric()) && !(strict && listed && digit)
}

/// The fields of refgate's own scheme, and of its tickets.
fn own<'a>(
    settings: &Settings,
    fields: &Fields<'a>,
    (method, path): (&str, &str),
) -> Result<Limits<'a>, Denial> {
    let bad = || Denial::from(Reason::Argument(carrier(settings)));
    let scope = Scope::read(fields.get(Field::Scope)).ok_or_else(bad)?;
    scope.path(path).ok_or(Reason::Token(None))?;
    let known =
        fields.get(Field::Version) == "1" && matches!(fields.get(Field::Network), "-" | "n");
    if !known {
        return Err(bad());
    }
    match fields.get(Field::Method) {
        signed @ ("GET" | "HEAD") if signed != method => return Err(Reason::Method.into()),
        "-" | "GET" | "HEAD" => {}
        _ => return Err(bad()),
    }
    let clients = match fields.get(Field::Limit) {
        "-" => None,
        limit => Some(own_clients(limit, fields.get(Field::Token)).ok_or_else(bad)?),
    };
    let list = |field| fields.find(field).filter(|list| *list != "-");
    let seconds = |text| decimal(text, MAX_PREVIEW_DIGITS).filter(|seconds| *seconds > 0);
    let preview = list(Field::Exper).map(|text| seconds(text).ok_or_else(bad)).transpose()?;
    Ok(Limits {
        preview,
        clients,
        referers: RefererLists::read(list(Field::Whref), list(Field::Bkref), settings.profile)?,
        regions: RegionLists::read(list(Field::Whreg), list(Field::Bkreg))?,
    })
}

/// `3`, or `3.` and the link that this one belongs to.
fn own_clients(limit: &str, token: &str) -> Option<Clients> {
    let (max, link) = limit.split_once('.').unwrap_or((limit, token));
    let max = decimal(max, 1).filter(|max| *max > 0)?;
    clients(max, link)
}

/// A limit of clients for the link with that digest. 0 is no limit.
fn clients(max: u32, token: &str) -> Option<Clients> {
    let max = u8::try_from(max).ok().filter(|max| (1..=MAX_CLIENTS).contains(max))?;
    Some(Clients { link: LinkId::of(token)?, max })
}

impl LinkId {
    /// The id of the link with that digest, in hexadecimal or in base64.
    fn of(token: &str) -> Option<Self> {
        let digest = match token.len() {
            32 => Digest::new(hex::decode(token).ok()?),
            _ => from_base64(token)?,
        };
        digest.bytes().first_chunk().copied().map(Self)
    }
}

/// A number of at most so many decimal digits, without a zero before it.
fn decimal(text: &str, digits: usize) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with('0');
    let fits = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (canonical && fits).then(|| text.parse().ok()).flatten()
}
