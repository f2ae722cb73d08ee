//! How long a decision takes, and how long a policy takes to build, beside other ways to match many
//! patterns.
//!
//! ```text
//! cargo bench --bench matcher                   # all sizes, some minutes
//! cargo bench --bench matcher -- --skip 00000   # up to 10 000 rules
//! cargo bench --bench matcher -- hostile        # one of the tables
//! ```
//!
//! All engines get the same rules and the same 20 000 referers, of which about a quarter match, and
//! give the first rule that does. The answers of each are compared with those of the plain matcher
//! on a sample. refgate is measured whole, from the header line on, and the others from the
//! finished subject on.

#[path = "matcher/engines.rs"]
mod engines;
#[path = "matcher/mixture.rs"]
mod mixture;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::rc::Rc;

use divan::{Bencher, black_box};
use refgate::domain::referer::{Engine, Pattern, Policy};

use engines::{Any, Competitor, Refgate, Strict};
use mixture::Mixture;

/// Answers that are compared with the plain matcher's.
const SAMPLE: usize = 200;

const SIZES: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Rules of the lists that were made to be slow.
const HOSTILE_RULES: usize = 100_000;

fn main() {
    divan::main();
}

/// An engine with so many rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Case {
    rules: usize,
    engine: Competitor,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rules, self.engine.name())
    }
}

/// Every size with the engines that bear it.
fn cases() -> impl Iterator<Item = Case> {
    let of_size = |rules: usize| {
        let able = Competitor::ALL.into_iter().filter(move |engine| rules <= engine.most_rules());
        able.map(move |engine| Case { rules, engine })
    };
    SIZES.into_iter().flat_map(of_size)
}

/// What is made once and kept, as mixtures and engines are used by several tables.
struct Made<K, V>(RefCell<HashMap<K, Rc<V>>>);

impl<K: Clone + Eq + Hash, V> Made<K, V> {
    fn new() -> Self {
        Self(RefCell::default())
    }

    fn get(&self, key: &K, new: impl FnOnce() -> V) -> Rc<V> {
        let known = self.0.borrow().get(key).cloned();
        known.unwrap_or_else(|| {
            let made = Rc::new(new());
            self.0.borrow_mut().insert(key.clone(), Rc::clone(&made));
            made
        })
    }
}

thread_local! {
    static MIXTURES: Made<usize, Mixture> = Made::new();
    static ENGINES: Made<Case, Box<dyn Any>> = Made::new();
}

fn mixture(rules: usize) -> Rc<Mixture> {
    MIXTURES.with(|made| made.get(&rules, || Mixture::new(rules)))
}

/// The engine of a case, whose answers are right.
fn engine(case: Case) -> Rc<Box<dyn Any>> {
    ENGINES.with(|made| {
        made.get(&case, || {
            let mixture = mixture(case.rules);
            let engine = case.engine.build(&mixture);
            let plain = Refgate::new(&mixture, Engine::Plain);
            for referer in mixture.referers.iter().take(SAMPLE.min(20_000_000 / case.rules)) {
                assert_eq!(engine.first(referer), plain.first(referer), "{case}: {referer}");
            }
            engine
        })
    })
}

/// Measures decisions about referers, in turn.
fn decide(bencher: Bencher<'_, '_>, engine: &dyn Any, referers: &[String]) {
    let mut referers = referers.iter().cycle();
    bencher.bench_local(move || referers.next().map(|referer| engine.first(black_box(referer))));
}

/// A decision about a referer that matches a rule.
#[divan::bench(args = cases(), min_time = 0.25, max_time = 1)]
fn hit(bencher: Bencher<'_, '_>, case: Case) {
    decide(bencher, &**engine(case), &mixture(case.rules).hits);
}

/// A decision about a referer that matches none.
#[divan::bench(args = cases(), min_time = 0.25, max_time = 1)]
fn miss(bencher: Bencher<'_, '_>, case: Case) {
    decide(bencher, &**engine(case), &mixture(case.rules).misses);
}

/// A decision about any referer of the mixture.
#[divan::bench(args = cases(), min_time = 0.25, max_time = 1)]
fn mean(bencher: Bencher<'_, '_>, case: Case) {
    decide(bencher, &**engine(case), &mixture(case.rules).referers);
}

/// refgate about a referer that was decided before: one that matches, and one that does not.
#[divan::bench(args = SIZES, min_time = 0.25, max_time = 1)]
fn repeated(bencher: Bencher<'_, '_>, rules: usize) {
    let mixture = mixture(rules);
    let first = |referers: &[String]| referers.first().cloned();
    let both: Vec<_> = first(&mixture.hits).into_iter().chain(first(&mixture.misses)).collect();
    decide(bencher, &**engine(Case { rules, engine: Competitor::Refgate }), &both);
}

/// Building an engine.
#[divan::bench(args = cases(), sample_count = 20, sample_size = 1, max_time = 1)]
fn build(bencher: Bencher<'_, '_>, case: Case) {
    let mixture = mixture(case.rules);
    bencher.bench_local(|| case.engine.build(&mixture));
}

/// Few rules: where the index begins to pay.
#[divan::bench_group(min_time = 0.25, max_time = 1)]
mod few {
    use divan::Bencher;
    use refgate::domain::referer::Engine;

    use super::engines::Refgate;
    use super::{decide, mixture};

    const FEW: [usize; 8] = [1, 2, 3, 4, 6, 8, 16, 32];

    fn measure(bencher: Bencher<'_, '_>, (rules, engine): (usize, Engine)) {
        let mixture = mixture(rules);
        decide(bencher, &Refgate::new(&mixture, engine), &mixture.referers);
    }

    #[divan::bench(args = FEW)]
    fn plain(bencher: Bencher<'_, '_>, rules: usize) {
        measure(bencher, (rules, Engine::Plain));
    }

    #[divan::bench(args = FEW)]
    fn loops(bencher: Bencher<'_, '_>, rules: usize) {
        measure(bencher, (rules, Engine::Loop));
    }

    #[divan::bench(args = FEW)]
    fn index(bencher: Bencher<'_, '_>, rules: usize) {
        measure(bencher, (rules, Engine::Index));
    }
}

/// Lists of 100 000 rules and referers of 4096 bytes that were made to be slow. Nothing is
/// remembered: the second decision is to take as long as the first.
#[divan::bench(args = mixture::HOSTILE, min_time = 0.25, max_time = 1)]
fn hostile(bencher: Bencher<'_, '_>, name: &str) {
    let (rules, referer) = mixture::hostile(name, HOSTILE_RULES);
    let allow = rules.iter().filter_map(|rule| Pattern::read(rule)).collect();
    let refgate = Refgate::of(Policy { allow, ..Policy::default() }, Engine::Index);
    decide(bencher, &refgate, &[referer]);
}

/// Such lists with strict hosts: a rule that fits as text, and hosts and paths of others to find one
/// in that vouches for the host.
#[divan::bench(args = mixture::HOSTILE_STRICT, min_time = 0.25, max_time = 1)]
fn hostile_strict(bencher: Bencher<'_, '_>, name: &str) {
    let (rules, referer) = mixture::hostile_strict(name, HOSTILE_RULES);
    let allow = rules.iter().filter_map(|rule| Pattern::read(rule)).collect();
    let strict = Strict::of(Policy { allow, ..Policy::default() });
    decide(bencher, &strict, &[referer]);
}
