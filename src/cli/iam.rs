//! `refgate user`, `refgate key`, `refgate policy` and `refgate sts`, by the admin API.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::{Form, FormArgs};
use super::referer::read_bytes;
use super::remote::{array, text};
use crate::domain::iam::{PolicyName, UserName};
use crate::domain::name::AccessKeyId;

/// How an answer is printed, and who gives it.
#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// List the users with their access keys and policies
    Ls {
        #[command(flatten)]
        common: Common,
    },
    /// Create a user. It may do nothing until it has a policy, and needs an access key
    Create {
        /// Its name
        user: UserName,
        #[command(flatten)]
        common: Common,
    },
    /// Show a user
    Show {
        /// Its name
        user: UserName,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a user with its access keys
    Rm {
        /// Its name
        user: UserName,
        #[command(flatten)]
        common: Common,
    },
    /// Give a user a policy
    Attach {
        /// Its name
        user: UserName,
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        common: Common,
    },
    /// Take a policy from a user
    Detach {
        /// Its name
        user: UserName,
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        common: Common,
    },
}

/// What can be done with access keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// List the access keys of a user
    Ls {
        /// Whose
        user: UserName,
        #[command(flatten)]
        common: Common,
    },
    /// Give a user a new access key. Its secret is shown this once
    Create {
        /// Whose
        user: UserName,
        #[command(flatten)]
        common: Common,
    },
    /// Disable an access key and give its user a new one. Its secret is shown this once
    Rotate {
        /// The access key id
        key: AccessKeyId,
        #[command(flatten)]
        common: Common,
    },
    /// Disable an access key
    Disable {
        /// The access key id
        key: AccessKeyId,
        #[command(flatten)]
        common: Common,
    },
    /// Enable an access key
    Enable {
        /// The access key id
        key: AccessKeyId,
        #[command(flatten)]
        common: Common,
    },
    /// Delete an access key
    Rm {
        /// The access key id
        key: AccessKeyId,
        #[command(flatten)]
        common: Common,
    },
}

