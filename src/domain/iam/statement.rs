//! One statement of a policy.

use super::Who;
use super::condition::{Circumstances, Condition, Holds};
use super::document::{InvalidPolicy, Kind};
use super::glob::Glob;
use super::name::{ROOT, UserName};
use crate::domain::json::Json;
use crate::domain::name::{BucketName, ObjectKey, Region};

/// The most bytes of one text in a policy.
///
/// Source: the `EC` page 0030-00000003.
const MAX_TEXT_BYTES: usize = 4095;

/// What a request wants to do to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The permission in lower case.
    permission: String,
    /// `bucket`, `bucket/key`, or `*` for the account.
    resource: String,
}

impl Asked {
    /// To do something to the account.
    pub fn of_account(permission: &str) -> Self {
        Self { permission: permission.to_ascii_lowercase(), resource: "*".to_owned() }
    }

    /// To do something to a bucket.
    pub fn of_bucket(permission: &str, bucket: &BucketName) -> Self {
        let resource = bucket.as_str().to_owned();
        Self { permission: permission.to_ascii_lowercase(), resource }
    }

    /// To do something to an object.
    pub fn of_object(permission: &str, bucket: &BucketName, key: &ObjectKey) -> Self {
        let resource = format!("{bucket}/{key}");
        Self { permission: permission.to_ascii_lowercase(), resource }
    }
}

/// What the server is called in resources.
#[derive(Clone, Copy, Debug)]
pub struct Realm<'a> {
    /// Its region.
    pub region: &'a Region,
    /// Its only account: the id of the owner.
    pub account: &'a str,
}

/// What a statement does if it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, and so on: any of a list, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice<T> {
    negated: bool,
    of: Vec<T>,
}

impl<T> Choice<T> {
    fn fits(&self, fits: impl FnMut(&T) -> bool) -> bool {
        self.of.iter().any(fits) != self.negated
    }
}

/// `acs:oss:<region>:<account>:<name>`, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Resource {
    text: Box<str>,
    name: Glob,
}

/// Somebody whom a bucket policy means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    Everybody,
    Owner,
    User(UserName),
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    actions: Choice<Glob>,
    resources: Choice<Resource>,
    /// In bucket policies alone.
    principals: Option<Choice<Principal>>,
    conditions: Vec<Condition>,
}

impl Statement {
    /// Reads a statement. `place` names it in errors.
    pub(super) fn read(json: &Json, place: &str, kind: Kind) -> Result<Self, InvalidPolicy> {
        let bad = |why: String| InvalidPolicy::Element(format!("{place} {why}"));
        let Json::Object(members) = json else {
            return Err(bad(format!("is {}, not an object", json.kind())));
        };
        let mut parts = Parts::default();
        for (name, value) in members {
            parts.take(name, value, &Reading { place, kind })?;
        }
        let missing = |what: &str| bad(format!("has no {what}"));
        match (kind, &parts.principals) {
            (Kind::Bucket, None) => return Err(missing("Principal")),
            (Kind::User | Kind::Session, Some(_)) => {
                return Err(bad("has a Principal, which only bucket policies have".into()));
            }
            (Kind::Bucket, Some(_)) | (Kind::User | Kind::Session, None) => {}
        }
        Ok(Self {
            effect: parts.effect.ok_or_else(|| missing("Effect"))?,
            actions: parts.actions.ok_or_else(|| missing("Action"))?,
            resources: parts.resources.ok_or_else(|| missing("Resource"))?,
            principals: parts.principals,
            conditions: parts.conditions,
        })
    }

    /// Whether the statement applies to a request.
    pub(super) fn applies(
        &self,
        who: Who<'_>,
        asked: &Asked,
        circumstances: &Circumstances<'_>,
    ) -> Holds {
        let named = self.resources.fits(|resource| resource.name.fits(&asked.resource));
        if named { self.applies_somewhere(who, asked, circumstances) } else { Holds::No }
    }

