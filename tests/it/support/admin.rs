//! The admin API: users, their keys and policies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refgate::domain::seal::{Cell, KeyVersion, Keyring, MasterKey};
use serde_json::{Value, json};

use super::sign::{KEY_ID, SECRET};
use super::{Connection, Server, Signer};

impl Server {
    /// Asks the admin API, as the owner.
    pub(crate) fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let basic = STANDARD.encode(format!("{KEY_ID}:{SECRET}"));
        let request = format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Authorization: Basic {basic}\r\nContent-Length: {}\r\n\r\n{body}",
            self.admin,
            body.len()
        );
        let mut connection = Connection::open(&self.admin);
        connection.write(request.as_bytes());
        let response = connection.answer(method).unwrap();
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    /// The same where it must succeed.
    pub(crate) fn api_done(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.api(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Creates a user without a policy, and gives it a key.
    pub(crate) fn user(&self, name: &str) -> Signer {
        self.api_done("POST", "users", Some(&json!({ "name": name })));
        signer(&self.api_done("POST", &format!("users/{name}/keys"), None))
    }

    /// Creates a user with a policy of one statement, which allows this.
    pub(crate) fn user_who_may(&self, name: &str, actions: &Value, resources: &Value) -> Signer {
        let signer = self.user(name);
        self.allow(name, actions, resources);
        signer
    }

    /// Replaces the policy of such a user.
    pub(crate) fn allow(&self, name: &str, actions: &Value, resources: &Value) {
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
        self.user_policy(name, &json!([statement]));
    }

    /// Replaces the policy of a user.
    pub(crate) fn user_policy(&self, name: &str, statements: &Value) {
        let document = json!({ "Version": "1", "Statement": statements });
        self.api_done("PUT", &format!("policies/of-{name}"), Some(&document));
        self.api_done("PUT", &format!("users/{name}/policies/of-{name}"), None);
    }

    /// Makes temporary credentials.
    pub(crate) fn temporary(&self, wanted: &Value) -> Signer {
        signer(&self.api_done("POST", "sts", Some(wanted)))
    }

    /// Temporary credentials of nobody that may do everything, and ended a second ago. Nobody
    /// could wait for others to end.
    pub(crate) fn ended(&self) -> Signer {
        let file = std::fs::read_to_string(self.data_dir().join("master-key.toml")).unwrap();
        let file: toml::Table = file.parse().unwrap();
        let key = STANDARD.decode(file["keys"][0]["key"].as_str().unwrap()).unwrap();
        let key: [u8; 32] = key.try_into().unwrap();
        let ring = Keyring::new([(KeyVersion(1), MasterKey::new(key.into()))]).unwrap();
        let everything =
            r#"{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let owner = Signer::owner();
        let content = json!({
            "id": "STS.ended", "secret": "secret", "end": owner.at - 2, "user": null,
            "policy": everything,
        });
        let cell = Cell { table: "tokens", column: "token", row: "" };
        let sealed = ring.seal(cell, content.to_string().as_bytes(), [1; 12]).to_bytes();
        let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
        Signer { id: "STS.ended".into(), secret: "secret".into(), token: Some(token), ..owner }
    }
}

/// Whoever has the key in an answer.
fn signer(made: &Value) -> Signer {
    let text = |name: &str| made[name].as_str().map(str::to_owned);
    Signer {
        id: text("access_key_id").unwrap(),
        secret: text("access_key_secret").unwrap(),
        token: text("security_token"),
        ..Signer::owner()
    }
}