/// What can be done with policies of users.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the policies
    Ls {
        #[command(flatten)]
        common: Common,
    },
    /// Show a policy
    Get {
        /// Its name
        policy: PolicyName,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Create a policy from a file, or replace it for all users who have it
    Put {
        /// Its name
        policy: PolicyName,
        /// RAM policy in JSON, - for standard input
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a policy that no user has
    Rm {
        /// Its name
        policy: PolicyName,
        #[command(flatten)]
        common: Common,
    },
}

/// Temporary credentials to make.
#[derive(Debug, Args)]
pub(super) struct StsArgs {
    /// The user whose rights they have; without one, they have those of the policy
    #[arg(long)]
    user: Option<UserName>,

    /// RAM policy in JSON that narrows them, - for standard input
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// How long they are good, in seconds: 900 to 43200
    #[arg(long, default_value_t = 3600)]
    duration: u32,

    #[command(flatten)]
    common: Common,
}

impl Common {
    fn call(self, method: &Method, path: &str, body: Option<Vec<u8>>) -> Result<Answer, Failure> {
        let json = HeaderValue::from_static("application/json");
        let headers = body.is_some().then_some((header::CONTENT_TYPE, json));
        let headers: Vec<_> = headers.into_iter().collect();
        let client = Client::new(self.client)?;
        let value = client.api(method, path, (&headers, body.unwrap_or_default()))?;
        Ok(Answer { value, form: self.form.format })
    }
}

/// An answer of the admin API, and for whom it is printed.
struct Answer {
    value: Value,
    form: Form,
}

impl Answer {
    fn print(&self, for_people: impl FnOnce(&Value)) -> ExitCode {
        match self.form {
            Form::Json => say!("{:#}", self.value),
            Form::Text => for_people(&self.value),
        }
        ExitCode::SUCCESS
    }
}

pub(super) fn user(command: UserCommand) -> Result<ExitCode, Failure> {
    let of = |user: &UserName| format!("users/{user}");
    Ok(match command {
        UserCommand::Ls { common } => common
            .call(&Method::GET, "users", None)?
            .print(|answer| array(answer, "users").iter().for_each(print_user)),
        UserCommand::Create { user, common } => {
            let body = json!({ "name": user.as_str() }).to_string().into_bytes();
            let answer = common.call(&Method::POST, "users", Some(body))?;
            answer.print(|_| say!("created {user}"))
        }
        UserCommand::Show { user, common } => {
            common.call(&Method::GET, &of(&user), None)?.print(print_user)
        }
        UserCommand::Rm { user, common } => {
            common.call(&Method::DELETE, &of(&user), None)?.print(|_| say!("deleted {user}"))
        }
        UserCommand::Attach { user, policy, common } => common
            .call(&Method::PUT, &format!("{}/policies/{policy}", of(&user)), None)?
            .print(|_| say!("{user} has {policy}")),
        UserCommand::Detach { user, policy, common } => common
            .call(&Method::DELETE, &format!("{}/policies/{policy}", of(&user)), None)?
            .print(|_| say!("{user} has {policy} no more")),
    })
}

pub(super) fn key(command: KeyCommand) -> Result<ExitCode, Failure> {
    let of = |key: &AccessKeyId| format!("keys/{key}");
    let enable = |key: &AccessKeyId, common: Common, enabled: bool| {
        let body = json!({ "enabled": enabled }).to_string().into_bytes();
        common.call(&Method::PUT, &of(key), Some(body))
    };
    Ok(match command {
        KeyCommand::Ls { user, common } => common
            .call(&Method::GET, &format!("users/{user}"), None)?
            .print(|answer| array(answer, "keys").iter().for_each(print_key)),
        KeyCommand::Create { user, common } => {
            let path = format!("users/{user}/keys");
            common.call(&Method::POST, &path, None)?.print(print_secret)
        }
        KeyCommand::Rotate { key, common } => {
            common.call(&Method::POST, &format!("{}/rotate", of(&key)), None)?.print(print_secret)
        }
        KeyCommand::Disable { key, common } => {
            enable(&key, common, false)?.print(|_| say!("{key} is disabled"))
        }
        KeyCommand::Enable { key, common } => {
            enable(&key, common, true)?.print(|_| say!("{key} is enabled"))
        }
        KeyCommand::Rm { key, common } => {
            common.call(&Method::DELETE, &of(&key), None)?.print(|_| say!("deleted {key}"))
        }
    })
}

pub(super) fn policy(command: PolicyCommand) -> Result<ExitCode, Failure> {
    let of = |policy: &PolicyName| format!("policies/{policy}");
    Ok(match command {
        PolicyCommand::Ls { common } => {
            let answer = common.call(&Method::GET, "policies", None)?;
            answer.print(|answer| {
                for policy in array(answer, "policies") {
                    say!("{}  {}", text(policy, "updated"), text(policy, "name"));
                }
            })
        }
        PolicyCommand::Get { policy, client } => {
            let got = Client::new(client)?.api(&Method::GET, &of(&policy), (&[], Vec::new()))?;
            say!("{:#}", got.get("document").unwrap_or_default());
            ExitCode::SUCCESS
        }
        PolicyCommand::Put { policy, file, common } => {
            let body = read_bytes(&file)?;
            let answer = common.call(&Method::PUT, &of(&policy), Some(body))?;
            answer.print(|_| say!("put {policy}"))
        }
        PolicyCommand::Rm { policy, common } => {
            let answer = common.call(&Method::DELETE, &of(&policy), None)?;
            answer.print(|_| say!("deleted {policy}"))
        }
    })
}

pub(super) fn sts(args: StsArgs) -> Result<ExitCode, Failure> {
    let user = args.user.as_ref().map(UserName::as_str);
    let mut body = json!({ "duration_seconds": args.duration, "user": user }).to_string();
    if let Some(file) = &args.policy {
        let policy = read_bytes(file)?;
        let policy: Box<serde_json::value::RawValue> = serde_json::from_slice(&policy)
            .map_err(|err| Failure::of(&format!("{} is not JSON", file.display()), err))?;
        // The policy goes as it is: what is twice in it is the server's to refuse.
        body.insert_str(1, &format!("\"policy\": {policy}, "));
    }
    let answer = args.common.call(&Method::POST, "sts", Some(body.into_bytes()))?;
    Ok(answer.print(|made| {
        print_secret(made);
        say!("security token     {}", text(made, "security_token"));
        say!("good until         {}", text(made, "expiration"));
    }))
}

fn print_user(user: &Value) {
    let policies: Vec<_> = array(user, "policies").iter().filter_map(Value::as_str).collect();
    say!("{}  {}  {}", text(user, "created"), text(user, "name"), policies.join(", "));
    array(user, "keys").iter().for_each(print_key);
}

fn print_key(key: &Value) {
    let enabled = key.get("enabled").and_then(Value::as_bool) == Some(true);
    let state = if enabled { "enabled" } else { "disabled" };
    say!("{}  {}  {state}", text(key, "created"), text(key, "access_key_id"));
}

fn print_secret(made: &Value) {
    say!("access key id      {}", text(made, "access_key_id"));
    say!("access key secret  {}  (not shown again)", text(made, "access_key_secret"));
}
