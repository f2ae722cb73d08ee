//! The referer check of a request for an object: what its bucket's gate says, and what becomes of
//! that.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::App;
use super::access::ObjectPermit;
use super::bucket::Bucket;
use super::error::Error;
use crate::domain::code::{self, Reason};
use crate::domain::name::ObjectKey;
use crate::domain::op::Action;
use crate::domain::referer::{DenialAnswer, Facts, FactsBuf, Mode, RedirectUrl, Refused, Verdict};
use crate::domain::stats;

/// What the referer check refused, or would refuse if the bucket were not only monitored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefererDenial {
    /// What the client is told.
    pub reason: Reason,
    /// The rule, for the log alone.
    pub rule: Cow<'static, str>,
}

impl RefererDenial {
    pub(super) fn of(rule: &Refused<'_>) -> Self {
        Self { reason: rule.reason(), rule: rule.text() }
    }
}

/// What a client whom the referer policy denies gets instead of an error.
#[derive(Debug)]
pub enum Instead {
    /// It is sent there.
    Redirect(RedirectUrl),
    /// It gets this object. The owner chose it for everybody, so no ACL is asked.
    Substitute(Box<ObjectPermit>),
}

/// What a decision counts as, and what becomes of the request: what would have been refused, or the
/// refusal.
pub(super) type Checked = (stats::Verdict, Result<Option<RefererDenial>, Error>);

/// Slots for going through rules, which nobody should wait for who has other requests to answer:
/// those of policies that are not compiled yet, after a start, for the seconds that compiling a long
/// list takes; and those of which more than usual may fit a referer, in lists made to be slow.
#[derive(Debug)]
pub(super) struct Scanners {
    /// For referers of up to [`SHORT_BYTES`], which take a millisecond or two for a million rules.
    short: Arc<Semaphore>,
    /// For the others, which take up to half a second, so that nobody else waits for them. Browsers
    /// do not send such referers across sites.
    long: Arc<Semaphore>,
}

/// The most bytes of the lines of a request that has a short referer.
const SHORT_BYTES: usize = 256;

/// How long a request waits for a slot before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);

impl Default for Scanners {
    fn default() -> Self {
        Self { short: Arc::new(Semaphore::new(2)), long: Arc::new(Semaphore::new(1)) }
    }
}

impl Scanners {
    async fn slot(&self, facts: &FactsBuf) -> Option<OwnedSemaphorePermit> {
        let slots = if facts.bytes() <= SHORT_BYTES { &self.short } else { &self.long };
        timeout(PATIENCE, Arc::clone(slots).acquire_owned()).await.ok()?.ok()
    }
}

impl App {
    /// Asks a bucket's gate. Each request for an object that obeys the policy comes here once, with
    /// its verdict, whether it is refused, passes, or passes because the bucket is monitored. One
    /// that cannot be decided in time is refused as such.
    pub(super) async fn check_referer(
        &self,
        bucket: &Arc<Bucket>,
        (action, key): (Action, &ObjectKey),
        facts: &Facts<'_>,
    ) -> Checked {
        let settings = bucket.settings();
        let (_, gate) = settings.referer.answering();
        if let Some(verdict) = gate.decide_soon(facts) {
            return judge(bucket, (action, key), &verdict);
        }
        let (own, key) = (Arc::clone(bucket), key.clone());
        let judge = move |verdict: &Verdict<'_>| judge(&own, (action, &key), verdict);
        match Box::pin(self.scan(bucket, facts, judge)).await {
            Ok(checked) => checked,
            // Who only monitors wants nobody refused, whatever happens.
            Err(_) if settings.referer.extras().mode == Mode::Monitor => {
                (stats::Verdict::NotReady, Ok(None))
            }
            Err(err) => (stats::Verdict::NotReady, Err(err)),
        }
    }

    /// What would refuse such a request from somebody who did not sign it, for people who ask
    /// why. Nothing comes of it.
    pub async fn explain_denial(
        &self,
        permit: &ObjectPermit,
        facts: &Facts<'_>,
    ) -> Option<RefererDenial> {
        let denial = |verdict: &Verdict<'_>| verdict.refused().map(RefererDenial::of);
        let settings = permit.bucket().settings();
        let (_, gate) = settings.referer.answering();
        if let Some(verdict) = gate.decide_soon(facts) {
            return denial(&verdict);
        }
        self.scan(permit.bucket(), facts, denial).await.ok().flatten()
    }

