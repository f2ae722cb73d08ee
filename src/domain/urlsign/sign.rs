//! Making signed URLs.

use core::net::IpAddr;

use super::choices::Profile;
use super::denial::Denial;
use super::field::{Field, Fields};
use super::formula::{Subject, masked};
use super::key::SigningKey;
use super::path::{self, InvalidPath};
use super::read::Target;
use super::row::{Layout, Life, Rules};
use super::scope::Scope;
use super::settings::Settings;
use super::verify::{Request, verify};
use crate::domain::encode::percent_encode_path;
use crate::domain::name::ObjectKey;
use crate::domain::time::UnixMillis;

/// For how many seconds a link is good if nobody says: as the vendors' CDNs.
const LIFETIME: u32 = 1800;

/// What is to be signed. [`Link::new`] has the defaults.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The path and the query without a signature, as they are to stand in a request.
    pub target: Target<'a>,
    /// For how many seconds from now the link is good, tolerance not included. `None` is the
    /// validity of the settings, or 1800 for schemes that have none.
    pub lifetime: Option<u32>,
    /// A random text of letters and digits: `rand`, and `us` of Tencent VOD.
    pub random: Option<&'a str>,
    /// A user's id.
    pub uid: Option<&'a str>,
    /// So many seconds may be seen.
    pub preview: Option<u32>,
    /// So many different clients may use the link, 1 to 9.
    pub clients: Option<u8>,
    /// The lists of Tencent VOD.
    pub lists: Lists<'a>,
    /// refgate: what one signature is good for.
    pub scope: Scope,
    /// refgate: the only method that is allowed.
    pub method: Option<&'a str>,
    /// refgate, nginx: the client to which the link is bound.
    pub client: Option<IpAddr>,
}

/// The lists of a link of Tencent VOD, with commas between their entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// Referers that may embed.
    pub whref: Option<&'a str>,
    /// Referers that may not.
    pub bkref: Option<&'a str>,
    /// Regions that may watch.
    pub whreg: Option<&'a str>,
    /// Regions that may not.
    pub bkreg: Option<&'a str>,
}

/// A signed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The path and the query.
    pub target: String,
    /// The text that was hashed, with `{key}` where the key stands.
    pub hashed: String,
    /// The last second in which the link is good, after the epoch, tolerance included.
    pub until: i64,
}

/// Why a URL cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// Its path would be refused.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// The scheme cannot say this.
    #[error("the scheme {0} has no {1}")]
    Unsupported(super::Scheme, &'static str),
    /// The scheme cannot write the time at which the link would end.
    #[error("the link would end at a time that the scheme cannot write")]
    Lifetime,
    /// The link would be refused.
    #[error("the link would be refused: {}", .0.reason)]
    Refused(Denial),
}

impl<'a> Link<'a> {
    /// A link to a target, and nothing else.
    pub const fn new(target: Target<'a>) -> Self {
        let lists = Lists { whref: None, bkref: None, whreg: None, bkreg: None };
        Self {
            target,
            lifetime: None,
            random: None,
            uid: None,
            preview: None,
            clients: None,
            lists,
            scope: Scope::File,
            method: None,
            client: None,
        }
    }
}

/// The path of an object as it stands in a link.
pub fn path_of(key: &ObjectKey) -> String {
    format!("/{}", percent_encode_path(key.as_str()))
}

/// Makes a link with the primary key.
///
/// What is returned has been verified: a link that [`verify`] would refuse is not made.
///
/// # Errors
///
/// [`CannotSign`].
pub fn sign(settings: &Settings, link: &Link<'_>, now: UnixMillis) -> Result<Signed, CannotSign> {
    path::check(link.target.path)?;
    supported(settings, link)?;
    let key = settings.keys().primary();
    let values = values(settings, link, key, now)?;
    let mut fields = Fields::default();
    for (field, value) in &values {
        fields.set(*field, value);
    }
    let (target, hashed) = seal(settings, link.target, &fields, link.client);
    let request = Request {
        method: link.method.unwrap_or("GET"),
        target: Target::split(&target),
        client: link.client,
    };
    let until = verify(settings, &request, now).map_err(CannotSign::Refused)?.until;
    Ok(Signed { target, hashed, until })
}

/// Computes the digest over fields, and puts all of them into a URL.
pub(super) fn seal(
    settings: &Settings,
    target: Target<'_>,
    fields: &Fields<'_>,
    client: Option<IpAddr>,
) -> (String, String) {
    let rest: Vec<&str> = target.query.into_iter().flat_map(|query| query.split('&')).collect();
    let (mut fields, joined) = (*fields, joined(settings.layout, fields));
    fields.set(Field::Joined, &joined);
    let subject = Subject { fields: &fields, path: target.path, rest: &rest, client };
    let key = settings.keys().primary().bytes();
    let digest = settings.algorithm.digest(settings.formula(), &subject, key);
    let token = settings.row().token.write(digest.bytes());
    let hashed = masked(settings.formula(), &subject);
    fields.set(Field::Token, &token);
    (assemble(settings, target, &fields), hashed)
}

