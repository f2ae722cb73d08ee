//! The settings of a signature on the command line: flags, a JSON file, and keys that stand in no
//! list of processes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Failure;
use crate::cli::form::{Switch, word};
use crate::config::secret_from_environment;
use crate::domain::secret::SecretKey;
use crate::domain::urlsign::{
    Algorithm, Choices, Form, Profile, Regions, Scheme, Settings, TimeForm,
};
use crate::wire::urlsign::read_choices;

/// The most bytes of a file with a key or settings.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// The environment variable with the key.
const KEY: &str = "REFGATE_SIGN_KEY";
/// The environment variable with the secondary key.
const SECONDARY_KEY: &str = "REFGATE_SIGN_SECONDARY_KEY";

/// How URLs are signed, and the keys.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    #[command(flatten)]
    choices: ChoiceArgs,

    #[command(flatten)]
    keys: KeyArgs,
}

/// The keys: in files or in variables, and never on the command line, where others can see them.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// A file with the key, or - for standard input [default: the variable REFGATE_SIGN_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// A file with another key that verifies [default: the variable REFGATE_SIGN_SECONDARY_KEY]
    #[arg(long, value_name = "FILE")]
    secondary_key_file: Option<PathBuf>,
}

/// A key from a file, or from standard input.
///
/// # Errors
///
/// [`Failure`].
pub(in crate::cli) fn key_of(file: &Path) -> Result<SecretKey, Failure> {
    let mut text = read(file)?;
    // The end of its line is no part of it.
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(SecretKey::new(text))
}

/// How URLs are signed. Flags win over the file.
#[derive(Debug, Args)]
pub(in crate::cli) struct ChoiceArgs {
    /// The scheme: refgate, ali-a, ali-b, ali-c, ali-f, ali-live, tencent-vod, tencent-a to -d,
    /// volcengine-a, huawei-a, qiniu, nginx
    #[arg(long, conflicts_with = "settings")]
    scheme: Option<Scheme>,

    /// A JSON file with the settings, without keys, or - for standard input
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// For how many seconds after the time in them the domain takes links
    #[arg(long, value_name = "SECONDS")]
    validity: Option<u32>,

    /// How many seconds links may be late beyond that
    #[arg(long, value_name = "SECONDS")]
    tolerance: Option<u32>,

    /// How many seconds the time in links may lie ahead
    #[arg(long, value_name = "SECONDS")]
    max_future: Option<u32>,

    /// How times are written, where the scheme leaves it open: decimal, hex, upper-hex; lower-hex,
    /// minutes and plain are those of schemes that have one way
    #[arg(long, value_name = "FORM")]
    time: Option<TimeForm>,

    /// The digest, where the scheme leaves it open: md5, sha256; hmac-sha256 is refgate's own
    #[arg(long)]
    algorithm: Option<Algorithm>,

    /// Where the signature stands: query, path
    #[arg(long)]
    form: Option<Form>,

    /// Another name for a parameter; repeat it for others
    #[arg(long = "parameter", value_name = "NAME=NEW", value_parser = renamed)]
    parameters: Vec<(String, String)>,

    /// Tencent VOD: strict (links with one reading) or compat (as the vendor)
    #[arg(long)]
    profile: Option<Profile>,

    /// Tencent VOD: how many characters `us` has
    #[arg(long, value_name = "CHARACTERS")]
    us_length: Option<u8>,

    /// Tencent VOD: whether whreg and bkreg are taken; a server needs its setting client_region_header
    /// for it
    #[arg(long, value_parser = word::<Switch>(), value_name = "ON|OFF")]
    regions: Option<Switch>,

    /// nginx: the expression of secure_link_md5, with $secret where the secret stands
    #[arg(long)]
    expression: Option<String>,
}

fn renamed(text: &str) -> Result<(String, String), String> {
    let (name, new) = text.split_once('=').ok_or("it is NAME=NEW")?;
    Ok((name.to_owned(), new.to_owned()))
}

