//! The schemes: one row each.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::field::Field;
use super::formula::{Algorithm, Part, TokenForm};
use super::key::{Charset, InvalidKey, KeyRule};
use super::row::{Absent, First, Layout, Life, Row, Rules, either, optional, required};
use super::stamp::TimeForm;
use crate::domain::secret::SecretKey;

const fn text(text: &'static str) -> Part {
    Part::Text(Cow::Borrowed(text))
}

const DASHED: &[Field] = &[Field::Stamp, Field::Rand, Field::Uid, Field::Token];
const AUTH_KEY: &[Layout] =
    &[Layout::Joined { param: required(Field::Token, "auth_key"), mark: b'-', fields: DASHED }];
const SIGN_DASHED: &[Layout] =
    &[Layout::Joined { param: required(Field::Token, "sign"), mark: b'-', fields: DASHED }];
const TIME_TOKEN: Layout = Layout::Path([Field::Stamp, Field::Token]);
const TOKEN_TIME: Layout = Layout::Path([Field::Token, Field::Stamp]);
const KEY1_KEY2: Layout =
    Layout::Query(&[either(Field::Token, "KEY1", "key1"), either(Field::Stamp, "KEY2", "key2")]);
const SIGN_TIME: &[Layout] =
    &[Layout::Query(&[required(Field::Token, "sign"), required(Field::Stamp, "time")])];
const SIGN_T: &[Layout] =
    &[Layout::Query(&[required(Field::Token, "sign"), required(Field::Stamp, "t")])];
const MD5_EXPIRES: &[Layout] =
    &[Layout::Query(&[required(Field::Token, "md5"), required(Field::Stamp, "expires")])];
/// In the order in which the vendor wants them in a URL.
const VOD: &[Layout] = &[Layout::Query(&[
    required(Field::Stamp, "t"),
    optional(Field::Exper, "exper"),
    optional(Field::Rlimit, "rlimit"),
    optional(Field::Us, "us"),
    optional(Field::Whreg, "whreg"),
    optional(Field::Bkreg, "bkreg"),
    optional(Field::Whref, "whref"),
    optional(Field::Bkref, "bkref"),
    required(Field::Token, "sign"),
])];
#[rustfmt::skip]
const OWN: &[Layout] = &[Layout::Joined { param: required(Field::Token, "rg-auth"), mark: b'~', fields: &[
    Field::Version, Field::KeyId, Field::Stamp, Field::Scope, Field::Method, Field::Network,
    Field::Limit, Field::Token,
] }];

#[rustfmt::skip]
pub(super) static TICKET_LAYOUT: Layout = Layout::Joined {
    param: required(Field::Token, "rg-ticket"), mark: b'~', fields: &[
        Field::Version, Field::KeyId, Field::Stamp, Field::Scope, Field::Method, Field::Network,
        Field::Limit, Field::Exper, Field::Whref, Field::Bkref, Field::Whreg, Field::Bkreg,
        Field::Token,
    ],
};

/// `URI-timestamp-rand-uid-PrivateKey`, of which the URL has what stands between path and key
const PATH_DASHED_KEY: &[Part] =
    &[Part::Path, text("-"), Part::Field(Field::Joined), text("-"), Part::Key];
/// `PrivateKey+timestamp+Path`
const KEY_TIME_PATH: &[Part] = &[Part::Key, Part::Field(Field::Stamp), Part::Path];
/// `PrivateKey+Path+timestamp`
const KEY_PATH_TIME: &[Part] = &[Part::Key, Part::Path, Part::Field(Field::Stamp)];
/// `KEY+Dir+t+exper+rlimit+us+whref+bkref+whreg+bkreg`
#[rustfmt::skip]
const KEY_DIRECTORY_REST: &[Part] = &[
    Part::Key, Part::Directory, Part::Field(Field::Stamp), Part::Field(Field::Exper),
    Part::Field(Field::Rlimit), Part::Field(Field::Us), Part::Field(Field::Whref),
    Part::Field(Field::Bkref), Part::Field(Field::Whreg), Part::Field(Field::Bkreg),
];
/// The lines of refgate's own scheme.
#[rustfmt::skip]
const LINES: &[Part] = &[
    text("v1\n"), Part::Field(Field::KeyId), text("\n"), Part::Field(Field::Stamp), text("\n"),
    Part::Field(Field::Scope), text("\n"), Part::Field(Field::Method), text("\n"),
    Part::ScopedPath, text("\n"), Part::ScopedQuery, text("\n"), Part::Network, text("\n"),
    Part::Field(Field::Limit),
];

