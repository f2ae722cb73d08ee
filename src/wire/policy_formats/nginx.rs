//! `valid_referers` of nginx.
//!
//! nginx looks at the host of the referer, up to a slash or colon, and admits what any of the names
//! fits, under both schemes and on every port. Other directives are read over, but for the
//! `server_name` that `server_names` stands for. What else decides by the referer beside it, such as
//! an `if` that denies some, is noted as lost, and so is whatever another file would bring in.

use std::iter::Peekable;
use std::str::CharIndices;

use super::hosts::{BOTH, End, HostRule, patterns};
use super::{Effect, ImportError, Imported, Note, syntax};
use crate::domain::referer::lint::List;
use crate::domain::referer::{EmptyReferer, Policy};

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let directives = Reader::new(text).directives()?;
    let valid = || directives.iter().filter(|it| it.is("valid_referers"));
    let first = valid().next().ok_or_else(|| syntax(1, "there is no valid_referers"))?;
    if let Some(other) = valid().find(|it| it.blocks != first.blocks) {
        let text = "valid_referers is in several blocks, which are several policies";
        return Err(syntax(other.line, text));
    }
    let mut found = Found { empty: EmptyReferer::Deny, rules: Vec::new(), notes: Vec::new() };
    let names = directives.iter().filter(|it| it.is("server_name") && it.surrounds(first));
    let names: Vec<&Word> = names.flat_map(|it| it.words.iter().skip(1)).collect();
    for word in valid().flat_map(|it| it.words.iter().skip(1)) {
        found.parameter(word, &names)?;
    }
    for directive in &directives {
        found.beside(directive, first);
    }
    let patterns = patterns(&found.rules, List::Allow)?;
    if patterns.rules.is_empty() {
        return Err(ImportError::NothingLeft);
    }
    let (compare, allow) = (patterns.compare, patterns.rules);
    found.notes.extend(patterns.notes);
    let policy = Policy { empty: found.empty, compare, allow, deny: Vec::new() };
    Ok(Imported { policy, notes: found.notes })
}

struct Found {
    empty: EmptyReferer,
    rules: Vec<HostRule>,
    notes: Vec<Note>,
}

impl Found {
    fn parameter(&mut self, word: &Word, names: &[&Word]) -> Result<(), ImportError> {
        match word.text.as_str() {
            "none" => self.empty = EmptyReferer::Allow,
            "blocked" => {
                let text = "a referer that does not begin with http:// or https:// cannot be \
                    allowed as such, so it is denied";
                self.note(word, Effect::Lost, text);
            }
            "server_names" if names.is_empty() => {
                self.note(word, Effect::Lost, "there is no server_name beside it to say which");
            }
            "server_names" => names.iter().try_for_each(|name| self.host(name))?,
            _ => self.host(word)?,
        }
        Ok(())
    }

    fn host(&mut self, word: &Word) -> Result<(), ImportError> {
        if word.text.starts_with('~') {
            let text = "a regular expression; write it as patterns with * and ?";
            self.note(word, Effect::Lost, text);
            return Ok(());
        }
        let (host, path) = match word.text.split_once('/') {
            Some((host, path)) => (host, Some(format!("/{path}"))),
            None => (word.text.as_str(), None),
        };
        if host.is_empty() || host == "_" || host.contains(':') {
            let text = "nginx takes what precedes the slash for a host, and no host is like that, \
                so it never matched";
            self.note(word, Effect::Lost, text);
            return Ok(());
        }
        let hosts = hosts(host).ok_or_else(|| {
            let text = format!("{host:?} is no host; a * may stand for its first or last labels");
            syntax(word.line, text)
        })?;
        if path.as_ref().is_some_and(|path| path.bytes().any(|byte| byte.is_ascii_alphabetic())) {
            self.note(word, Effect::Wider, "case of the path does not matter here");
        }
        let (line, source) = (word.line, word.text.clone());
        let path = path.filter(|path| path != "/");
        self.rules.push(HostRule { line, source, schemes: BOTH, hosts, path, end: End::Closed });
        Ok(())
    }

