//! What is weak about settings that can be used all the same.

use super::choices::Profile;
use super::expression::runs_into_address;
use super::key::Slot;
use super::scheme::Scheme;
use super::settings::Settings;

/// Keys with fewer characters than this can be guessed from a link. The vendors' newer pages ask for
/// as many.
const STRONG_KEY: usize = 16;

/// Something that weakens signatures, and that an administrator should know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// A key has fewer than 16 characters.
    ShortKey(Slot),
    /// The text of Tencent VOD has more than one reading.
    Ambiguous,
    /// In the text of nginx nothing parts the path from the address of the client.
    PathIntoAddress,
}

impl Weakness {
    /// A sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ShortKey(Slot::Primary) => "the primary key has fewer than 16 characters",
            Self::ShortKey(Slot::Secondary) => "the secondary key has fewer than 16 characters",
            Self::Ambiguous => {
                "in the compat profile whoever holds a link can change its preview, its limit of \
                 clients and its lists; the strict profile prevents it, a fixed us_length most of it"
            }
            Self::PathIntoAddress => {
                "in the expression, as in nginx's manual, nothing parts the path from the address: a \
                 link of /v/s for 19.0.0.1 is one of /v/s1 for 9.0.0.1, too; put a mark between them, \
                 as in $uri|$remote_addr"
            }
        }
    }
}

impl Settings {
    /// What is weak about these settings.
    pub fn weaknesses(&self) -> Vec<Weakness> {
        let short = |slot: &Slot| {
            self.keys().expose(*slot).is_some_and(|key| key.expose().len() < STRONG_KEY)
        };
        let mut found: Vec<_> = [Slot::Primary, Slot::Secondary]
            .into_iter()
            .filter(short)
            .map(Weakness::ShortKey)
            .collect();
        if self.scheme() == Scheme::TencentVod && self.profile == Profile::Compat {
            found.push(Weakness::Ambiguous);
        }
        if runs_into_address(self.formula()) {
            found.push(Weakness::PathIntoAddress);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretKey;
    use crate::domain::urlsign::Choices;

    #[test]
    fn what_is_weak() {
        let secret = |text: &str| SecretKey::new(text.to_owned());
        let long = "0123456789abcdef";
        let weak = |choices: Choices, primary: &str, secondary: Option<&str>| {
            Settings::new(choices, secret(primary), secondary.map(secret)).unwrap().weaknesses()
        };
        let a = Choices::new(Scheme::AliA);
        assert_eq!(weak(a.clone(), long, None), []);
        assert_eq!(weak(a.clone(), "short1", None), [Weakness::ShortKey(Slot::Primary)]);
        assert_eq!(weak(a, long, Some("short1")), [Weakness::ShortKey(Slot::Secondary)]);
        let mut vod = Choices::new(Scheme::TencentVod);
        assert_eq!(weak(vod.clone(), long, None), []);
        vod.profile = Some(Profile::Compat);
        assert_eq!(weak(vod, long, None), [Weakness::Ambiguous]);
        let mut nginx = Choices::new(Scheme::Nginx);
        assert_eq!(
            weak(nginx.clone(), long, None),
            [Weakness::PathIntoAddress],
            "the manual's own"
        );
        for (expression, slides) in [
            ("$secure_link_expires$uri${remote_addr} $secret", true),
            ("$secure_link_expires$uri:$remote_addr $secret", true),
            ("$secure_link_expires${uri}ff.$remote_addr $secret", true),
            ("$secure_link_expires$uri|$remote_addr $secret", false),
            ("$secure_link_expires$uri /1$remote_addr $secret", false),
            ("$secure_link_expires$uri $secret $remote_addr", false),
            ("$remote_addr$uri $secure_link_expires $secret", false),
            ("$secure_link_expires$uri $secret", false),
        ] {
            nginx.expression = Some(expression.to_owned());
            let want: &[_] = if slides { &[Weakness::PathIntoAddress] } else { &[] };
            assert_eq!(weak(nginx.clone(), long, None), want, "{expression}");
        }
    }
}
