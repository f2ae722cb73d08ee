//! How much work an answer is worth, to whoever asks for it.

use std::convert::Infallible;

/// How long to look for the first rule that fits.
pub(super) trait Patience: Copy {
    /// What is said of an answer that would take longer.
    type Over;

    /// Whether so many rules may be asked about a subject.
    ///
    /// # Errors
    ///
    /// [`Over`](Self::Over): they are too many.
    fn bear(self, rules: usize, subject: &str) -> Result<(), Self::Over>;
}

/// As long as it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endless;

/// As long as others can be left waiting: microseconds, and with lists that were made to be slow a
/// millisecond or two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short;

/// It takes longer than [`Short`] bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakesLong;

/// The most bytes that [`Short`] bears to be gone through: a rule takes a pass over the subject. For
/// a subject of the greatest length that is 64 rules. Of usual lists a subject finds a few.
const SHORT_BYTES: usize = 1 << 18;

impl Patience for Endless {
    type Over = Infallible;

    fn bear(self, _: usize, _: &str) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Patience for Short {
    type Over = TakesLong;

    fn bear(self, rules: usize, subject: &str) -> Result<(), TakesLong> {
        let bytes = rules.saturating_mul(subject.len().max(1));
        if bytes <= SHORT_BYTES { Ok(()) } else { Err(TakesLong) }
    }
}

/// The greatest of what was judged; the last of them, if several are.
pub(super) fn strictest<T, E, K: Ord>(
    judged: impl IntoIterator<Item = Result<T, E>>,
    strictness: impl Fn(&T) -> K,
) -> Result<Option<T>, E> {
    judged.into_iter().try_fold(None, |strictest: Option<T>, next| {
        let next = next?;
        Ok(match strictest {
            Some(known) if strictness(&known) > strictness(&next) => Some(known),
            Some(_) | None => Some(next),
        })
    })
}
