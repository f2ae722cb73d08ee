//! Settings and requests in few words.

use md5::{Digest, Md5};
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    CannotSign, Choices, Denial, Form, Link, Pass, Request, Scheme, Settings, Signed, Target, sign,
    verify,
};

/// The key of Alibaba's own examples.
pub(crate) const ALI: &str = "aliyuncdnexp1234";
/// The key of Tencent's own examples for VOD.
pub(crate) const VOD: &str = "24FEQmTzro4V5u3D5epW";
/// A key that every scheme accepts.
pub(crate) const ANY: &str = "0123456789abcdefghijklmnopqrstuv";
/// A moment: 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Settings with one key.
pub(crate) fn with_key(choices: Choices, key: &str) -> Settings {
    Settings::new(choices, SecretKey::new(key.to_owned()), None).unwrap()
}

/// The default settings of a scheme with a key.
pub(crate) fn settings(scheme: Scheme, key: &str) -> Settings {
    with_key(Choices::new(scheme), key)
}

/// All schemes with their defaults, those with two forms in both.
pub(crate) fn all_settings() -> Vec<Settings> {
    let mut all: Vec<_> = Scheme::ALL.iter().map(|scheme| settings(*scheme, ANY)).collect();
    let mut choices = Choices::new(Scheme::AliC);
    choices.form = Some(Form::Query);
    all.push(with_key(choices, ANY));
    all.push(with_key(marked_nginx(), ANY));
    all
}

/// nginx with a mark between the path and the address of the client, which the manual does not have.
pub(crate) fn marked_nginx() -> Choices {
    let mut choices = Choices::new(Scheme::Nginx);
    choices.expression = Some("$secure_link_expires$uri|$remote_addr $secret".to_owned());
    choices
}

/// The client of all requests.
pub(crate) const CLIENT: [u8; 4] = [192, 0, 2, 7];

/// A GET from [`CLIENT`].
pub(crate) fn request(target: &str) -> Request<'_> {
    Request { method: "GET", target: Target::split(target), client: Some(CLIENT.into()) }
}

/// Verifies a GET of a path with a query.
pub(crate) fn get<'a>(settings: &Settings, target: &'a str, now: i64) -> Result<Pass<'a>, Denial> {
    let pass = verify(settings, &request(target), UnixMillis::from_secs(now))?;
    Ok(*pass)
}

/// What the client of a refused request is told.
pub(crate) fn denied(settings: &Settings, target: &str, now: i64) -> String {
    get(settings, target, now).unwrap_err().header()
}

/// A link as any scheme can make it: what must be there is.
pub(crate) fn plain<'a>(settings: &Settings, target: &'a str) -> Link<'a> {
    let mut link = Link::new(Target::split(target));
    let scheme = settings.scheme();
    link.random = (scheme == Scheme::TencentVod).then_some("a123456789");
    link.client = (scheme == Scheme::Nginx).then(|| CLIENT.into());
    link
}

/// Signs a path with a query.
pub(crate) fn signed(settings: &Settings, target: &str, now: i64) -> Result<Signed, CannotSign> {
    sign(settings, &plain(settings, target), UnixMillis::from_secs(now))
}

/// A link to a path with a query.
pub(crate) fn link(settings: &Settings, target: &str) -> String {
    signed(settings, target, NOW).unwrap().target
}

/// MD5 of bytes that are no text.
pub(crate) fn md5_bytes(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// MD5 by itself, to show that a forgery has a digest that fits.
pub(crate) fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text))
}
