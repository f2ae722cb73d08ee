//! `refgate sign playlist`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::settings::{SettingsArgs, read_bytes};
use super::url::{LinkArgs, Parts};
use crate::cli::Failure;
use crate::domain::urlsign::playlist::{self, Place, Reach, Rewritten};
use crate::domain::urlsign::{Parent, Target, sign, verify};

/// The playlist, and where it is served.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlaylistArgs {
    /// A file with the playlist, or - for standard input
    file: PathBuf,

    /// The URL under which it is served, without a signature
    #[arg(long)]
    url: String,

    /// Sign whatever is on the host, and not only what is in the directory that the link opens
    #[arg(long)]
    whole_host: bool,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    link: LinkArgs,
}

/// Prints a playlist as a delivery domain serves it.
pub(super) fn run(args: PlaylistArgs) -> Result<ExitCode, Failure> {
    let settings = args.settings.settings()?;
    let text = read_bytes(&args.file, playlist::MAX_BYTES as u64)?;
    let parts = Parts::split(&args.url)?;
    let now = args.link.moment();
    let random = args.link.random(&settings)?;
    let link = args.link.link(Target::split(&parts.target), Some(&random));
    let failed = |err: &dyn std::fmt::Display| Failure::of("cannot sign the playlist", err);
    let signed = sign(&settings, &link, now).map_err(|err| failed(&err))?;
    let request = args.link.request(Target::split(&signed.target));
    let pass = verify(&settings, &request, now).map_err(|denial| failed(&denial.reason))?;
    let parent = Parent::new(&settings, &pass).map_err(|denial| failed(&denial.reason))?;
    let place = Place {
        host: parts.origin.split("//").nth(1).unwrap_or_default(),
        path: pass.path,
        reach: if args.whole_host { Reach::Host } else { Reach::Within(parent.directory()) },
    };
    let most = playlist::longest(&text, &place, parent.longest_signature());
    let sign = |child, target: Target<'_>| parent.sign_child(child, target).ok();
    let written = playlist::rewrite(&text, &place, pass.limits.preview, most, sign);
    let Rewritten { text, beyond } = written.map_err(|err| failed(&err))?;
    if beyond > 0 {
        eprintln!(
            "refgate: note: {beyond} of the links lie on the host and outside of the directory that \
             the link opens, and stay as they are; --whole-host signs them"
        );
    }
    say!("{}", text.strip_suffix('\n').unwrap_or(&text));
    Ok(ExitCode::SUCCESS)
}
