//! The rules and referers that are measured.

use refgate::domain::referer::{Pattern, Policy};

/// Rules in eight shapes, and referers of which about a quarter match one.
pub(crate) struct Mixture {
    pub(crate) rules: Vec<String>,
    pub(crate) referers: Vec<String>,
    pub(crate) hits: Vec<String>,
    pub(crate) misses: Vec<String>,
}

const REFERERS: usize = 20_000;

impl Mixture {
    pub(crate) fn new(size: usize) -> Self {
        let mut random = Random(0x5eed ^ size as u64);
        let (rules, hosts): (Vec<_>, Vec<_>) = (0..size).map(|_| rule(&mut random)).unzip();
        let referers: Vec<String> = (0..REFERERS)
            .map(|_| {
                // Not every referer of a rule's host matches, as some want another scheme.
                let host = hosts.get(random.below(hosts.len() * 100 / 31)).cloned();
                let host = host.unwrap_or_else(|| random.host());
                referer(&mut random, &host)
            })
            .collect();
        let mut mixture = Self { rules, referers, hits: Vec::new(), misses: Vec::new() };
        mixture.divide();
        mixture
    }

    pub(crate) fn policy(&self) -> Policy {
        let allow = self.rules.iter().filter_map(|rule| Pattern::read(rule)).collect();
        Policy { allow, ..Policy::default() }
    }

    /// Divides the referers by whether they match.
    fn divide(&mut self) {
        let matcher = refgate::domain::referer::Matcher::new(self.policy());
        for referer in &self.referers {
            let lines = refgate::domain::referer::Referers::read([referer.as_bytes()]);
            let list =
                if matcher.decide(&lines).is_allowed() { &mut self.hits } else { &mut self.misses };
            list.push(referer.clone());
        }
    }
}

/// A rule, and a host that it is about.
fn rule(random: &mut Random) -> (String, String) {
    let host = random.host();
    let rule = match random.below(100) {
        0..60 => format!("*.{host}"),
        60..75 => format!("https://www.{host}"),
        75..85 => format!("http://*.{host}/*"),
        85..92 => format!("https://{host}/{}/{}", random.word(2), random.word(2)),
        92..96 => format!("*{host}"),
        96..98 => format!("www?.{host}"),
        98 => format!("*{}*{}*", random.word(3), random.word(3)),
        _ => format!("https://{}.*.{host}", random.word(1)),
    };
    (rule, host)
}

fn referer(random: &mut Random, host: &str) -> String {
    let scheme = if random.below(10) < 8 { "https" } else { "http" };
    let label = match random.below(10) {
        0..6 => "www.".to_owned(),
        6..8 => random.word(2) + ".",
        _ => String::new(),
    };
    let path = match random.below(3) {
        0 => String::new(),
        1 => random.word(3),
        _ => format!("{}/{}.html", random.word(2), random.word(3)),
    };
    format!("{scheme}://{label}{host}/{path}")
}

/// A generator of numbers, the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }

    fn word(&mut self, syllables: usize) -> String {
        (0..syllables).map(|_| self.pick(SYLLABLES)).collect()
    }

    fn host(&mut self) -> String {
        let syllables = 2 + self.below(3);
        let number = if self.below(4) == 0 { self.below(1000).to_string() } else { String::new() };
        format!("{}{number}.{}", self.word(syllables), self.pick(DOMAINS))
    }
}

#[rustfmt::skip]
const SYLLABLES: &[&str] = &[
    "an", "ba", "bel", "bo", "ca", "cor", "da", "den", "di", "do", "el", "en", "er", "fa", "fin",
    "fo", "ga", "gen", "go", "ha", "hi", "in", "ja", "ka", "ki", "ko", "la", "len", "li", "lo",
    "ma", "man", "me", "mi", "mo", "na", "ne", "ni", "no", "on", "or", "pa", "per", "pi", "po",
    "ra", "ri", "ro", "sa", "sen", "shi", "shop", "so", "sta", "su", "ta", "ter", "ti", "to", "tra",
    "un", "va", "ver", "vi", "vo", "wa", "web", "wo", "xi", "ya", "yo", "za", "zen", "zo",
];

