//! Tests on virtual time, in many orders: what `#[aioxide::test]` calls.
//!
//! ```
//! use std::time::Duration;
//! use aioxide::testing::{Plan, check};
//!
//! check(Plan::new().virtual_time().seeds(20), || async {
//!     let hour = aioxide::timeout(Duration::from_secs(3600), std::future::pending::<()>());
//!     assert_eq!(hour.await, Err(aioxide::TimedOut));
//! });
//! ```

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::runtime::Runner;

/// The environment variable with the only seed to try, to run a case again that has failed.
pub const SEED: &str = "AIOXIDE_SEED";

/// How [`check`] runs a test.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it runs nothing; pass it to check()"]
pub struct Plan {
    runner: Runner,
    seeds: Option<u64>,
}

impl Plan {
    /// Once, on a real clock, in the order of a program that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// On a virtual clock: see [`Runner::virtual_time`].
    pub fn virtual_time(mut self) -> Self {
        self.runner = self.runner.virtual_time();
        self
    }

    /// The same, with another patience: see [`Runner::patience`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.runner = self.runner.patience(patience);
        self
    }

    /// So often, each time in an order drawn from another seed: 0, 1, 2 …
    ///
    /// If the environment variable `AIOXIDE_SEED` is a number, that seed alone is tried.
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = Some(seeds);
        self
    }
}

/// What a test may return.
pub trait TestResult {
    /// # Panics
    ///
    /// If the test has failed.
    fn check(self);
}

impl TestResult for () {
    fn check(self) {}
}

impl<T: TestResult, E: fmt::Debug> TestResult for Result<T, E> {
    #[track_caller]
    fn check(self) {
        match self {
            Ok(result) => result.check(),
            Err(error) => panic!("the test returned an error: {error:?}"),
        }
    }
}

/// Runs a test as `plan` says.
///
/// # Panics
///
/// If the test fails; standard error says with which seed. And if `AIOXIDE_SEED` is not a number.
#[track_caller]
pub fn check<F>(plan: Plan, test: impl Fn() -> F)
where
    F: Future<Output: TestResult>,
{
    let Some(seeds) = plan.seeds else { return plan.runner.run(test()).check() };
    assert!(seeds > 0, "a test needs at least 1 seed, got 0");
    let chosen = std::env::var(SEED).ok().map(|text| match text.parse::<u64>() {
        Ok(seed) => seed,
        Err(_) => panic!("{SEED} is a number from 0 on, got {text:?}"),
    });
    let (first, end) = chosen.map_or((0, seeds), |seed| (seed, seed.saturating_add(1)));
    for seed in first..end {
        let run = || plan.runner.seed(seed).run(test()).check();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!("the test failed with seed {seed}: run it again with {SEED}={seed}");
            resume_unwind(panic);
        }
    }
}
