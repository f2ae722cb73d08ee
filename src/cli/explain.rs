//! `refgate referer explain` and `refgate referer check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};

use super::Failure;
use super::client::ClientArgs;
use super::form::{Form, FormArgs, word};
use super::referer::read_gate;
use super::remote::{Remote, printable};
use crate::domain::name::BucketName;
use crate::domain::referer::Gate;
use crate::domain::referer::explain::{Resource, Signed, explain};
use crate::wire::explain::{Explained, Question};
use crate::wire::referer::DenialView;
use crate::wire::word::Word;

/// The requests to explain.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("policy").required(true))]
pub(super) struct ExplainArgs {
    /// The bucket, whose server is asked; or name a file
    #[arg(group = "policy")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long, group = "policy")]
    file: Option<PathBuf>,

    /// A file with what goes beyond OSS, as `referer settings` shows it [default: nothing does]
    #[arg(long, value_name = "FILE", conflicts_with = "bucket")]
    settings: Option<PathBuf>,

    /// The referer; repeat it for further requests. Without it, that of a request that has none
    #[arg(long, value_name = "URL")]
    referer: Vec<String>,

    /// The referers are lines of one request, not of one each
    #[arg(long, requires = "referer")]
    one_request: bool,

    /// The request's method; methods have case
    #[arg(long, default_value = "GET")]
    method: String,

    /// What the request is about
    #[arg(long, value_parser = word::<Resource>(), value_name = "WHAT", default_value_t)]
    resource: Resource,

    /// The request's query, without the parameters of a signature
    #[arg(long, default_value = "", hide_default_value = true)]
    query: String,

    /// Where the request has a signature
    #[arg(long, value_parser = word::<Signed>(), value_name = "WHERE", default_value_t)]
    signed: Signed,

    /// The signature is wrong
    #[arg(long)]
    unverified: bool,

    /// What the browser says of who asks, such as cross-site
    #[arg(long, value_name = "SITE")]
    sec_fetch_site: Option<String>,

    /// What the browser says of what it asks for, such as image
    #[arg(long, value_name = "DEST")]
    sec_fetch_dest: Option<String>,

    #[command(flatten)]
    form: FormArgs,

    #[command(flatten)]
    client: ClientArgs,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The decision.
    Decision,
    /// What it was taken on.
    Steps,
}

/// Who answers.
enum Source {
    Server(Remote),
    File(Box<Gate>),
}

