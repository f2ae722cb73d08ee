//! `refgate sign url`.

use std::net::IpAddr;
use std::process::ExitCode;

use clap::Args;

use super::moment;
use super::settings::SettingsArgs;
use crate::cli::Failure;
use crate::domain::delivery::LinkUrl;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{
    Explanation, Link, Lists, Request, Scheme, Scope, Settings, Target, escape, explain, sign,
};
use crate::service::clock::link_id;

/// What to sign, or to try.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct UrlArgs {
    /// The URLs, or paths that begin with /. What has to be escaped is
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    link: LinkArgs,

    /// Try the URLs, which are signed, and say why they pass or not
    #[arg(long)]
    verify: bool,

    /// Print the text that was hashed, with {key} where the key stands, and when the link ends
    #[arg(long)]
    explain: bool,
}

const AFTER_HELP: &str = "\
The key is read from a file or from a variable and never from the command line,
where others can see it.

Where a domain has a validity, the time in a link is that of signing, and the
domain adds its validity. --lifetime is the whole: the time in the link is then
now + lifetime - validity, before now for a link that ends sooner.";

/// What a link allows.
#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// For how many seconds the link is good [default: the validity, or 1800]
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u32>,

    /// `rand`, and `us` of Tencent VOD [default: drawn]
    #[arg(long, value_name = "TEXT")]
    random: Option<String>,

    /// A user's id
    #[arg(long)]
    uid: Option<String>,

    /// Tencent VOD: so many seconds may be seen
    #[arg(long, value_name = "SECONDS")]
    preview: Option<u32>,

    /// Tencent VOD, refgate: so many different clients may use the link
    #[arg(long, value_name = "1-9")]
    clients: Option<u8>,

    /// Tencent VOD: domains that may embed, with commas
    #[arg(long, value_name = "DOMAINS")]
    whref: Option<String>,

    /// Tencent VOD: domains that may not
    #[arg(long, value_name = "DOMAINS")]
    bkref: Option<String>,

    /// Tencent VOD: regions that may watch, as ISO 3166-1 alpha-3 with commas
    #[arg(long, value_name = "REGIONS")]
    whreg: Option<String>,

    /// Tencent VOD: regions that may not
    #[arg(long, value_name = "REGIONS")]
    bkreg: Option<String>,

    /// refgate: sign all below the first so many directories of the path
    #[arg(long, value_name = "DEPTH")]
    directory: Option<usize>,

    /// refgate: the only method that is allowed; to try a URL, that of the request
    #[arg(long)]
    method: Option<String>,

    /// refgate, nginx: the address of the client
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,

    /// Sign, or try, as if it were that many seconds after 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
}

impl LinkArgs {
    /// A link to a target.
    pub(super) fn link<'a>(&'a self, target: Target<'a>, random: Option<&'a str>) -> Link<'a> {
        Link {
            lifetime: self.lifetime,
            random,
            uid: self.uid.as_deref(),
            preview: self.preview,
            clients: self.clients,
            lists: Lists {
                whref: self.whref.as_deref(),
                bkref: self.bkref.as_deref(),
                whreg: self.whreg.as_deref(),
                bkreg: self.bkreg.as_deref(),
            },
            scope: self.directory.map_or(Scope::File, Scope::Directory),
            method: self.method.as_deref(),
            client: self.client,
            ..Link::new(target)
        }
    }

    /// The request that would use a link.
    pub(super) fn request<'a>(&'a self, target: Target<'a>) -> Request<'a> {
        let method = self.method.as_deref().unwrap_or("GET");
        Request { method, target, client: self.client }
    }

    /// The random text that was named, or another one for every link.
    pub(super) fn random(&self, settings: &Settings) -> Result<String, Failure> {
        let length = if settings.scheme() == Scheme::TencentVod {
            settings.effective().us_length.unwrap_or(10)
        } else {
            32
        };
        match &self.random {
            Some(text) => Ok(text.clone()),
            None => link_id(length.into()).map_err(|err| Failure::of("cannot draw a text", err)),
        }
    }

    pub(super) fn moment(&self) -> UnixMillis {
        moment(self.at)
    }
}

/// A URL in parts: what stands before the path, the path with its query, and the fragment.
pub(super) struct Parts {
    pub(super) origin: String,
    pub(super) target: String,
    fragment: String,
}

impl Parts {
    /// Splits a URL, and escapes in it what a client would.
    pub(super) fn split(url: &str) -> Result<Self, Failure> {
        let parts = LinkUrl::read(url);
        let parts = parts.map_err(|err| Failure::Usage(format!("{url:?}: {err}")))?;
        let (_, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        let Target { path, query } = parts.target();
        let query = query.map(|query| format!("?{}", escape(query))).unwrap_or_default();
        Ok(Self {
            origin: parts.origin.to_owned(),
            target: format!("{}{query}", escape(path)),
            fragment: fragment.to_owned(),
        })
    }
}

/// Signs URLs, one a line, or tries them: status 0 if all pass, 1 otherwise.
pub(super) fn run(args: UrlArgs) -> Result<ExitCode, Failure> {
    let settings = args.settings.settings()?;
    let now = args.link.moment();
    let mut all_pass = true;
    for url in &args.urls {
        let parts = Parts::split(url)?;
        let target = Target::split(&parts.target);
        if args.verify {
            let found = explain(&settings, &args.link.request(target), now);
            print_verdict(&found);
            if args.explain {
                print_explanation(found.hashed.as_deref(), found.until);
            }
            all_pass &= found.verdict.is_ok();
            continue;
        }
        let random = args.link.random(&settings)?;
        let signed = sign(&settings, &args.link.link(target, Some(&random)), now)
            .map_err(|err| Failure::of(&format!("cannot sign {url:?}"), err))?;
        say!("{}{}{}", parts.origin, signed.target, parts.fragment);
        if args.explain {
            print_explanation(Some(&signed.hashed), Some(signed.until));
        }
    }
    Ok(if all_pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_verdict(found: &Explanation) {
    match &found.verdict {
        Ok(slot) => say!("passes: the digest is that of the {} key", slot.as_str()),
        Err(denial) => {
            say!("{} ({})", denial.header(), denial.status);
            say!("  because {}", denial.reason.why());
            match found.genuine {
                Some(slot) => say!("  the digest is right: that of the {} key", slot.as_str()),
                None if found.hashed.is_some() => say!("  the digest is wrong"),
                None => {}
            }
        }
    }
    if let Some((path, query)) = &found.unsigned {
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        say!("  without the signature: {}", escape(&format!("{path}{query}")));
    }
}

fn print_explanation(hashed: Option<&str>, until: Option<i64>) {
    match hashed {
        // What nginx hashes is decoded, and might talk to the terminal.
        Some(hashed) if hashed.chars().any(char::is_control) => say!("  hashed: {hashed:?}"),
        Some(hashed) => say!("  hashed: {hashed}"),
        None => {}
    }
    if let Some(until) = until {
        let date = UnixMillis::from_secs(until).try_iso8601();
        let date = date.map(|date| format!(" ({date})")).unwrap_or_default();
        say!("  good until: {until}{date}");
    }
}
