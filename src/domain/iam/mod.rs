//! Who may do what: RAM policies of users and bucket policies, in one engine.
//!
//! A policy is read once ([`PolicyDocument`]), and asked per request. Everything here is a pure
//! function of its arguments.
//!
//! # What a statement says
//!
//! A statement applies to a request if every element that it has fits: `Action` or `NotAction`,
//! `Resource` or `NotResource`, in a bucket policy `Principal` or `NotPrincipal`, and every
//! condition. `*` stands for any run of characters, also over a `/`; `?` for exactly one.
//!
//! | what is said by the policies that are asked | decision |
//! | --- | --- |
//! | a `Deny` applies, in any of them | denied |
//! | temporary credentials have a policy of their own, and no `Allow` of it applies | denied |
//! | an `Allow` applies, of the user or of the bucket | granted |
//! | otherwise | the ACL decides |
//!
//! The owner of all buckets needs no `Allow`. A bucket's `Deny` reaches the owner where OSS has
//! it so: if the owner is named (`root`), or if everybody is meant under a condition.
//!
//! # Conditions
//!
//! All must hold; of the values of one, any. A negated operator (`…Not…`) holds if none of its
//! values fits, and also if the request lacks what it is about. What is there and cannot be read
//! (two `Referer` lines, an unreadable chain of proxies) makes a `Deny` apply and an `Allow` not.
//!
//! # Decided here, where the vendor's pages are silent
//!
//! - Names of operations are compared without regard to case, all else with.
//! - There is one account and one region here. A resource that names another is refused when the
//!   policy is put, so that no `Deny` is silently about nothing.
//! - A user is named in `Principal` by name.
//!
//! Sources: RAM "Policy structure and syntax", "Conditional operators"; OSS "RAM policy", "Bucket
//! policy", the `EC` pages 0030-….

mod condition;
mod decide;
mod document;
mod glob;
mod name;
mod statement;

pub use condition::{Circumstances, Fact, Listing};
pub use decide::{Denial, Voices, Who, decide, may_do_somewhere};
pub use document::{InvalidPolicy, Kind, MAX_POLICY_BYTES, Opinion, PolicyDocument};
pub use name::{InvalidName, PolicyName, UserId, UserName};
pub use statement::{Asked, Realm};

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