const DOMAINS: &[&str] =
    &["com", "com", "com", "com", "net", "org", "cn", "com.cn", "de", "io", "co.uk", "example"];

/// The lists that only an attacker would write, by name.
pub(crate) const HOSTILE: [&str; 8] = [
    "rarest piece shared, short referer",
    "stars that may end anywhere",
    "question marks that nearly fit everywhere",
    "pairs of crowded pieces, wrong order",
    "pairs of letters, in any order",
    "all of two letters",
    "no literal",
    "ordinary rules, a long random referer",
];

/// Such a list, and the referer to go with it.
pub(crate) fn hostile(name: &str, rules: usize) -> (Vec<String>, String) {
    let each = |rule: &dyn Fn(usize) -> String| (0..rules).map(rule).collect::<Vec<_>>();
    let longest = |unit: &str| unit.repeat(4096 / unit.len());
    let bits = |n: usize, width: usize| {
        format!("{:0width$b}", n % (1 << width)).replace('0', "x").replace('1', "y")
    };
    let noise = || {
        let mut random = Random(1);
        (0..4096).map(|_| letter(random.below(26))).collect::<String>()
    };
    match HOSTILE.iter().position(|known| *known == name) {
        Some(0) => (each(&|n| format!("https://www?.a*{n}")), "https://www1.a.com/".to_owned()),
        Some(1) => (each(&|n| format!("{}*b{n}", "*a".repeat(20))), longest("a")),
        Some(2) => (each(&|n| format!("*{}b{n}", "a?".repeat(20))), longest("a")),
        Some(3) => (
            each(&|n| format!("*{}*{}z", bits(n / 256, 8), bits(n, 8))),
            (0..256).map(|n| bits(255 - n, 8)).collect(),
        ),
        Some(4) => (each(&|n| letters(n) + "*zz"), "zz".to_owned() + &noise().replace('z', "")),
        Some(5) => (
            each(&|n| format!("*{}", bits(n.wrapping_mul(40_503), 15))),
            "xyyxy".to_owned() + &longest("xxyyx")[5..],
        ),
        Some(6) => (each(&|n| "?".repeat(1 + n % 4000) + "*?"), longest("中")),
        _ => (Mixture::new(rules).rules, noise()),
    }
}

/// The same for strict hosts.
pub(crate) const HOSTILE_STRICT: [&str; 3] = [
    "strict: paths that nearly fit everywhere",
    "strict: crowded pieces of paths, wrong order",
    "strict: hosts that any rule may have",
];

/// Such a list, and the referer to go with it, whose host only begins like a rule.
pub(crate) fn hostile_strict(name: &str, rules: usize) -> (Vec<String>, String) {
    let list = |rule: &dyn Fn(usize) -> String| {
        ["http://a.com".to_owned()].into_iter().chain((1..rules).map(rule)).collect()
    };
    let referer = |path: &str| format!("http://a.com.evil.net/{}", path.repeat(4000 / path.len()));
    match HOSTILE_STRICT.iter().position(|known| *known == name) {
        Some(0) => {
            let path = "a".repeat(400);
            (list(&|n| format!("http://*/*{path}b{n:05}")), referer("a"))
        }
        Some(1) => (
            list(&|n| format!("http://*/{}*zz", letters(n))),
            referer("zyxwvutsrqponmlkjihgfedcba"),
        ),
        _ => (list(&|n| format!("*.{}?net/x", "?*".repeat(n % 300))), referer("y")),
    }
}

/// One of 26.
fn letter(n: usize) -> char {
    u8::try_from(n).map_or('?', |n| char::from(b'a' + n))
}

/// Five pairs of the first 25 letters.
fn letters(n: usize) -> String {
    let pair = |n: usize| format!("*{}{}", letter(n % 25), letter(n / 25 % 25));
    (0..5).map(|digit| pair((n + 1).wrapping_mul(2_654_435_761) >> (5 * digit))).collect()
}