    /// Notes a directive that may decide about the same requests.
    fn beside(&mut self, directive: &Directive, valid: &Directive) {
        /// Those that only pass the referer on.
        const HARMLESS: [&str; 9] = [
            "access_log",
            "add_header",
            "error_log",
            "fastcgi_param",
            "grpc_set_header",
            "log_format",
            "proxy_set_header",
            "scgi_param",
            "uwsgi_param",
        ];
        /// Files that come with nginx.
        const KNOWN: [&str; 6] = [
            "fastcgi.conf",
            "fastcgi_params",
            "mime.types",
            "proxy_params",
            "scgi_params",
            "uwsgi_params",
        ];
        let words = directive.words.as_slice();
        let (Some(name), true) =
            (words.first(), directive.surrounds(valid) || valid.surrounds(directive))
        else {
            return;
        };
        let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        let is_known =
            |word: &Word| word.text.rsplit('/').next().is_some_and(|file| KNOWN.contains(&file));
        let why = if name.text == "include" && !words.iter().skip(1).all(is_known) {
            "the file is not read, and may decide by the referer, too"
        } else if !HARMLESS.contains(&name.text.as_str())
            && ["$http_referer", "${http_referer}"].iter().any(|it| text.contains(it))
        {
            "it decides by the referer beside valid_referers; if it denies, write its rules on the \
             blacklist"
        } else {
            return;
        };
        self.notes.push(Note::new(Effect::Lost, why).on(directive.line).about(text));
    }

    fn note(&mut self, word: &Word, effect: Effect, text: &str) {
        self.notes.push(Note::new(effect, text).on(word.line).about(&*word.text));
    }
}

/// The hosts that a name stands for; `None` if nginx would not start with it.
fn hosts(name: &str) -> Option<Vec<String>> {
    let plain = |host: &str| !host.is_empty() && !host.contains('*') && !host.contains("..");
    if let Some(domain) = name.strip_prefix('.') {
        return plain(domain).then(|| vec![domain.to_owned(), format!("*.{domain}")]);
    }
    let middle = name.strip_prefix("*.").unwrap_or(name);
    let middle =
        if middle.len() == name.len() { name.strip_suffix(".*").unwrap_or(name) } else { middle };
    plain(middle).then(|| vec![name.to_owned()])
}

/// A directive, with the numbers of the blocks that it is in.
struct Directive {
    line: usize,
    words: Vec<Word>,
    blocks: Vec<usize>,
}

struct Word {
    text: String,
    line: usize,
}

impl Directive {
    fn is(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| word.text == name)
    }

    fn surrounds(&self, other: &Self) -> bool {
        other.blocks.starts_with(&self.blocks)
    }
}

/// Splits a configuration into directives.
struct Reader<'t> {
    rest: Peekable<CharIndices<'t>>,
    line: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { rest: text.char_indices().peekable(), line: 1 }
    }

    fn next(&mut self) -> Option<char> {
        let (_, c) = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn directives(mut self) -> Result<Vec<Directive>, ImportError> {
        let mut directives = Vec::new();
        let (mut words, mut blocks, mut opened) = (Vec::new(), Vec::new(), 0_usize);
        while let Some((_, c)) = self.rest.peek().copied() {
            match c {
                c if c.is_whitespace() => drop(self.next()),
                '#' => while self.next().is_some_and(|c| c != '\n') {},
                ';' | '{' => {
                    let line = words.first().map_or(self.line, |word: &Word| word.line);
                    let words = std::mem::take(&mut words);
                    directives.push(Directive { line, words, blocks: blocks.clone() });
                    if c == '{' {
                        opened += 1;
                        blocks.push(opened);
                    }
                    self.next();
                }
                '}' => {
                    blocks.pop().ok_or_else(|| syntax(self.line, "a } closes nothing"))?;
                    self.next();
                }
                _ => words.push(self.word()?),
            }
        }
        match words.first() {
            Some(word) => Err(syntax(word.line, format!("{:?} has no ; at its end", word.text))),
            None if !blocks.is_empty() => Err(syntax(self.line, "a { is not closed")),
            None => Ok(directives),
        }
    }

    fn word(&mut self) -> Result<Word, ImportError> {
        let line = self.line;
        let quote = self.rest.next_if(|(_, c)| matches!(c, '"' | '\'')).map(|(_, c)| c);
        let mut text = String::new();
        loop {
            let ends = |c: char| match quote {
                Some(quote) => c == quote,
                None => c.is_whitespace() || matches!(c, ';' | '{' | '}'),
            };
            match self.rest.peek().copied() {
                None if quote.is_some() => return Err(syntax(line, "a quotation is not closed")),
                Some((_, c)) if !ends(c) => {
                    self.next();
                    let escaped =
                        self.rest.next_if(|(_, next)| c == '\\' && "\"'\\;".contains(*next));
                    text.push(escaped.map_or(c, |(_, next)| next));
                }
                _ => break,
            }
        }
        if quote.is_some() {
            self.next();
        }
        Ok(Word { text, line })
    }
}
