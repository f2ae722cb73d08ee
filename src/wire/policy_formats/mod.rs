//! Referer policies as other products write them.
//!
//! | format | what it is | read | written |
//! | --- | --- | --- | --- |
//! | [`Import::Nginx`] | `valid_referers`, with the `server_name` around it | yes | yes |
//! | [`Import::Cos`] | the `RefererConfiguration` of Tencent COS | yes | |
//! | [`Import::S3`] | a bucket policy with conditions on `aws:Referer` | yes | |
//! | [`Import::Obs`] | a bucket policy of Huawei OBS with conditions on `Referer` | yes | |
//! | [`Import::Lines`] | one pattern a line | yes | yes |
//!
//! What a source says and a [`Policy`] cannot is a [`Note`], with the rule that it is about and
//! whether the policy lets in more or less for it. Nothing is left out without one. Where a choice
//! had to be made, hosts that the source does not name stay out, and a whitelist of which nothing is
//! left is an error, because an empty whitelist lets everybody in.
//!
//! Case never matters in a policy; in nginx's paths and in S3's conditions it does. Each note of
//! that kind is there once.
//!
//! # Plain lines
//!
//! A pattern on each line, for the whitelist, or behind `!` for the blacklist. `#` begins a comment
//! where it begins a line. A `\` at the beginning keeps what follows from meaning any of this. The
//! lines do not say what happens to empty referers, nor how much is compared.
//!
//! # Sources
//!
//! nginx "ngx_http_referer_module" and "Server names", tried on nginx 1.22. Tencent COS "PUT Bucket
//! referer", "Setting Hotlink Protection" and "Hotlink Protection Practice". AWS IAM "JSON policy
//! elements: Condition operators" and S3 "Examples of bucket policies". Huawei OBS "URL Validation
//! Settings" and "Bucket Policy Condition".

mod bucket_policy;
mod cos;
mod hosts;
mod lines;
mod nginx;
mod nginx_write;
mod statement;

use std::fmt;

use crate::domain::referer::{Pattern, Policy};

#[cfg(test)]
mod tests;

/// A rule of more bytes than this is refused: no rule for a host needs as many.
pub const MAX_RULE_BYTES: usize = 1024;

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// nginx.
    Nginx,
    /// Tencent COS.
    Cos,
    /// Amazon S3.
    S3,
    /// Huawei OBS.
    Obs,
    /// Plain lines.
    Lines,
}

/// A format that can be written, beside OSS's XML and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// nginx.
    Nginx,
    /// Plain lines.
    Lines,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The policy.
    pub policy: Policy,
    /// What it could not take over as it was.
    pub notes: Vec<Note>,
}

/// What was written. The notes are comments in the text, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// What it does not say.
    pub notes: Vec<Note>,
}

/// Something that source and result do not have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line of the source, from 1, where it has lines.
    pub line: Option<usize>,
    /// The rule or statement.
    pub rule: Option<String>,
    /// What is different, as a sentence.
    pub text: String,
    /// What that does to decisions.
    pub effect: Effect,
}

/// What a difference does to decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing, or something that the sentence says.
    Information,
    /// The result admits less than the source.
    Narrower,
    /// The result admits more than the source.
    Wider,
    /// The rule has no counterpart and was left out.
    Lost,
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// More bytes than the caller allows.
    #[error("the text has {bytes} bytes, it may have {limit}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("line {0} is not UTF-8")]
    Encoding(usize),
    /// Not in the format.
    #[error("line {line}: {text}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        text: String,
    },
    /// In the format, but no policy can say it.
    #[error("{0}")]
    Inexpressible(String),
    /// None of the rules that would have to be on the whitelist could be taken over.
    #[error("nothing is left of the whitelist, and an empty one lets everybody in")]
    NothingLeft,
}

/// Reads a policy in another product's format, from at most `limit` bytes.
///
/// ```
/// use refgate::wire::policy_formats::{Import, import};
///
/// let text = "valid_referers none *.example.com;";
/// let imported = import(Import::Nginx, text.as_bytes(), 1 << 20)?;
/// assert_eq!(imported.policy.allow[0].as_str(), "http://*.example.com/");
/// # Ok::<(), refgate::wire::policy_formats::ImportError>(())
/// ```
///
/// # Errors
///
/// [`ImportError`].
pub fn import(format: Import, text: &[u8], limit: usize) -> Result<Imported, ImportError> {
    if text.len() > limit {
        return Err(ImportError::TooLarge { bytes: text.len(), limit });
    }
    let text = str::from_utf8(text).map_err(|err| {
        ImportError::Encoding(line_at(text.get(..err.valid_up_to()).unwrap_or_default()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Import::Nginx => nginx::read(text),
        Import::Cos => cos::read(text),
        Import::S3 => bucket_policy::read(text, statement::Vendor::Aws),
        Import::Obs => bucket_policy::read(text, statement::Vendor::Huawei),
        Import::Lines => lines::read(text),
    }
}

/// Writes a policy in another product's format.
pub fn export(policy: &Policy, format: Export) -> Exported {
    match format {
        Export::Nginx => nginx_write::write(policy),
        Export::Lines => lines::write(policy),
    }
}

impl Effect {
    /// A name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.effect.as_str())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(rule) = self.rule.as_deref().and_then(Pattern::read) {
            write!(f, ", `{rule}`")?;
        }
        write!(f, ": {}", self.text)
    }
}

impl Note {
    fn new(effect: Effect, text: impl Into<String>) -> Self {
        Self { line: None, rule: None, text: text.into(), effect }
    }

    fn about(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..self }
    }

    fn on(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

fn syntax(line: usize, text: impl Into<String>) -> ImportError {
    ImportError::Syntax { line, text: text.into() }
}

/// The number of the line that begins or goes on behind these bytes.
fn line_at(before: &[u8]) -> usize {
    before.split(|byte| *byte == b'\n').count()
}

/// Takes a pattern that is within the bounds.
fn pattern(text: &str, line: usize) -> Result<Option<Pattern>, ImportError> {
    if text.len() > MAX_RULE_BYTES {
        let size = text.len();
        return Err(syntax(line, format!("a rule has {size} bytes, it may have {MAX_RULE_BYTES}")));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(syntax(line, format!("a rule has the control character {c:?}"))),
        None => Ok(Pattern::read(text)),
    }
}
