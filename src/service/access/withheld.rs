//! What a request that the referer check refuses would have got, so that an administrator can be told
//! what it would cost to let such requests pass.
//!
//! It is asked of memory alone: whoever is refused must not be able to keep the database busy. An
//! object that memory does not know is looked up behind the requests, for the next who asks for it.

use super::caller::Caller;
use crate::domain::acl::ObjectAcl;
use crate::domain::name::ObjectKey;
use crate::domain::op::Action;
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::object::FoundObject;
use crate::service::stats::Withheld;

impl App {
    /// What a refused request would have got of an object.
    pub(super) fn withheld(
        &self,
        caller: &Caller,
        (wished, action): (Action, Action),
        (bucket, key): (&Bucket, &ObjectKey),
    ) -> Withheld {
        const NOTHING: Withheld = Withheld::Bytes(0);
        if (wished, action) != (Action::GetObject, Action::GetObject) {
            return NOTHING;
        }
        let may_read = |key, acl| self.would_grant(caller, action, (bucket, key), acl);
        // In a bucket without ACLs of objects, that is known without the object.
        let asked = (!self.meta.may_hold_acls(bucket.id)).then_some(ObjectAcl::Default);
        if asked.is_some_and(|acl| !may_read(key, acl)) {
            return NOTHING;
        }
        let unknown = |key| {
            self.stats.want(bucket.id, key);
            Withheld::Unknown
        };
        let Some(named) = self.objects.get(bucket.id, key) else { return unknown(key) };
        let acl = named.object.attributes.acl;
        if asked != Some(acl) && !may_read(key, acl) {
            return NOTHING;
        }
        let Some(link) = named.object.link.clone() else {
            return Withheld::Of(Box::new(FoundObject::of(named, None)));
        };
        let Some(target) = self.objects.get(bucket.id, &link) else { return unknown(&link) };
        let attributes = &target.object.attributes;
        if target.object.link.is_some() || !may_read(&link, attributes.acl) {
            return NOTHING;
        }
        Withheld::Of(Box::new(FoundObject::of(named, Some((link, target)))))
    }
}
