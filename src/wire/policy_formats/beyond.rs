//! What goes beyond OSS, and so beyond every format that is written here.

use super::{Effect, Note};
use crate::domain::referer::{
    DenialAnswer, Extras, HostRule, MalformedReferer, MissingReferer, Mode,
};

/// What the result does not say of a bucket that has these settings.
pub(super) fn notes(extras: &Extras) -> Vec<Note> {
    let mode = match extras.mode {
        Mode::Enforce => None,
        Mode::Monitor => Some((Effect::Narrower, "mode = monitor refuses nobody")),
    };
    let host = match extras.host {
        HostRule::Prefix => None,
        HostRule::Strict => {
            Some((Effect::Wider, "strict_host refuses hosts that only begin like a rule"))
        }
    };
    let missing = match extras.missing {
        MissingReferer::AsPolicy => None,
        MissingReferer::Allow => {
            Some((Effect::Narrower, "missing = allow lets every request without a referer pass"))
        }
        MissingReferer::Deny => {
            Some((Effect::Wider, "missing = deny refuses every request without a referer"))
        }
        MissingReferer::DenyCrossSiteEmbeds => Some((
            Effect::Wider,
            "missing = deny-cross-site-embeds refuses embeds that had their referer removed",
        )),
    };
    let malformed = match extras.malformed {
        MalformedReferer::AsText => None,
        MalformedReferer::Deny => {
            Some((Effect::Wider, "malformed = deny refuses what is no http or https URL"))
        }
    };
    let denial = match extras.denial {
        DenialAnswer::Forbidden => None,
        DenialAnswer::Redirect(_) => Some((Effect::Information, "denials are redirected")),
        DenialAnswer::Substitute(_) => {
            Some((Effect::Information, "denials are answered with another object"))
        }
    };
    let all = [mode, host, missing, malformed, denial].into_iter().flatten();
    all.map(|(effect, text)| Note::new(effect, format!("the setting {text}"))).collect()
}
