//! Held against another implementation of MD5, and by many threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::domain::name::BlobId;

fn expected(text: &[u8]) -> [u8; 16] {
    <md5::Md5 as md5::Digest>::digest(text).into()
}

/// Bytes that repeat nowhere near.
fn text(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + (at >> 8) * 13 + seed * 31).to_le_bytes()[0]).collect()
}

/// RFC 1321, section A.5, and two texts whose padding takes a block more.
#[test]
fn known_answers() {
    #[rustfmt::skip]
    let table = [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
        ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"),
    ];
    for (text, want) in table {
        let mut md5 = Md5::default();
        md5.update(text.as_bytes());
        assert_eq!(hex::encode(md5.finish()), want, "{text}");
    }
}

#[test]
fn lengths_around_the_end_of_a_block() {
    for length in (0..=200).chain([16_383, 16_384, 16_385]) {
        let text = text(length, length);
        let mut md5 = Md5::default();
        md5.update(&text);
        assert_eq!(md5.finish(), expected(&text), "{length}");
    }
}

#[test]
fn as_many_as_there_are_lanes_and_more() {
    for count in 1..=2 * lanes::MOST + 1 {
        let texts: Vec<Vec<u8>> = (0..count).map(|seed| text(seed, 4096 + 64 * seed)).collect();
        let mut digests = vec![Md5::default(); count];
        lanes::hash(digests.iter_mut().zip(&texts).map(|(md5, text)| md5.text(text)).collect());
        for (number, (md5, text)) in digests.into_iter().zip(&texts).enumerate() {
            assert_eq!(md5.finish(), expected(text), "{number} of {count}");
        }
    }
}

proptest! {
    /// Texts of any lengths that come in any pieces, with any others beside them.
    #[test]
    fn together_as_alone(
        texts in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 4),
            1..6,
        ),
    ) {
        let mut digests = vec![Md5::default(); texts.len()];
        for piece in 0..4 {
            let parts = digests.iter_mut().zip(&texts).map(|(md5, text)| md5.text(&text[piece]));
            lanes::hash(parts.collect());
        }
        for (md5, text) in digests.into_iter().zip(&texts) {
            prop_assert_eq!(md5.finish(), expected(&text.concat()));
        }
    }
}

/// A buffer that an upload leaves, and the answer.
fn leave(together: &Together, who: usize, md5: Md5, bytes: &[u8]) -> oneshot::Receiver<Md5> {
    let (reply, answer) = oneshot::channel();
    let (who, bytes) = (BlobId(Uuid::from_u128(who as u128)), Bytes::copy_from_slice(bytes));
    together.leave(Waiting { who, md5, bytes, reply });
    answer
}

#[test]
fn who_is_alone_hashes_at_once() {
    let together = Together::with_seats(1);
    let text = text(1, 300_000);
    let mut md5 = Md5::default();
    for piece in text.chunks(100_000) {
        let mut answer = leave(&together, 1, md5, piece);
        assert!(answer.try_recv().is_err(), "nobody has served");
        together.serve();
        md5 = answer.try_recv().unwrap();
    }
    assert_eq!(md5.finish(), expected(&text));
    together.serve();
}

#[test]
fn short_ones_do_not_wait() {
    let together = Together::with_seats(0);
    let text = text(1, 16 * 1024);
    let mut answer = leave(&together, 1, Md5::default(), &text);
    assert_eq!(answer.try_recv().unwrap().finish(), expected(&text));
}

#[test]
fn those_who_came_lately_are_waited_for() {
    let together = Together::with_seats(1);
    let text = text(1, 20_000);
    let come = |who| leave(&together, who, Md5::default(), &text);
    let mut both = [come(1), come(2)];
    together.serve();
    assert!(both.iter_mut().all(|answer| answer.try_recv().is_ok()), "all are there");

    let mut alone = come(1);
    together.serve();
    assert!(alone.try_recv().is_err(), "the other one is expected");
    together.serve_all();
    assert!(alone.try_recv().is_ok(), "it was needed");

    let mut after = 0;
    loop {
        let mut alone = come(1);
        together.serve();
        if alone.try_recv().is_ok() {
            break;
        }
        together.serve_all();
        after += 1;
    }
    assert_eq!(after, 3, "not for long");

    let mut others = [come(1), come(2)];
    together.serve();
    let mut late = come(1);
    together.give_up(BlobId(Uuid::from_u128(2)));
    assert!(late.try_recv().is_err(), "the other one does not wait");
    together.give_up(BlobId(Uuid::from_u128(1)));
    assert!(late.try_recv().is_ok());
    let mut alone = come(1);
    together.serve();
    assert!(alone.try_recv().is_ok(), "who did not come in time is not expected");
    for who in [1, 2] {
        drop(come(who));
    }
    together.serve();
    assert!(others.iter_mut().all(|answer| answer.try_recv().is_ok()));
    together.serve_last(BlobId(Uuid::from_u128(2)));
    let mut alone = come(1);
    together.serve();
    assert!(alone.try_recv().is_ok(), "who left the last is not expected");
}

#[test]
fn more_than_there_are_lanes() {
    let together = Together::with_seats(1);
    let texts: Vec<Vec<u8>> = (0..21).map(|seed| text(seed, 20_000 + 100 * seed)).collect();
    let come = |(who, text): (usize, &Vec<u8>)| leave(&together, who, Md5::default(), text);
    let answers: Vec<_> = texts.iter().enumerate().map(come).collect();
    together.serve_all();
    for (mut answer, text) in answers.into_iter().zip(&texts) {
        assert_eq!(answer.try_recv().unwrap().finish(), expected(text));
    }
}

#[test]
fn who_has_gone_is_left_out() {
    let together = Together::with_seats(1);
    let texts = [text(1, 30_000), text(2, 40_000)];
    let [gone, mut stays] = [0, 1].map(|who| leave(&together, who, Md5::default(), &texts[who]));
    drop(gone);
    together.serve();
    assert_eq!(stays.try_recv().unwrap().finish(), expected(&texts[1]));
}

#[test]
fn many_threads() {
    for seats in [1, 2] {
        let together = Together::with_seats(seats);
        thread::scope(|scope| {
            for seed in 0..16 {
                let together = &together;
                scope.spawn(move || {
                    let text = text(seed, 17_000 * (seed + 1));
                    let mut md5 = Md5::default();
                    for piece in text.chunks(60_000) {
                        let mut answer = leave(together, seed, md5, piece);
                        together.serve();
                        md5 = answer.try_recv().unwrap_or_else(|_| {
                            together.serve_all();
                            answer.blocking_recv().unwrap()
                        });
                    }
                    assert_eq!(md5.finish(), expected(&text), "{seed}");
                });
            }
        });
    }
}

#[test]
fn a_panic_is_told_and_leaves_the_seat() {
    let together = Together::with_seats(1);
    let text = text(1, 300_000);
    let come = |who| leave(&together, who, Md5::default(), &text);
    let answers: Vec<_> = (0..11).map(come).collect();
    let panicked = catch_unwind(AssertUnwindSafe(|| together.serve_by(&|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    for answer in answers {
        assert!(answer.blocking_recv().is_err(), "whoever waits is told");
    }
    let answer = come(1);
    together.serve_all();
    assert_eq!(answer.blocking_recv().unwrap().finish(), expected(&text));
}
