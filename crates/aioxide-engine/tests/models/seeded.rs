//! Which cases a model is tried with.

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

/// The same cases in every run, and before them those that have failed once,
/// which are kept in the file `regressions` (from the crate's folder).
///
/// `make fuzz` tries more, and others, by way of `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED`, which take precedence.
pub fn cases(count: u32, regressions: &'static str) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 8 } else { count },
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: (!cfg!(miri)).then(|| {
            let file = FileFailurePersistence::Direct(regressions);
            Box::new(file) as Box<dyn proptest::test_runner::FailurePersistence>
        }),
        // Where a wake-up is lost, each attempt costs a deadline.
        max_shrink_time: 120_000,
        ..ProptestConfig::default()
    }
}
