//! Links that inherit from a verified one: what a playlist leads to.
//!
//! They end when the playlist's own link ends and have its limits, so that opening a playlist never
//! gives more than the link to it did.

use super::denial::Reason;
use super::field::{Field, Fields};
use super::limits::Clients;
use super::path::{self, ancestor};
use super::read::{Target, is_presented, read};
use super::row::Rules;
use super::scope::Scope;
use super::settings::Settings;
use super::sign::{CannotSign, assemble, seal};
use super::stamp::TimeForm;
use super::verify::Pass;

/// What a playlist leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Another playlist, which is cut by itself if there is a preview.
    Playlist,
    /// A segment, a key, an init section: whatever is used as a whole.
    Media,
}

impl Pass<'_> {
    /// Signs what the object of this request leads to. Returns its path and its query.
    ///
    /// The link has the time, the random text and the limits of the request's own, and the path of
    /// the child. For Tencent VOD with a preview, where a signature opens a whole directory, a
    /// segment gets a *ticket* instead: a signature of refgate's own for this one file.
    ///
    /// # Errors
    ///
    /// [`CannotSign`].
    pub fn sign_child(
        &self,
        settings: &Settings,
        child: Child,
        target: Target<'_>,
    ) -> Result<String, CannotSign> {
        path::check(target.path)?;
        let tickets = settings.tickets();
        let cut = child == Child::Media && self.limits.preview.is_some();
        let (settings, url) = match tickets {
            Some(tickets) if cut => (tickets, self.ticket(tickets, target)?),
            Some(tickets) if self.by_ticket => (tickets, self.heir(tickets, target)),
            Some(_) | None => (settings, self.heir(settings, target)),
        };
        // A target with a signature of its own would have two.
        if tickets.is_some_and(|tickets| is_presented(tickets, target)) {
            return Err(CannotSign::Refused(Reason::Duplicate("rg-ticket".to_owned()).into()));
        }
        read(settings, Target::split(&url)).map_err(CannotSign::Refused)?;
        Ok(url)
    }

    fn heir(&self, settings: &Settings, target: Target<'_>) -> String {
        let scope = Scope::read(self.fields.get(Field::Scope));
        if let Some(Scope::Directory(depth)) = scope
            && ancestor(target.path, depth) == ancestor(self.path, depth)
        {
            return assemble(settings, target, &self.fields);
        }
        let limit = limit(self.limits.clients);
        let mut fields = self.fields;
        if matches!(settings.row().rules, Rules::Own) {
            fields.set(Field::KeyId, settings.keys().primary().id());
            fields.set(Field::Scope, "f");
            fields.set(Field::Limit, &limit);
        }
        seal(settings, target, &fields, self.client).0
    }

    fn ticket(&self, tickets: &Settings, target: Target<'_>) -> Result<String, CannotSign> {
        let until = TimeForm::Plain.write(self.until).ok_or(CannotSign::Lifetime)?;
        let limit = limit(self.limits.clients);
        let mut fields = Fields::default();
        let list = |field| self.fields.find(field).filter(|list| !list.is_empty()).unwrap_or("-");
        for (field, value) in [
            (Field::Version, "1"),
            (Field::KeyId, tickets.keys().primary().id()),
            (Field::Stamp, &until),
            (Field::Scope, "f"),
            (Field::Method, "-"),
            (Field::Network, "-"),
            (Field::Limit, &limit),
            (Field::Whref, list(Field::Whref)),
            (Field::Bkref, list(Field::Bkref)),
            (Field::Whreg, list(Field::Whreg)),
            (Field::Bkreg, list(Field::Bkreg)),
        ] {
            fields.set(field, value);
        }
        Ok(seal(tickets, target, &fields, None).0)
    }
}

/// The limit of clients of a link, for links that count towards it.
fn limit(clients: Option<Clients>) -> String {
    clients.map_or("-".to_owned(), |it| format!("{}.{}", it.max, hex::encode(it.link.0)))
}