/// What stands before the digest in the one parameter that has all fields.
fn joined(layout: &Layout, fields: &Fields<'_>) -> String {
    let Layout::Joined { mark, fields: names, .. } = layout else { return String::new() };
    let names = names.iter().filter(|name| **name != Field::Token);
    let values: Vec<_> = names.map(|name| fields.get(*name)).collect();
    values.join(&char::from(*mark).to_string())
}

pub(super) fn assemble(settings: &Settings, target: Target<'_>, fields: &Fields<'_>) -> String {
    let mut url = String::with_capacity(target.path.len() + 80);
    if let Layout::Path(places) = settings.layout {
        for field in places {
            url.push('/');
            url.push_str(fields.get(*field));
        }
    }
    url.push_str(target.path);
    let mut mark = '?';
    let mut push = |part: &str| {
        url.push(mark);
        url.push_str(part);
        mark = '&';
    };
    if let Some(query) = target.query {
        push(query);
    }
    match settings.layout {
        Layout::Path(_) => {}
        Layout::Query(params) => {
            for param in *params {
                if let Some(value) = fields.find(param.field) {
                    push(&format!("{}={value}", settings.spellings(param).0));
                }
            }
        }
        Layout::Joined { param, mark, fields: names } => {
            let values: Vec<_> = names.iter().map(|name| fields.get(*name)).collect();
            let joined = values.join(&char::from(*mark).to_string());
            push(&format!("{}={joined}", settings.spellings(param).0));
        }
    }
    url
}

/// Whether the scheme can say what the link asks for.
fn supported(settings: &Settings, link: &Link<'_>) -> Result<(), CannotSign> {
    let rules = settings.row().rules;
    let (vod, own) = (matches!(rules, Rules::Vod), matches!(rules, Rules::Own));
    let Lists { whref, bkref, whreg, bkreg } = link.lists;
    let lists = [whref, bkref, whreg, bkreg];
    let wants = [
        (link.preview.is_some() && !vod, "preview"),
        (link.clients.is_some() && !vod && !own, "limit of clients"),
        (lists.iter().any(Option::is_some) && !vod, "list of referers or regions"),
        (link.scope != Scope::File && !own, "scope"),
        (link.method.is_some() && !own, "method"),
        (link.client.is_some() && !own && !settings.signs_client(), "address of a client"),
        (
            link.client.is_none() && settings.signs_client(),
            "link without the address of its client",
        ),
    ];
    match wants.iter().find(|(unmet, _)| *unmet) {
        Some((_, what)) => Err(CannotSign::Unsupported(settings.scheme(), what)),
        None => Ok(()),
    }
}

/// The fields of a new link, but for its digest.
fn values(
    settings: &Settings,
    link: &Link<'_>,
    key: &SigningKey,
    now: UnixMillis,
) -> Result<Vec<(Field, String)>, CannotSign> {
    let stamp = stamp(settings, link, now).ok_or(CannotSign::Lifetime)?;
    let mut values = vec![(Field::Stamp, stamp)];
    let mut push = |field, value: &str| values.push((field, value.to_owned()));
    match settings.row().rules {
        Rules::None => {}
        Rules::Dashed => {
            push(Field::Rand, link.random.unwrap_or("0"));
            push(Field::Uid, link.uid.unwrap_or("0"));
        }
        Rules::Vod => {
            let always = (settings.profile == Profile::Strict).then_some(0);
            let number = |value: Option<u32>| value.or(always).map(|value| value.to_string());
            let (exper, rlimit) = (number(link.preview), number(link.clients.map(u32::from)));
            let lists = link.lists;
            let all = [
                (Field::Exper, exper.as_deref()),
                (Field::Rlimit, rlimit.as_deref()),
                (Field::Us, link.random),
                (Field::Whref, lists.whref),
                (Field::Bkref, lists.bkref),
                (Field::Whreg, lists.whreg),
                (Field::Bkreg, lists.bkreg),
            ];
            for (field, value) in all {
                if let Some(value) = value {
                    push(field, value);
                }
            }
        }
        Rules::Own => {
            push(Field::Version, "1");
            push(Field::KeyId, key.id());
            push(Field::Scope, &link.scope.write());
            push(Field::Method, link.method.unwrap_or("-"));
            push(Field::Network, if link.client.is_some() { "n" } else { "-" });
            push(Field::Limit, &link.clients.map_or("-".to_owned(), |max| max.to_string()));
        }
    }
    Ok(values)
}

/// The time in a link that is to end after its lifetime.
fn stamp(settings: &Settings, link: &Link<'_>, now: UnixMillis) -> Option<String> {
    let (default, validity) = match settings.row().life {
        Life::Since { .. } => (settings.validity, settings.validity),
        Life::Until => (LIFETIME, 0),
    };
    let lifetime = i64::from(link.lifetime.unwrap_or(default));
    settings.time.write(now.as_secs().checked_add(lifetime)?.checked_sub(validity.into())?)
}