impl SettingsArgs {
    /// Reads files and keys, and checks everything.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn settings(self) -> Result<Settings, Failure> {
        let inputs = [&self.choices.settings, &self.keys.key_file, &self.keys.secondary_key_file];
        one_standard_input(&inputs)?;
        let primary = self.keys.primary()?.ok_or_else(|| {
            Failure::Usage(format!("no key: name a file with --key-file, or set {KEY}"))
        })?;
        let secondary = self.keys.secondary()?;
        let choices = self.choices.choices(None)?;
        let choices =
            choices.ok_or_else(|| Failure::Usage("name a scheme with --scheme".into()))?;
        let settings = Settings::new(choices, primary, secondary)
            .map_err(|err| Failure::Usage(err.to_string()))?;
        for weakness in settings.weaknesses() {
            eprintln!("refgate: note: {}", weakness.sentence());
        }
        Ok(settings)
    }
}

/// Standard input can be read once.
///
/// # Errors
///
/// [`Failure::Usage`].
pub(in crate::cli) fn one_standard_input(files: &[&Option<PathBuf>]) -> Result<(), Failure> {
    let stdin = |file: &&&Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
    if files.iter().filter(stdin).count() > 1 {
        return Err(Failure::Usage("only one file can be standard input".into()));
    }
    Ok(())
}

impl KeyArgs {
    /// The key, if there is one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    fn primary(&self) -> Result<Option<SecretKey>, Failure> {
        key(self.key_file.as_deref(), KEY)
    }

    /// The other key, if there is one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    fn secondary(&self) -> Result<Option<SecretKey>, Failure> {
        key(self.secondary_key_file.as_deref(), SECONDARY_KEY)
    }
}

impl ChoiceArgs {
    /// What was chosen: the file, or the scheme, or what is there already, changed by the flags.
    /// `None` if there is none of these.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(in crate::cli) fn choices(
        self,
        present: Option<Choices>,
    ) -> Result<Option<Choices>, Failure> {
        let mut all = match (&self.settings, self.scheme, present) {
            (Some(file), ..) => {
                let text = read(file)?;
                let what = format!("cannot use {}", file.display());
                read_choices(text.as_bytes()).map_err(|err| Failure::of(&what, err))?
            }
            (None, Some(scheme), present) => present
                .filter(|choices| choices.scheme == scheme)
                .unwrap_or_else(|| Choices::new(scheme)),
            (None, None, Some(present)) => present,
            (None, None, None) if self.chooses() => {
                return Err(Failure::Usage("name a scheme with --scheme".into()));
            }
            (None, None, None) => return Ok(None),
        };
        all.validity = self.validity.or(all.validity);
        all.tolerance = self.tolerance.or(all.tolerance);
        all.max_future = self.max_future.or(all.max_future);
        all.time = self.time.or(all.time);
        all.algorithm = self.algorithm.or(all.algorithm);
        all.form = self.form.or(all.form);
        for (name, new) in self.parameters {
            all.names.retain(|(other, _)| *other != name);
            all.names.push((name, new));
        }
        all.profile = self.profile.or(all.profile);
        all.us_length = self.us_length.or(all.us_length);
        all.expression = self.expression.or(all.expression);
        all.regions = match self.regions {
            Some(Switch::On) => Regions::Known,
            Some(Switch::Off) => Regions::Unknown,
            None => all.regions,
        };
        Ok(Some(all))
    }

    /// Whether anything is chosen.
    fn chooses(&self) -> bool {
        self.validity.is_some()
            || self.tolerance.is_some()
            || self.max_future.is_some()
            || self.time.is_some()
            || self.algorithm.is_some()
            || self.form.is_some()
            || !self.parameters.is_empty()
            || self.profile.is_some()
            || self.us_length.is_some()
            || self.expression.is_some()
            || self.regions.is_some()
    }
}

/// A key from a file, or from the environment.
fn key(file: Option<&Path>, variable: &str) -> Result<Option<SecretKey>, Failure> {
    let Some(file) = file else {
        return Ok(secret_from_environment(variable).filter(|key| !key.expose().is_empty()));
    };
    key_of(file).map(Some)
}

/// Reads a file of text, or standard input.
fn read(file: &Path) -> Result<String, Failure> {
    let what = format!("cannot read {}", file.display());
    let bytes = read_bytes(file, MAX_FILE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| Failure::of(&what, "it is not UTF-8"))
}

/// Reads a file of at most so many bytes, or standard input.
pub(in crate::cli) fn read_bytes(file: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let what = format!("cannot read {}", file.display());
    let failed = |err| Failure::of(&what, err);
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(file).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    source.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max {
        return Err(Failure::of(&what, format!("it is over {max} bytes")));
    }
    Ok(bytes)
}
