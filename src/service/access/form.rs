//! Uploads by HTML forms: who sends one stands in its fields, and so does the key.
//!
//! So the order of refusals is: existence of the bucket, then the form up to its file, then its
//! signature and the policy that is signed, and from there as for any upload of an object: referer
//! policy, policies of the user and the bucket, ACL. Only then the bytes of the file are taken.
//!
//! What else a request presents, in its headers or its query, is not looked at, as OSS does: pages
//! send the tokens of their own servers along. Nothing comes of it, no right and no exemption from
//! the referer policy.

use super::Wish;
use super::caller::{Caller, Principal, Visit};
use super::permit::{FormPermit, ObjectPermit};
use crate::domain::auth::{Channel, FormClaim, PayloadHash, Place};
use crate::domain::form::{PostPolicy, SizeRange, Unmet, UploadForm};
use crate::domain::name::ObjectKey;
use crate::domain::op::{Action, Target};
use crate::service::App;
use crate::service::error::Error;

/// A form's sender, as far as it was proved, with what it signed.
#[derive(Debug)]
pub struct FormSender(Caller);

impl App {
    /// Finds out who sends a form.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`]: what the form presents is not true. It is then refused, and never treated
    /// as anonymous.
    pub fn identify_form(&self, claim: &FormClaim) -> Result<FormSender, Error> {
        let FormClaim::Signed(claim) = claim else { return Ok(FormSender(Caller::ANONYMOUS)) };
        let place = Place { region: &self.region, now: self.clock.now() };
        let mut principal = Principal::Anonymous;
        claim.prove(&place, |id, token| {
            let credential = self.credential(id, token)?;
            principal = credential.principal;
            Ok(credential.key)
        })?;
        Ok(FormSender(Caller {
            principal,
            access_key_id: Some(claim.access_key_id().clone()),
            channel: Some(Channel::Form),
            payload: PayloadHash::Unsigned,
            circumstances: None,
        }))
    }

    /// Asks the policy of a form, and says how large its file may be.
    ///
    /// # Errors
    ///
    /// [`Unmet`].
    pub fn check_form(
        &self,
        permit: &FormPermit,
        policy: &PostPolicy,
        form: &UploadForm,
    ) -> Result<SizeRange, Unmet> {
        policy.check(&permit.0.name, form, self.clock.now())
    }

    /// Decides whether the sender of a form may write the object that the form names, and perform
    /// the other operations on it that the form's fields ask for.
    ///
    /// # Errors
    ///
    /// [`Error`] as for `PutObject`.
    pub async fn permit_form(
        &self,
        permit: FormPermit,
        sender: &FormSender,
        (key, also): (&ObjectKey, &[Action]),
        visit: &mut Visit<'_>,
    ) -> Result<ObjectPermit, Error> {
        let target = Target::Object(permit.0.name.clone(), key.clone());
        let wish = Wish { action: Action::PutObject, target: &target, also, source: None };
        // The form may have taken its time.
        let bucket = self.existing(&permit.0.name)?;
        let caller = self.placed((&sender.0, Some(&bucket)), &wish, visit);
        let put = (Action::PutObject, Action::PutObject);
        let permit = self.permit_object(put, (bucket, key), &caller, visit).await?;
        self.permit_also(permit, also).await
    }
}
