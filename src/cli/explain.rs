//! `refgate referer explain`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::lint::{Form, printable};
use super::referer::{get, read_file};
use crate::domain::name::BucketName;
use crate::domain::referer::explain::{Answer, Asked, Exempt, Signed, explain};
use crate::domain::referer::{Matcher, Referers};

/// The request to explain.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The bucket; or name a file
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long)]
    file: Option<PathBuf>,

    /// The referer; repeat it for further requests. Without it, that of a request that has none
    #[arg(long, value_name = "URL")]
    referer: Vec<String>,

    /// The request's method
    #[arg(long, default_value = "GET")]
    method: String,

    /// Where the request has a valid signature
    #[arg(long, value_enum, default_value_t = Signature::None)]
    signed: Signature,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,

    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signature {
    /// In the URL
    Url,
    /// In the Authorization header
    Header,
    /// Nowhere
    None,
}

impl From<Signature> for Signed {
    fn from(signature: Signature) -> Self {
        match signature {
            Signature::Url => Self::Url,
            Signature::Header => Self::Header,
            Signature::None => Self::None,
        }
    }
}

/// Says why requests for an object pass or not: status 0 if all pass, 1 otherwise.
pub(super) fn run(args: ExplainArgs) -> Result<ExitCode, Failure> {
    let policy = match (args.bucket, args.file) {
        (Some(bucket), _) => get(&Client::new(args.client)?, &bucket)?,
        (None, file) => read_file(&file.unwrap_or_else(|| "-".into()))?,
    };
    let matcher = Matcher::new(policy);
    let (method, signed) = (args.method.to_ascii_uppercase(), args.signed.into());
    let referers: Vec<Option<&str>> = match args.referer.as_slice() {
        [] => vec![None],
        some => some.iter().map(|it| Some(it.as_str())).collect(),
    };
    let answers = referers.into_iter().map(|referer| {
        let referers = Referers::read(referer.map(str::as_bytes));
        (referer, explain(&matcher, &Asked { method: &method, signed, referers }))
    });
    let answers: Vec<(Option<&str>, Answer<'_>)> = answers.collect();
    match args.format {
        Form::Text => answers.iter().for_each(|(referer, answer)| print_text(*referer, answer)),
        Form::Json => {
            let all: Vec<_> = answers.iter().map(|(referer, it)| json(*referer, it)).collect();
            say!("{:#}", serde_json::Value::Array(all));
        }
    }
    let passed = answers.iter().all(|(_, answer)| answer.is_allowed());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_text(referer: Option<&str>, answer: &Answer<'_>) {
    say!("referer: {}", referer.map_or_else(|| "none".into(), printable));
    match answer.exempt {
        Some(exempt) => {
            say!("  allowed: the policy is not asked, because {exempt}");
            say!("  if it were asked: {}", answer.explanation.decision);
        }
        None => say!("  {}", answer.explanation.decision),
    }
    say!("  step: {}", answer.step().as_str());
    if let Some(subject) = &answer.explanation.subject {
        say!("  compared: {}", printable(subject));
    }
    if let Some(ec) = answer.ec() {
        say!("  EC: {ec}");
    }
}

fn json(referer: Option<&str>, answer: &Answer<'_>) -> serde_json::Value {
    let rule = answer.rule();
    serde_json::json!({
        "referer": referer,
        "allowed": answer.is_allowed(),
        "applies": answer.exempt.is_none(),
        "exempt": answer.exempt.map(Exempt::as_str),
        "sentence": answer.explanation.decision.to_string(),
        "step": answer.step().as_str(),
        "list": rule.map(|(list, _)| list.as_str()),
        "position": rule.map(|(_, entry)| entry.position),
        "rule": rule.map(|(_, entry)| entry.pattern.as_str()),
        "subject": answer.explanation.subject,
        "ec": answer.ec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{Pattern, Policy};

    #[test]
    fn the_form_of_an_answer() {
        let deny = Pattern::read("http://*.a.com").into_iter().collect();
        let matcher = Matcher::new(Policy { deny, ..Policy::default() });
        let referer = Some("http://x.A.com/y?z");
        let asked = Asked {
            method: "GET",
            signed: Signed::None,
            referers: Referers::read(referer.map(str::as_bytes)),
        };
        let want = serde_json::json!({
            "referer": "http://x.A.com/y?z",
            "allowed": false,
            "applies": true,
            "exempt": null,
            "sentence": "denied: on the blacklist, rule 1 `http://*.a.com`",
            "step": "blacklist",
            "list": "blacklist",
            "position": 0,
            "rule": "http://*.a.com",
            "subject": "http://x.a.com/y",
            "ec": "0003-00000502",
        });
        assert_eq!(json(referer, &explain(&matcher, &asked)), want);
    }
}
