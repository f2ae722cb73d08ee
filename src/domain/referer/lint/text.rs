//! The sentences of findings about rules.

use super::Code;
use super::shape::Shape;
use crate::domain::referer::{Compare, MAX_REFERER_BYTES};

/// Why a rule fits no referer that a browser can send.
pub(super) fn never_matches(text: &str, shape: &Shape<'_>, compare: Compare) -> String {
    if text.len() > MAX_REFERER_BYTES && least_bytes(text) > MAX_REFERER_BYTES {
        return format!(
            "It needs a referer of over {MAX_REFERER_BYTES} bytes, and such are never compared."
        );
    }
    let odd = text.chars().find(|c| !matches!(c, '!'..='~'));
    match odd {
        Some(c) if c.is_ascii() => {
            format!("It has the character {c:?}, which a URL has only in escaped form.")
        }
        Some(c) => format!(
            "It has the character {c:?}; browsers send hosts as punycode (xn--…) and paths escaped."
        ),
        None if text.contains('#') => "It asks for a fragment, which browsers do not send.".into(),
        None if shape.host.contains('@') => {
            "It asks for a user's name before the host, which browsers do not send.".into()
        }
        None if compare == Compare::Origin && !shape.is_origin() => {
            "It asks for more than an origin, and referers are cut to scheme and host before they \
             are compared (TruncatePath)."
                .into()
        }
        None => "No URL fits it.".into(),
    }
}

/// The least number of bytes of what a pattern matches.
pub(super) fn least_bytes(text: &str) -> usize {
    text.len() - text.bytes().filter(|byte| *byte == b'*').count()
}

/// What a finding means that needs no more words than its kind.
pub(super) const fn sentence(code: Code) -> &'static str {
    match code {
        Code::LookAlikeSuffix => {
            "The host does not end: a rule fits the beginning of a referer, so hosts that go on \
             after it are admitted too. A slash closes it."
        }
        Code::LookAlikePrefix => {
            "The * stands directly before a domain, so other domains that end like it are admitted."
        }
        Code::LookAlikePath => {
            "A * also runs over slashes, so pages of any site with the rest in their path are \
             admitted. With TruncatePath referers have no path."
        }
        Code::AdmitsEverything => {
            "It admits every website, and there is no blacklist, so the other rules of the \
             whitelist have no effect."
        }
        Code::NoScheme => {
            "It has neither a scheme nor a leading *, and a referer always begins with a scheme."
        }
        Code::QuestionMark => {
            "The ? is a wildcard for one character, so the page that this was copied from does not \
             fit."
        }
        Code::SchemeTwin => "The same rule with the other of http and https is missing.",
        Code::Apex => "It fits the subdomains only; the domain itself is missing.",
        Code::PathNotSent => {
            "It has a path, but to other sites browsers send the origin alone \
             (strict-origin-when-cross-origin), unless the page asks for more."
        }
        Code::EmptyPasses => {
            "Requests without a referer pass, so any site can embed objects by writing \
             referrerpolicy=\"no-referrer\" on the element, whatever the whitelist says. The \
             setting missing = deny-cross-site-embeds refuses such embeds."
        }
        Code::EmptyDenyInVain => {
            "Empty referers are to be denied, but without a whitelist they pass all the same. A \
             whitelist of * would have them denied and admit everything else."
        }
        Code::OwnEndpoint => {
            "Pages that this server itself delivers cannot embed the bucket's objects."
        }
        Code::SearchCut => {
            "The lists are hard to compare, so superfluous and missing rules were not all looked \
             for."
        }
        Code::NeverMatches | Code::Duplicate | Code::Shadowed | Code::Blacklisted => "",
    }
}

/// What `missing = allow` does.
pub(super) const EMPTY_SET_FREE: &str = "The setting missing = allow lets requests without a \
    referer pass, so any site can embed objects by writing referrerpolicy=\"no-referrer\" on the \
    element, whatever the policy says.";

/// Why a rule for what is no website has no effect.
pub(super) const MALFORMED: &str = "What it fits is no http or https URL, and the setting \
    malformed = deny refuses all such referers.";

/// What is special about rules for WeChat's mini programs.
pub(super) const WECHAT: &str = "It has no scheme: mini programs send \
    https://servicewechat.com/{appid}/{version}/page-frame.html, which begins with one.";