    /// The same, whatever the resource is.
    pub(super) fn applies_somewhere(
        &self,
        who: Who<'_>,
        asked: &Asked,
        circumstances: &Circumstances<'_>,
    ) -> Holds {
        if !self.means(who) || !self.actions.fits(|action| action.fits(&asked.permission)) {
            return Holds::No;
        }
        let held = self.conditions.iter().map(|condition| condition.holds(circumstances));
        held.fold(Holds::Yes, Holds::and)
    }

    /// Whether the statement is about somebody. Everybody does not include the owner, unless there
    /// is a condition.
    ///
    /// Source: OSS "Bucket policy", rules for the bucket's owner.
    fn means(&self, who: Who<'_>) -> bool {
        let Some(principals) = &self.principals else { return true };
        let listed = |principal: &Principal| match (principal, who) {
            (Principal::Everybody, Who::Owner) => !self.conditions.is_empty(),
            (Principal::Everybody, Who::Anonymous | Who::Unnamed | Who::User(_))
            | (Principal::Owner, Who::Owner) => true,
            (Principal::User(name), Who::User(user)) => name == user,
            (Principal::Owner, Who::Anonymous | Who::Unnamed | Who::User(_))
            | (Principal::User(_), Who::Anonymous | Who::Unnamed | Who::Owner) => false,
        };
        let shielded = principals.negated && who == Who::Owner && self.conditions.is_empty();
        !shielded && principals.fits(listed)
    }

    /// Whether the statement lets everybody in, from anywhere.
    pub(super) fn is_public(&self) -> bool {
        let everybody = self.principals.as_ref().is_some_and(|principals| {
            principals.negated || principals.of.contains(&Principal::Everybody)
        });
        self.effect == Effect::Allow
            && everybody
            && !self.conditions.iter().any(Condition::pins_clients)
    }

    /// The first resource that is not on this server.
    pub(super) fn elsewhere(&self, realm: Realm<'_>) -> Option<&str> {
        self.resources.of.iter().find(|r| !r.is_in(realm)).map(|resource| &*resource.text)
    }
}

/// The elements of a statement that have been read.
#[derive(Default)]
struct Parts {
    effect: Option<Effect>,
    actions: Option<Choice<Glob>>,
    resources: Option<Choice<Resource>>,
    principals: Option<Choice<Principal>>,
    conditions: Vec<Condition>,
}

impl Parts {
    fn take(&mut self, name: &str, json: &Json, at: &Reading<'_>) -> Result<(), InvalidPolicy> {
        let twice = || Err(at.bad(format!("has {name} beside its opposite")));
        match name {
            "Effect" => self.effect = Some(at.effect(json)?),
            "Action" | "NotAction" => {
                let negated = name == "NotAction";
                let of = at.texts(name, json, read_action)?;
                if self.actions.replace(Choice { negated, of }).is_some() {
                    return twice();
                }
            }
            "Resource" | "NotResource" => {
                let negated = name == "NotResource";
                let of = at.texts(name, json, read_resource)?;
                if self.resources.replace(Choice { negated, of }).is_some() {
                    return twice();
                }
            }
            "Principal" | "NotPrincipal" => {
                let negated = name == "NotPrincipal";
                let of = at.texts(name, json, |text| read_principal(text, negated))?;
                if self.principals.replace(Choice { negated, of }).is_some() {
                    return twice();
                }
            }
            "Condition" => self.conditions = at.conditions(json)?,
            other => return Err(at.bad(format!("has {other}, which is not known"))),
        }
        Ok(())
    }
}

/// The statement that is being read.
struct Reading<'a> {
    place: &'a str,
    kind: Kind,
}