/// The lines of a ticket.
#[rustfmt::skip]
const TICKET_LINES: &[Part] = &[
    text("ticket v1\n"), Part::Field(Field::KeyId), text("\n"), Part::Field(Field::Stamp), text("\n"),
    Part::Field(Field::Scope), text("\n"), Part::Field(Field::Method), text("\n"),
    Part::ScopedPath, text("\n"), Part::ScopedQuery, text("\n"), Part::Network, text("\n"),
    Part::Field(Field::Limit), text("\n"), Part::Field(Field::Exper), text("\n"),
    Part::Field(Field::Whref), text("\n"), Part::Field(Field::Bkref), text("\n"),
    Part::Field(Field::Whreg), text("\n"), Part::Field(Field::Bkreg),
];

const fn alphanumeric(min: usize, max: usize) -> KeyRule {
    KeyRule { min, max, charset: Charset::Alphanumeric }
}

const fn visible(min: usize, max: usize) -> KeyRule {
    KeyRule { min, max, charset: Charset::Visible }
}

/// What most rows share.
const BASE: Row = Row {
    layouts: AUTH_KEY,
    formula: PATH_DASHED_KEY,
    algorithms: &[Algorithm::Md5],
    token: TokenForm::Hex,
    times: &[TimeForm::Decimal],
    life: Life::Since { default: 1800, max: 31_536_000 },
    tolerance: 0,
    keys: alphanumeric(6, 128),
    rename: false,
    rules: Rules::Dashed,
    absent: Absent::Argument,
    first: First::Time,
};
const TENCENT: Row = Row {
    life: Life::Since { default: 1800, max: 630_720_000 },
    keys: alphanumeric(6, 40),
    ..BASE
};
const C: Row = Row {
    layouts: &[KEY1_KEY2, TOKEN_TIME],
    formula: KEY_PATH_TIME,
    times: &[TimeForm::Hex, TimeForm::UpperHex],
    rules: Rules::None,
    absent: Absent::EncodedOrPlain,
    ..BASE
};

/// What a playlist leads to carries where a signature of the scheme would open more than that. No
/// scheme of its own: the keys of the domain make it, and it is verified beside the scheme's own.
pub(super) static TICKET: Row = Row {
    layouts: std::slice::from_ref(&TICKET_LAYOUT),
    formula: TICKET_LINES,
    algorithms: &[Algorithm::HmacSha256],
    token: TokenForm::Base64,
    times: &[TimeForm::Plain],
    life: Life::Until,
    rules: Rules::Own,
    ..BASE
};

macro_rules! schemes {
    ($($variant:ident $name:literal $title:literal $row:expr;)*) => {
        /// A way to sign URLs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scheme {
            $(#[doc = $title] $variant),*
        }

        impl Scheme {
            /// Every scheme.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in settings and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Whose scheme it is.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            pub(super) const fn row(self) -> &'static Row {
                match self { $(Self::$variant => const { &$row }),* }
            }
        }
    };
}