    /// Asks a bucket's gate where it holds up no other request.
    async fn scan<T: Send + 'static>(
        &self,
        bucket: &Bucket,
        facts: &Facts<'_>,
        then: impl FnOnce(&Verdict<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let facts = FactsBuf::of(facts);
        let slot = self.scanners.slot(&facts).await;
        let slot = slot.ok_or(Error::Refused(code::POLICY_NOT_READY))?;
        // Meanwhile it may have been compiled.
        let settings = bucket.settings();
        let scanned = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            then(&settings.referer.answering().1.decide(&facts.get()))
        });
        scanned.await.map_err(|_| Error::Fault("a referer check panicked"))
    }
}

/// What becomes of a request that was decided.
fn judge(bucket: &Arc<Bucket>, asked: (Action, &ObjectKey), verdict: &Verdict<'_>) -> Checked {
    let checked = match verdict {
        Verdict::Pass(_) => Ok(None),
        Verdict::WouldRefuse(rule) => Ok(Some(RefererDenial::of(rule))),
        Verdict::Refuse { rule, answer } => Err(Error::Referer {
            bucket: bucket.name.clone(),
            denial: RefererDenial::of(rule),
            instead: instead(bucket, asked, answer),
        }),
    };
    (stats::Verdict::of(verdict), checked)
}

