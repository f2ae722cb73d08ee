//! No request makes the verifier of signed URLs panic, and none passes that was not signed. One that
//! is known again is one that would pass.
//!
//! ```text
//! cargo +nightly fuzz run urlsign
//! ```
//!
//! The first byte of an input chooses the scheme. Then come lines: a path with a query that is
//! signed, and targets that are tried. In those, `$` stands for the signed target, so that the
//! fuzzer needs to guess no digest to come close to one.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use refgate::domain::encode::percent_decode_bytes;
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Choices, Link, Profile, Request, Scheme, Settings, Target, Verified, explain, sign, verify,
};

const NOW: UnixMillis = UnixMillis::from_secs(1_700_000_000);
const CLIENT: [u8; 4] = [192, 0, 2, 7];

fn settings(choice: u8) -> Settings {
    let scheme = Scheme::ALL[usize::from(choice) % Scheme::ALL.len()];
    let mut choices = Choices::new(scheme);
    if scheme == Scheme::TencentVod && choice >= 128 {
        choices.profile = Some(Profile::Compat);
    }
    if scheme == Scheme::Nginx && choice >= 128 {
        choices.expression = Some("$secure_link_expires$uri|$remote_addr $secret".to_owned());
    }
    let key = SecretKey::new("0123456789abcdefghijklmnopqrstuv".to_owned());
    Settings::new(choices, key, None).expect("every scheme takes this key")
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn decoded(path: &str) -> Cow<'_, [u8]> {
    percent_decode_bytes(path).expect("what passes has no broken escape")
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let settings = settings(choice);
    let mut lines = text.split('\n');
    let unsigned = Target::split(lines.next().unwrap_or_default());
    let mut link = Link::new(unsigned);
    link.random = Some("a123456789");
    link.client = (settings.scheme() == Scheme::Nginx).then(|| CLIENT.into());
    let signed = sign(&settings, &link, NOW).ok();
    let made = signed.as_ref().map_or("", |signed| &signed.target);
    let mut known = Verified::default();
    for line in lines.take(8) {
        let tried = line.replacen('$', made, 1);
        let target = Target::split(&tried);
        let request = Request { method: "GET", target, client: Some(CLIENT.into()) };
        let verdict = verify(&settings, &request, NOW);
        assert_eq!(explain(&settings, &request, NOW).verdict, verdict.clone().map(|it| it.key));
        if let Some(again) = known.again(&request, NOW) {
            assert_eq!(Ok(again), verdict, "{tried}");
        }
        let Ok(pass) = verdict else { continue };
        known.keep(&request, &pass, NOW);
        // What passes is what was signed: the path, and the time.
        let signed = signed.as_ref().expect("nothing passes that nobody signed");
        assert_eq!(pass.until, signed.until, "{tried}");
        if settings.scheme() == Scheme::TencentVod {
            assert_eq!(directory(pass.path), directory(unsigned.path), "{tried}");
        } else if settings.scheme() == Scheme::Nginx {
            // It is signed with its escapes undone. Without a mark behind it an address of another
            // length could take some of it, but there is one client here.
            assert_eq!(decoded(pass.path), decoded(unsigned.path), "{tried}");
        } else {
            assert_eq!(pass.path, unsigned.path, "{tried}");
        }
    }
});