/// A question with its answer.
type Told = (Question, Explained<'static>);

/// Says why requests pass or not: status 0 if all pass, 1 otherwise.
pub(super) fn run(args: ExplainArgs, detail: Detail) -> Result<ExitCode, Failure> {
    let questions = questions(&args);
    for question in &questions {
        question.asked().map_err(|err| Failure::Usage(err.to_string()))?;
    }
    let format = args.form.format;
    let source = match (args.bucket, args.file) {
        (Some(bucket), _) => Source::Server(Remote::new(args.client, bucket)?),
        (None, file) => {
            let file = file.unwrap_or_else(|| "-".into());
            Source::File(Box::new(read_gate(&file, args.settings.as_deref())?))
        }
    };
    let told = questions.into_iter().map(|question| {
        let answer = source.answer(&question)?;
        Ok((question, answer))
    });
    let told = told.collect::<Result<Vec<Told>, Failure>>()?;
    match (format, detail) {
        (Form::Text, Detail::Decision) => told.iter().for_each(print_decision),
        (Form::Text, Detail::Steps) => told.iter().for_each(print_steps),
        (Form::Json, _) => say!("{:#}", told.iter().map(json).collect::<serde_json::Value>()),
    }
    let passed = told.iter().all(|(_, answer)| answer.decision == "allow");
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn questions(args: &ExplainArgs) -> Vec<Question> {
    let request = Question {
        method: args.method.clone(),
        resource: Word(args.resource),
        query: args.query.clone(),
        signed: Word(args.signed),
        verified: !args.unverified,
        sec_fetch_site: args.sec_fetch_site.clone(),
        sec_fetch_dest: args.sec_fetch_dest.clone(),
        ..Question::default()
    };
    match args.referer.as_slice() {
        [] => vec![request],
        lines if args.one_request => vec![Question { referers: lines.to_vec(), ..request }],
        all => {
            let one = |it: &String| Question { referer: Some(it.clone()), ..request.clone() };
            all.iter().map(one).collect()
        }
    }
}

impl Source {
    /// The answer, which has one form, whoever gives it.
    fn answer(&self, question: &Question) -> Result<Explained<'static>, Failure> {
        let bad = |err| Failure::of("the answer is not an explanation", err);
        let answer = match self {
            Self::Server(remote) => {
                let question = serde_json::to_value(question).map_err(bad)?;
                remote.post("/explain", Some(&question))?
            }
            Self::File(gate) => {
                let asked = question.asked().map_err(|err| Failure::Usage(err.to_string()))?;
                let answer = explain(gate, &asked);
                serde_json::to_value(Explained::new(gate, &answer, None)).map_err(bad)?
            }
        };
        serde_json::from_value(answer).map_err(bad)
    }
}

/// The decision in a few lines.
fn print_decision((_, answer): &Told) {
    say!("{}", decision(answer));
    if answer.applies {
        print_grounds(answer, "");
    }
}

fn print_steps((question, answer): &Told) {
    say!("{}", request(question));
    say!("  {}", decision(answer));
    if !answer.applies {
        say!("  if the policy were asked: {}", answer.sentence);
    }
    say!("  step: {}", answer.step);
    print_grounds(answer, "  ");
    match &answer.denial {
        Some(DenialView::Redirect { url }) => say!("  instead: a redirect to {url}"),
        Some(DenialView::Substitute { key }) => say!("  instead: the object {}", printable(key)),
        Some(DenialView::Forbidden {}) | None => {}
    }
    if let (Some(version), Some(state)) = (answer.version, answer.state.as_deref()) {
        let newest = if state == "in-force" { "" } else { ", a newer one is being compiled" };
        say!("  by: version {version}{newest}");
    }
}

/// What the request is, in one line.
fn request(question: &Question) -> String {
    let Question { method, resource, query, signed, verified, .. } = question;
    let mark = if query.is_empty() { "" } else { "?" };
    let signed = match (signed.0, verified) {
        (Signed::None, _) => String::new(),
        (signed, true) => format!(", signed by {signed}"),
        (signed, false) => format!(", wrongly signed by {signed}"),
    };
    let lines = question.referer.iter().chain(&question.referers);
    let lines: Vec<String> = lines.map(|line| printable(line)).collect();
    let referer = if lines.is_empty() { "none".into() } else { lines.join(" and ") };
    let what = printable(&format!("{method} {}{mark}{query}{signed}", resource.0));
    format!("{what}, referer: {referer}")
}

/// What becomes of the request, in one line.
fn decision(answer: &Explained<'_>) -> String {
    let allowed = answer.decision == "allow";
    match &answer.why_not {
        Some(why_not) => {
            let decision = if allowed { "allowed" } else { "denied" };
            format!("{decision}: the policy is not asked, because {why_not}")
        }
        None if answer.would_deny => format!("allowed: {}", answer.sentence),
        None => answer.sentence.clone(),
    }
}

fn print_grounds(answer: &Explained<'_>, indent: &str) {
    if let Some(subject) = &answer.subject {
        say!("{indent}compared: {}", printable(subject));
    }
    if let Some(ec) = &answer.ec {
        say!("{indent}EC: {ec}");
    }
}

fn json((question, answer): &Told) -> serde_json::Value {
    let value = |it: serde_json::Result<serde_json::Value>| it.unwrap_or_default();
    serde_json::json!({
        "request": value(serde_json::to_value(question)),
        "answer": value(serde_json::to_value(answer)),
    })
}
