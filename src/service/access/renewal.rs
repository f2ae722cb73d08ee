//! Asking once more, when the body of a request has come.
//!
//! A body may take hours, and what was granted at its beginning may have been taken back since: the
//! key was disabled, a policy or an ACL was changed, or in the place of the object there is one that
//! is closed to the sender. All of that is asked as it is now. What the request itself is counts as
//! it was when it came: where from, with which referer, and that its signature was not late.

use std::sync::Arc;

use super::caller::{Caller, Principal};
use super::permit::{Ground, ObjectPermit};
use crate::service::App;
use crate::service::error::Error;

impl App {
    /// Decides once more about all that a permit was given for.
    ///
    /// # Errors
    ///
    /// [`Error`] as it would be if the request came now.
    pub(in crate::service) async fn ask_again(&self, permit: &ObjectPermit) -> Result<(), Error> {
        let (Ground::Granted(action) | Ground::GrantedByPolicy(action)) = permit.ground else {
            return Ok(());
        };
        let caller = self.renewed(&permit.caller)?;
        for action in [action].iter().chain(&permit.also) {
            self.grant_on_object(&caller, *action, (&permit.bucket, &permit.key)).await?;
        }
        Ok(())
    }

    /// Checks that the sender's key is still one.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`].
    pub fn check_key(&self, caller: &Caller) -> Result<(), Error> {
        self.renewed(caller).map(drop)
    }

    /// The sender with the policies that it has now.
    pub(super) fn renewed(&self, caller: &Caller) -> Result<Caller, Error> {
        let principal = match &caller.principal {
            Principal::Anonymous | Principal::Owner | Principal::Visitor(_) => {
                return Ok(caller.clone());
            }
            Principal::User(_) => {
                let id = caller.access_key_id.as_ref();
                let id = id.ok_or(Error::Fault("a user without an access key"))?;
                self.credential(id, None)?.principal
            }
            Principal::Session(session) => {
                Principal::Session(Arc::new(session.renewed(&*self.directory()?)?))
            }
        };
        Ok(Caller { principal, ..caller.clone() })
    }
}
