//! Links that inherit from a verified one: what a playlist leads to.
//!
//! They end when the playlist's own link ends, have its limits and count towards the same seats, so
//! that opening a playlist gives what it leads to and never more than the link to it did.
//!
//! # Tickets
//!
//! A signature of Tencent VOD opens a directory, and its digest is the link whose clients are counted.
//! Another signature for a file of another directory would open all of that directory, and its
//! clients would be counted anew. So what is not signed by the very signature of the playlist's own
//! link gets a *ticket* instead: a signature of refgate's own, for this one file, that names the
//! link whose clients are counted.

use super::denial::{Denial, Reason};
use super::field::{Field, Fields};
use super::key::Slot;
use super::limits::Clients;
use super::path::{self, ancestor, directory};
use super::read::{Target, is_presented, read};
use super::row::Rules;
use super::scope::Scope;
use super::settings::Settings;
use super::sign::{CannotSign, assemble, seal};
use super::stamp::TimeForm;
use super::verify::{Pass, in_force};

/// What a playlist leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Another playlist, which is cut by itself if there is a preview.
    Playlist,
    /// A segment, a key, an init section: whatever is used as a whole.
    Media,
}

/// A verified link that others inherit from.
#[derive(Debug)]
pub struct Parent<'p> {
    pass: &'p Pass<'p>,
    settings: &'p Settings,
    /// What was verified.
    fields: Fields<'p>,
    /// Whether that was a ticket, and not a link of the scheme.
    by_ticket: bool,
}

impl<'p> Parent<'p> {
    /// A link that was verified against these settings; that it was is the caller's word. Its fields
    /// are read again: next to all links are to what leads nowhere, and need not carry them along.
    ///
    /// # Errors
    ///
    /// [`Denial`], if its target has no signature in the form of these settings.
    pub fn new(settings: &'p Settings, pass: &'p Pass<'p>) -> Result<Self, Denial> {
        let in_force = in_force(settings, pass.target);
        let fields = read(in_force, pass.target)?.fields;
        Ok(Self { pass, settings, fields, by_ticket: in_force.is_for_tickets() })
    }

    /// The directory that the link opens, with both slashes; of a link to a file that of the file.
    pub fn directory(&self) -> &'p str {
        let path = self.pass.path;
        let opened = match Scope::read(self.fields.get(Field::Scope)) {
            Some(Scope::Directory(depth)) => ancestor(path, depth),
            Some(Scope::File) | None => None,
        };
        opened.unwrap_or_else(|| directory(path))
    }

    /// Signs what the object of the link leads to. Returns its path and its query.
    ///
    /// The link has the time, the random text and the limits of its parent, and the path of the
    /// child; or it is a ticket.
    ///
    /// # Errors
    ///
    /// [`CannotSign`].
    pub fn sign_child(&self, child: Child, target: Target<'_>) -> Result<String, CannotSign> {
        path::check(target.path)?;
        let tickets = self.settings.tickets();
        // A target with a signature of its own would have two.
        if tickets.is_some_and(|tickets| is_presented(tickets, target)) {
            return Err(CannotSign::Refused(Reason::Duplicate("rg-ticket".to_owned()).into()));
        }
        let (settings, url) = match tickets {
            Some(tickets) if self.needs_ticket(child, target) => {
                (tickets, self.ticket(tickets, child, target)?)
            }
            Some(_) | None => (self.settings, self.heir(target)),
        };
        read(settings, Target::split(&url)).map_err(CannotSign::Refused)?;
        Ok(url)
    }

    /// Whether a signature of the scheme would open more than this child, or be another link to
    /// those who count its clients.
    fn needs_ticket(&self, child: Child, target: Target<'_>) -> bool {
        let Pass { limits, path, key, .. } = self.pass;
        let part_of_preview = child == Child::Media && limits.preview.is_some();
        let elsewhere = directory(target.path) != directory(path);
        let by_another_key = *key != Slot::Primary && limits.clients.is_some();
        self.by_ticket || part_of_preview || elsewhere || by_another_key
    }

    /// By how many bytes [`Self::sign_child`] makes a link longer, at most.
    pub fn longest_signature(&self) -> usize {
        let target = Target { path: "/", query: None };
        let ticket = self.settings.tickets().map(|it| self.ticket(it, Child::Playlist, target));
        let ticket = ticket.and_then(Result::ok).unwrap_or_default();
        let same = assemble(self.settings, target, &self.fields);
        let heirs = [same, self.anew(target), ticket];
        heirs.iter().map(String::len).max().unwrap_or_default().saturating_sub(target.path.len())
    }

    fn heir(&self, target: Target<'_>) -> String {
        let scope = Scope::read(self.fields.get(Field::Scope));
        if let Some(Scope::Directory(depth)) = scope
            && ancestor(target.path, depth) == ancestor(self.pass.path, depth)
        {
            return assemble(self.settings, target, &self.fields);
        }
        self.anew(target)
    }

    /// A link of the scheme with a digest of its own.
    fn anew(&self, target: Target<'_>) -> String {
        let Self { pass, settings, .. } = self;
        let limit = limit(pass.limits.clients);
        let mut fields = self.fields;
        if matches!(settings.row().rules, Rules::Own) {
            fields.set(Field::KeyId, settings.keys().primary().id());
            fields.set(Field::Scope, "f");
            fields.set(Field::Limit, &limit);
        }
        seal(settings, target, &fields, pass.client).0
    }

    fn ticket(
        &self,
        tickets: &Settings,
        child: Child,
        target: Target<'_>,
    ) -> Result<String, CannotSign> {
        let Pass { until, limits, .. } = self.pass;
        let until = TimeForm::Plain.write(*until).ok_or(CannotSign::Lifetime)?;
        let limit = limit(limits.clients);
        // What is part of a preview is given as a whole; a playlist is cut by itself.
        let preview = limits.preview.filter(|_| child == Child::Playlist);
        let preview = preview.map_or("-".to_owned(), |seconds| seconds.to_string());
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
            (Field::Exper, &preview),
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