/// What a refused request gets instead of an error. The substitute itself has no substitute.
fn instead(
    bucket: &Arc<Bucket>,
    (action, key): (Action, &ObjectKey),
    answer: &DenialAnswer,
) -> Option<Instead> {
    match answer.to(action) {
        DenialAnswer::Forbidden => None,
        DenialAnswer::Redirect(url) => Some(Instead::Redirect(url.clone())),
        DenialAnswer::Substitute(other) if other == key => None,
        DenialAnswer::Substitute(other) => {
            Some(Instead::Substitute(Box::new(ObjectPermit::of_substitute(bucket, other))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::local::LocalBlobs;
    use crate::domain::acl::BucketAcl;
    use crate::domain::name::BucketId;
    use crate::domain::object::StorageClass;
    use crate::domain::op::HostRules;
    use crate::domain::referer::{
        EmptyReferer, Extras, MAX_REFERER_BYTES, Pattern, Policy, PolicyVersion, Referers,
    };
    use crate::domain::seal::{KeyVersion, Keyring, MasterKey};
    use crate::domain::secret::SecretKey;
    use crate::domain::stats::Verdict as Counted;
    use crate::domain::time::UnixMillis;
    use crate::meta::sqlite::Sqlite;
    use crate::meta::{self, Keep};
    use crate::service::clock::Clock;
    use crate::service::{Parts, stats};

    /// A service that knows a bucket with a long list, as after a start, and never compiles it.
    async fn app(mode: Mode) -> (tempfile::TempDir, Arc<App>, Arc<Bucket>) {
        let folder = tempfile::tempdir().unwrap();
        let app = App::start(Parts {
            meta: Arc::new(Sqlite::open(&folder.path().join("meta.sqlite")).await.unwrap()),
            blobs: Arc::new(LocalBlobs::open(folder.path().join("blobs")).unwrap()),
            clock: Clock::system().unwrap(),
            region: "cn-hangzhou".parse().unwrap(),
            hosts: HostRules::default(),
            knows_regions: false,
            root: ("id".parse().unwrap(), SecretKey::new("secret".into())),
            master_keys: Keyring::new([(KeyVersion(1), MasterKey::new([7; 32].into()))]).unwrap(),
            object_cache_bytes: 1 << 20,
            keep: Keep { versions: 1, bytes: 1 },
            keep_stats: stats::Keep { days: 1, hours: 1 },
        });
        let app = app.await.unwrap();
        let bucket = add(&app, (1, "bucket"), mode);
        (folder, app, bucket)
    }

    fn add(app: &App, (id, name): (i64, &str), mode: Mode) -> Arc<Bucket> {
        let rule = |text: String| Pattern::read(&text).unwrap();
        let policy = Policy {
            empty: EmptyReferer::Deny,
            allow: (0..3000).map(|n| rule(format!("*.site-{n}.example/"))).collect(),
            deny: vec![rule("https://bad.*".into())],
            ..Policy::default()
        };
        app.buckets.add(meta::Bucket {
            id: BucketId(id),
            name: name.parse().unwrap(),
            created: UnixMillis(0),
            acl: BucketAcl::PublicRead,
            storage_class: StorageClass::Standard,
            policy,
            policy_version: PolicyVersion(1),
            extras: Extras { mode, ..Extras::default() },
            policy_document: None,
            referer_max_bytes: None,
            cors: None,
        });
        app.buckets.find(&name.parse().unwrap()).unwrap()
    }

    /// What a request counts as, and what it is refused for.
    async fn ask(app: &App, bucket: &Arc<Bucket>, referer: &str) -> (Counted, Option<Reason>) {
        let facts = Facts::of(Referers::read([referer.as_bytes()]));
        let key = "key".parse().unwrap();
        let (counted, checked) = app.check_referer(bucket, (Action::GetObject, &key), &facts).await;
        (counted, checked.err().map(|err| err.reason()))
    }

    fn long(host: &str) -> String {
        let url = format!("https://{host}/");
        format!("{url}{}", "x".repeat(MAX_REFERER_BYTES - url.len()))
    }

    #[tokio::test]
    async fn a_long_list_decides_before_it_is_compiled() {
        let (_folder, app, bucket) = app(Mode::Enforce).await;
        let refused = |reason| Some(reason);
        let far = long("www.site-2999.example");
        #[rustfmt::skip]
        let table = [
            ("https://www.site-2999.example/", Counted::AllowedListed, None),
            (far.as_str(), Counted::AllowedListed, None),
            ("https://bad.site-1.example/", Counted::DeniedListed, refused(code::REFERER_BLACKLISTED)),
            ("https://thief.example/", Counted::DeniedNotListed, refused(code::REFERER_NOT_WHITELISTED)),
            ("", Counted::DeniedEmpty, refused(code::REFERER_EMPTY)),
        ];
        for (referer, counted, reason) in table {
            assert_eq!(ask(&app, &bucket, referer).await, (counted, reason), "{referer:.40}");
        }
    }

    /// Those that wait to put what they compiled into force keep nobody from compiling.
    #[tokio::test]
    async fn buckets_that_are_being_changed_hold_up_no_other() {
        let (_folder, app, first) = app(Mode::Enforce).await;
        let [second, third] =
            [(2, "second"), (3, "third")].map(|named| add(&app, named, Mode::Enforce));
        let all_in_force = async |buckets: &[&Arc<Bucket>]| {
            for _ in 0..1200 {
                if buckets.iter().all(|bucket| bucket.settings().referer.is_in_force()) {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            false
        };
        let changing = (first.changing.lock().await, second.changing.lock().await);
        for bucket in [&first, &second, &third] {
            app.compile_soon(bucket);
        }
        assert!(all_in_force(&[&third]).await);
        assert!(!first.settings().referer.is_in_force());
        drop(changing);
        assert!(all_in_force(&[&first, &second]).await);
    }

    #[tokio::test]
    async fn what_cannot_be_decided_in_time_is_refused_as_such() {
        for (mode, reason) in [(Mode::Enforce, Some(code::POLICY_NOT_READY)), (Mode::Monitor, None)]
        {
            let (_folder, app, bucket) = app(mode).await;
            let good = ask(&app, &bucket, "https://www.site-1.example/").await;
            let slots = app.scanners.short.clone().acquire_many_owned(2).await.unwrap();
            tokio::time::pause();
            let late = ask(&app, &bucket, "https://www.site-2.example/").await;
            assert_eq!(late, (Counted::NotReady, reason), "{mode:?}");
            tokio::time::resume();
            let again = ask(&app, &bucket, "https://www.site-1.example/").await;
            assert_eq!(again, good, "{mode:?}: it is remembered");
            let empty = ask(&app, &bucket, "").await.0;
            assert_ne!(empty, Counted::NotReady, "{mode:?}: no rule is asked");
            let other = ask(&app, &bucket, &long("www.site-2.example")).await;
            assert_eq!(other, good, "{mode:?}: long ones have a slot of their own");
            drop(slots);
            assert_eq!(ask(&app, &bucket, "https://www.site-2.example/").await, good, "{mode:?}");
        }
    }
}