impl Reading<'_> {
    fn bad(&self, why: impl std::fmt::Display) -> InvalidPolicy {
        InvalidPolicy::Element(format!("{} {why}", self.place))
    }

    fn effect(&self, json: &Json) -> Result<Effect, InvalidPolicy> {
        match json.as_text() {
            Some("Allow") => Ok(Effect::Allow),
            Some("Deny") => Ok(Effect::Deny),
            Some(text) => Err(self.bad(format!("has the Effect {text:?}, not Allow or Deny"))),
            None => Err(self.bad(format!("has {} as Effect", json.kind()))),
        }
    }

    /// Reads a text, or a list of texts that has at least one.
    fn texts<T>(
        &self,
        name: &str,
        json: &Json,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, InvalidPolicy> {
        let values = json.many();
        if values.is_empty() {
            return Err(self.bad(format!("has an empty {name}")));
        }
        let one = |value: &Json| {
            let Some(text) = value.as_text() else {
                return Err(self.bad(format!("has {} in {name}", value.kind())));
            };
            self.check_text(name, text)?;
            read(text).map_err(|why| self.bad(format!("has {text:?} in {name}: {why}")))
        };
        values.iter().map(one).collect()
    }

    /// The rules of every text.
    fn check_text(&self, name: &str, text: &str) -> Result<(), InvalidPolicy> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(InvalidPolicy::TextTooLong(format!("{}: {name}", self.place)));
        }
        if self.kind == Kind::Bucket && text.contains("**") {
            return Err(InvalidPolicy::TwoStars(format!("{}: {name}", self.place)));
        }
        Ok(())
    }

    fn conditions(&self, json: &Json) -> Result<Vec<Condition>, InvalidPolicy> {
        let Json::Object(operators) = json else {
            return Err(self.bad(format!("has {} as Condition", json.kind())));
        };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let Json::Object(keys) = keys else {
                return Err(self.bad(format!("has {} under {operator}", keys.kind())));
            };
            if keys.is_empty() {
                return Err(self.bad(format!("has nothing under {operator}")));
            }
            for (key, values) in keys {
                let values = values.many();
                for text in values.iter().filter_map(Json::as_text) {
                    self.check_text(key, text)?;
                }
                let condition = Condition::read(operator, key, values);
                conditions.push(condition.map_err(|why| self.bad(why))?);
            }
        }
        Ok(conditions)
    }
}

/// Reads `oss:GetObject`, `oss:Get*` or `*`.
fn read_action(text: &str) -> Result<Glob, String> {
    if text != "*" {
        let name = text.get(..4).filter(|service| service.eq_ignore_ascii_case("oss:"));
        let name = name.and_then(|_| text.get(4..)).ok_or("operations of oss: alone are known")?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?');
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err("it is no name of an operation".into());
        }
    }
    Ok(Glob::new(&text.to_ascii_lowercase()))
}

/// Reads `acs:oss:<region>:<account>:<name>` or `*`.
fn read_resource(text: &str) -> Result<Resource, String> {
    if text == "*" {
        return Ok(Resource { text: text.into(), name: Glob::new("*") });
    }
    let parts: Vec<_> = text.splitn(5, ':').collect();
    let ["acs", "oss", _region, _account, name] = parts.as_slice() else {
        return Err("a resource is * or acs:oss:*:*:bucket/key".into());
    };
    if name.is_empty() {
        return Err("it names nothing".into());
    }
    Ok(Resource { text: text.into(), name: Glob::new(name) })
}

impl Resource {
    /// Whether the resource is of this server. An account number is another vendor's name for
    /// the only account that there is.
    fn is_in(&self, realm: Realm<'_>) -> bool {
        let parts: Vec<_> = self.text.splitn(5, ':').collect();
        let [_, _, region, account, _] = parts.as_slice() else { return true };
        let here = |text: &str| Glob::new(region).fits(text);
        let number = account.bytes().all(|b| b.is_ascii_digit());
        let own_region = region.is_empty()
            || here(realm.region.as_str())
            || here(&format!("oss-{}", realm.region));
        own_region && (number || Glob::new(account).fits(realm.account))
    }
}

fn read_principal(text: &str, negated: bool) -> Result<Principal, String> {
    match text {
        "*" if negated => Err("then it means nobody".into()),
        "*" => Ok(Principal::Everybody),
        ROOT => Ok(Principal::Owner),
        name => name.parse().map(Principal::User).map_err(|err| err.to_string()),
    }
}
