//! Referer policies as other products write them.
//!
//! | format | what it is | read | written |
//! | --- | --- | --- | --- |
//! | [`Import::Nginx`] | `valid_referers`, with the `server_name` around it | yes | yes |
//! | [`Import::Cos`] | the `RefererConfiguration` of Tencent COS | yes | |
//! | [`Import::S3`] | a bucket policy with conditions on `aws:Referer` | yes | |
//! | [`Import::Obs`] | a bucket policy of Huawei OBS with conditions on `Referer` | yes | |
//! | [`Import::Lines`] | one pattern a line | yes | yes |
//! | [`Export::Xml`], [`Export::Json`] | the policy itself | | yes |
//!
//! What a source says and a [`Policy`] cannot is a [`Note`], with the rule that it is about and
//! whether the policy lets in more or less for it. Nothing is left out without one. Where a choice
//! had to be made, hosts that the source does not name stay out. A whitelist of which nothing is left
//! is an error, as is a source without any rule, because an empty whitelist lets everybody in. What a bucket's owner asks for
//! beyond OSS no format has, so it is a note of everything that is written.
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

mod beyond;
mod bucket_policy;
mod cos;
mod hosts;
mod lines;
mod nginx;
mod nginx_write;
mod statement;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::referer::{write_policy, write_policy_json};
use crate::domain::referer::{Extras, Pattern, Policy, read_rule};
use crate::domain::word::words;

#[cfg(test)]
mod tests;

words! {
    /// A format that can be read.
    pub enum Import {
        /// nginx.
        Nginx = "nginx",
        /// Tencent COS.
        Cos = "cos",
        /// Amazon S3.
        S3 = "s3",
        /// Huawei OBS.
        Obs = "obs",
        /// Plain lines.
        Lines = "lines",
    }
}

words! {
    /// A format that can be written.
    pub enum Export {
        /// OSS's own.
        Xml = "xml",
        /// That of the admin API and of files.
        Json = "json",
        /// nginx.
        Nginx = "nginx",
        /// Plain lines.
        Lines = "lines",
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The policy.
    pub policy: Policy,
    /// What it could not take over as it was.
    pub notes: Vec<Note>,
}

/// What was written. For nginx and as lines, the notes are comments in the text, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// What it does not say.
    pub notes: Vec<Note>,
}

/// Something that source and result do not have in common.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Note {
    /// The line of the source, from 1, where it has lines.
    pub line: Option<usize>,
    /// The rule or statement.
    pub rule: Option<String>,
    /// What is different, as a sentence.
    #[serde(rename = "sentence")]
    pub text: String,
    /// What that does to decisions.
    #[serde(with = "crate::wire::word")]
    pub effect: Effect,
}

words! {
    /// What a difference does to decisions.
    pub enum Effect {
        /// Nothing, or something that the sentence says.
        Information = "information",
        /// The result admits less than the source.
        Narrower = "narrower",
        /// The result admits more than the source.
        Wider = "wider",
        /// The rule has no counterpart and was left out.
        Lost = "lost",
    }
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
    /// There is no rule at all, as in a file that was cut off or is the wrong one.
    #[error("there is no rule in it, and without any everybody is let in")]
    NoRule,
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

/// Writes the policy of a bucket with these settings.
pub fn export(policy: &Policy, extras: &Extras, format: Export) -> Exported {
    let plain = |text| Exported { text, notes: Vec::new() };
    let mut exported = match format {
        Export::Xml => plain(String::from_utf8_lossy(&write_policy(policy)).into_owned()),
        Export::Json => plain(write_policy_json(policy)),
        Export::Nginx => nginx_write::write(policy),
        Export::Lines => lines::write(policy),
    };
    let beyond = beyond::notes(extras);
    if matches!(format, Export::Nginx | Export::Lines) {
        exported.text.extend(beyond.iter().map(|note| format!("# {note}\n")));
    }
    exported.notes.extend(beyond);
    exported
}

/// How many of these rules were left out.
pub fn lost(notes: &[Note]) -> usize {
    notes.iter().filter(|note| note.effect == Effect::Lost).count()
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.effect)?;
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
    read_rule(text).map_err(|err| syntax(line, err.to_string()))
}
