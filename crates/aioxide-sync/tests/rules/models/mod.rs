//! Random programs, against models.

mod condition;
mod mpsc;
mod queue;
mod semaphore;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, RngSeed};

/// The same cases in every run, and before them those that have failed once, which are kept in
/// the file `regressions` (from the crate's folder).
///
/// `make fuzz` tries more, and others, by way of `PROPTEST_CASES` and `PROPTEST_RNG_SEED`, which
/// take precedence.
fn cases(regressions: &'static str) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 512 },
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: (!cfg!(miri)).then(|| {
            let file = FileFailurePersistence::Direct(regressions);
            Box::new(file) as Box<dyn FailurePersistence>
        }),
        ..ProptestConfig::default()
    }
}