schemes! {
    Refgate "refgate" "refgate's own scheme" Row {
        layouts: OWN, formula: LINES, algorithms: &[Algorithm::HmacSha256],
        token: TokenForm::Base64, times: &[TimeForm::Plain], life: Life::Until,
        keys: visible(32, 128), rename: true, rules: Rules::Own, ..BASE
    };
    AliA "ali-a" "Alibaba Cloud CDN, type A" BASE;
    AliB "ali-b" "Alibaba Cloud CDN, type B" Row {
        layouts: &[TIME_TOKEN], formula: KEY_TIME_PATH, times: &[TimeForm::Minutes],
        rules: Rules::None, absent: Absent::EncodedOrPlain, ..BASE
    };
    AliC "ali-c" "Alibaba Cloud CDN, type C" C;
    AliF "ali-f" "Alibaba Cloud CDN, type F" Row {
        layouts: SIGN_TIME, formula: KEY_PATH_TIME,
        times: &[TimeForm::Hex, TimeForm::UpperHex, TimeForm::Decimal], rename: true, rules: Rules::None, ..BASE
    };
    AliLive "ali-live" "ApsaraVideo Live" Row {
        life: Life::Since { default: 86_400, max: 31_536_000 }, ..BASE
    };
    TencentVod "tencent-vod" "Tencent Cloud VOD, key hotlink protection" Row {
        layouts: VOD, formula: KEY_DIRECTORY_REST, times: &[TimeForm::LowerHex],
        life: Life::Until, tolerance: 300, keys: visible(8, 40), rules: Rules::Vod, ..BASE
    };
    TencentA "tencent-a" "Tencent Cloud CDN and EdgeOne, type A" Row {
        layouts: SIGN_DASHED, rename: true, ..TENCENT
    };
    TencentB "tencent-b" "Tencent Cloud CDN and EdgeOne, type B" Row {
        layouts: &[TIME_TOKEN], formula: KEY_TIME_PATH, times: &[TimeForm::Minutes],
        rules: Rules::None, absent: Absent::EncodedOrPlain, ..TENCENT
    };
    TencentC "tencent-c" "Tencent Cloud CDN and EdgeOne, type C" Row {
        layouts: &[TOKEN_TIME], formula: KEY_PATH_TIME, times: &[TimeForm::Hex, TimeForm::UpperHex],
        rules: Rules::None, absent: Absent::EncodedOrPlain, ..TENCENT
    };
    TencentD "tencent-d" "Tencent Cloud CDN and EdgeOne, type D" Row {
        layouts: SIGN_T, formula: KEY_PATH_TIME, times: &[TimeForm::Decimal, TimeForm::Hex, TimeForm::UpperHex],
        rename: true, rules: Rules::None, ..TENCENT
    };
    VolcengineA "volcengine-a" "Volcengine CDN, type A" Row {
        algorithms: &[Algorithm::Md5, Algorithm::Sha256], keys: visible(6, 40), rename: true,
        life: Life::Since { default: 1800, max: 315_360_000 }, ..BASE
    };
    HuaweiA "huawei-a" "Huawei Cloud Live, type A" Row {
        times: &[TimeForm::Decimal, TimeForm::Hex, TimeForm::UpperHex],
        life: Life::Since { default: 1800, max: 2_592_000 }, ..BASE
    };
    Qiniu "qiniu" "Qiniu Cloud, hotlink protection by time stamps" Row {
        layouts: SIGN_T, formula: KEY_PATH_TIME, times: &[TimeForm::LowerHex], life: Life::Until,
        keys: visible(6, 128), rules: Rules::None, ..BASE
    };
    Nginx "nginx" "nginx, secure_link" Row {
        layouts: MD5_EXPIRES, formula: &[], token: TokenForm::Base64, times: &[TimeForm::Plain],
        life: Life::Until, keys: visible(6, 128), rename: true, rules: Rules::None,
        first: First::Token, ..BASE
    };
}

impl Scheme {
    pub(super) fn check_key(self, key: &SecretKey) -> Result<(), InvalidKey> {
        self.row().keys.check(self, key)
    }

    /// Whether a link can be good for a preview only.
    pub const fn has_previews(self) -> bool {
        matches!(self.row().rules, Rules::Vod)
    }

    /// Whether a link can be limited to so many clients.
    pub const fn counts_clients(self) -> bool {
        matches!(self.row().rules, Rules::Vod | Rules::Own)
    }

    /// What a vendor allows for keys.
    pub const fn key_rule(self) -> KeyRule {
        self.row().keys
    }
}

/// A text that names no scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownScheme {
    /// Its algorithm was never published, so nobody else can compute it.
    #[error(
        "Alibaba Cloud has not published the algorithm of its type {0}; \
         there are ali-a, ali-b, ali-c and ali-f"
    )]
    Unpublished(char),
    /// There is none of that name.
    #[error("there is no signing scheme of that name; there are {}", names())]
    Unknown,
}

fn names() -> String {
    let names: Vec<_> = Scheme::ALL.iter().map(|scheme| scheme.as_str()).collect();
    names.join(", ")
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        match text {
            "ali-d" | "type_d" => Err(UnknownScheme::Unpublished('D')),
            "ali-e" | "type_e" => Err(UnknownScheme::Unpublished('E')),
            _ => Self::ALL
                .iter()
                .find(|scheme| scheme.as_str() == text)
                .copied()
                .ok_or(UnknownScheme::Unknown),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
