//! How long a decision takes, beside other ways to match many patterns.
//!
//! ```text
//! cargo bench --bench matcher             # all sizes, about three minutes
//! cargo bench --bench matcher -- --quick  # up to 10 000 rules
//! ```
//!
//! All engines get the same rules and the same 20 000 referers, of which about a quarter match, and
//! give the first rule that does. The answers of each are compared with those of the plain matcher
//! on a sample. refgate is measured whole, from the header line on, and the others from the
//! finished subject on.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(clippy::cast_precision_loss, reason = "times and sizes are shown rounded")]

#[path = "matcher/engines.rs"]
mod engines;
#[path = "matcher/mixture.rs"]
mod mixture;

use std::hint::black_box;
use std::time::{Duration, Instant};

use refgate::domain::referer::{Engine, Pattern, Policy};

use engines::{Any, Refgate};
use mixture::Mixture;

/// How long one number is measured, about.
const MEASURE: Duration = Duration::from_millis(250);

/// How long one stretch of it is, about.
const STRETCH: Duration = Duration::from_millis(1);

/// Answers that are compared with the plain matcher's.
const SAMPLE: usize = 200;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sizes: &[usize] = if quick {
        &[10, 100, 1_000, 10_000]
    } else {
        &[10, 100, 1_000, 10_000, 100_000, 1_000_000]
    };
    println!("\n## A decision, by the number of rules\n");
    println!("| rules | engine | build | size | hit | miss | mean | p99 | × wildmatch |");
    println!("| --: | --- | --: | --: | --: | --: | --: | --: | --: |");
    for size in sizes {
        compare(&Mixture::new(*size));
    }
    println!("\n## Few rules: where the index begins to pay (mean)\n");
    println!("| rules | wildmatch | loop | index |");
    println!("| --: | --: | --: | --: |");
    [1, 2, 3, 4, 6, 8, 16, 32].into_iter().for_each(few);
    println!("\n## Lists and referers made to be slow\n");
    println!("| case | rules | build | one decision | a rule |");
    println!("| --- | --: | --: | --: | --: |");
    mixture::hostile(if quick { 10_000 } else { 100_000 }).iter().for_each(hostile);
}

/// Prints the rows of one size.
fn compare(mixture: &Mixture) {
    let plain = Refgate::new(mixture, Engine::Plain);
    let mut reference = None;
    for name in engines::NAMES {
        let started = Instant::now();
        let engine = match engines::build(name, mixture) {
            Ok(engine) => engine,
            Err(reason) => {
                println!("| {} | {name} | {reason} | | | | | | |", mixture.rules.len());
                continue;
            }
        };
        let build = started.elapsed();
        assert_agreement(name, &*engine, &plain, mixture);
        let hits = mean(&*engine, &mixture.hits);
        let misses = mean(&*engine, &mixture.misses);
        let all = mean(&*engine, &mixture.referers);
        let slow = p99(&*engine, &mixture.referers);
        let reference = *reference.get_or_insert(all);
        println!(
            "| {} | {name} | {} | {} | {} | {} | {} | {} | {} |",
            mixture.rules.len(),
            time(build),
            engine.size_bytes().map_or(String::new(), bytes),
            time(hits),
            time(misses),
            time(all),
            time(slow),
            ratio(reference, all),
        );
    }
    again(mixture, reference.unwrap_or_default());
}

/// Prints the row of a referer that comes again.
fn again(mixture: &Mixture, reference: Duration) {
    let refgate = Refgate::new(mixture, Engine::best_for(&mixture.policy()));
    let [hit, miss] = [&mixture.hits, &mixture.misses]
        .map(|referers| mean(&refgate, referers.get(..1).unwrap_or_default()));
    let mean = (hit + miss) / 2;
    println!(
        "| {} | refgate, one referer again | | | {} | {} | {} | | {} |",
        mixture.rules.len(),
        time(hit),
        time(miss),
        time(mean),
        ratio(reference, mean),
    );
}

fn few(rules: usize) {
    let mixture = Mixture::new(rules);
    let [wildmatch, each, index] = [Engine::Plain, Engine::Loop, Engine::Index]
        .map(|engine| time(mean(&Refgate::new(&mixture, engine), &mixture.referers)));
    println!("| {rules} | {wildmatch} | {each} | {index} |");
}

fn hostile((name, rules, referer): &mixture::Hostile) {
    let started = Instant::now();
    let allow = rules.iter().filter_map(|rule| Pattern::read(rule)).collect();
    // Not cached: the second decision is to take as long as the first.
    let policy = Policy { allow, ..Policy::default() };
    let refgate = Refgate::of(policy, Engine::Index);
    let build = started.elapsed();
    let decision = mean(&refgate, std::slice::from_ref(referer));
    let rule = decision.as_secs_f64() * 1e9 / rules.len() as f64;
    println!("| {name} | {} | {} | {} | {rule:.1} ns |", rules.len(), time(build), time(decision));
}

fn assert_agreement(name: &str, engine: &dyn Any, plain: &Refgate, mixture: &Mixture) {
    let sample = SAMPLE.min(20_000_000 / mixture.rules.len());
    for referer in mixture.referers.iter().take(sample) {
        assert_eq!(engine.first(referer), plain.first(referer), "{name}: {referer}");
    }
}

/// The mean time of a decision over referers, in turn. Of many short stretches the median counts:
/// one in which the machine did something else does not.
fn mean(engine: &dyn Any, referers: &[String]) -> Duration {
    let mut referers = referers.iter().cycle();
    let mut stretches = Vec::new();
    let started = Instant::now();
    while started.elapsed() < MEASURE {
        let begun = Instant::now();
        let mut decisions = 0;
        while begun.elapsed() < STRETCH {
            for referer in referers.by_ref().take(64) {
                black_box(engine.first(black_box(referer)));
                decisions += 1;
                if decisions % 8 == 0 && begun.elapsed() > 4 * STRETCH {
                    break;
                }
            }
        }
        stretches.push(begun.elapsed() / decisions);
    }
    stretches.sort_unstable();
    stretches.get(stretches.len() / 2).copied().unwrap_or_default()
}

/// The time that one decision of a hundred takes longer than; includes that of reading the clock.
fn p99(engine: &dyn Any, referers: &[String]) -> Duration {
    let started = Instant::now();
    let mut times = Vec::new();
    for referer in referers.iter().cycle().take(20_000) {
        let begun = Instant::now();
        black_box(engine.first(black_box(referer)));
        times.push(begun.elapsed());
        if started.elapsed() > MEASURE {
            break;
        }
    }
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

fn time(time: Duration) -> String {
    match time.as_secs_f64() * 1e9 {
        ns @ ..1e3 => format!("{ns:.0} ns"),
        ns @ ..1e6 => format!("{:.1} µs", ns / 1e3),
        ns @ ..1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        size @ ..1e6 => format!("{:.0} kB", size / 1e3),
        size => format!("{:.1} MB", size / 1e6),
    }
}

/// How many times faster.
fn ratio(reference: Duration, time: Duration) -> String {
    match reference.as_secs_f64() / time.as_secs_f64() {
        ratio @ ..10.0 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.0}"),
    }
}
