//! Producers and consumers of tokens under a lock, polled in random orders and dropped at random.
//! A consumer may wait for ever only if there is no token.

use std::rc::Rc;

use aioxide_sync::{Condition, Lock};
use proptest::prelude::*;

use super::cases;
use crate::driving::{Executor, yield_now};

#[derive(Clone, Debug)]
enum Step {
    Consume,
    Produce(usize),
    Poll(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Consume),
        2 => (1..4_usize).prop_map(Step::Produce),
        8 => any::<prop::sample::Index>().prop_map(|it| Step::Poll(it.index(1000))),
        2 => any::<prop::sample::Index>().prop_map(|it| Step::Drop(it.index(1000))),
    ]
}

proptest! {
    #![proptest_config(cases("tests/regressions/condition.txt"))]

    #[test]
    fn no_notice_is_lost(steps in prop::collection::vec(step(), 0..80)) {
        let (lock, condition) = (Rc::new(Lock::new(0_usize)), Rc::new(Condition::new()));
        let executor = Executor::default();
        let mut consumers = vec![];
        for step in steps {
            let (lock, condition) = (Rc::clone(&lock), Rc::clone(&condition));
            match step {
                Step::Consume => consumers.push(executor.spawn(async move {
                    let guard = lock.acquire().await;
                    let mut tokens = condition.wait_for(guard, |tokens| *tokens > 0).await;
                    *tokens -= 1;
                    yield_now().await;
                })),
                Step::Produce(count) => {
                    executor.spawn(async move {
                        let mut tokens = lock.acquire().await;
                        yield_now().await;
                        *tokens += count;
                        condition.notify(count);
                    });
                }
                Step::Poll(index) => {
                    executor.step_at(index % executor.ready().max(1));
                }
                Step::Drop(index) if executor.len() > 0 => {
                    executor.cancel(index % executor.len());
                }
                Step::Drop(_) => {}
            }
        }
        executor.run();
        let tokens = *lock.try_acquire().expect("nobody has the lock");
        let waiting = consumers.iter().filter(|task| !executor.has_ended(**task)).count();
        prop_assert!(tokens == 0 || waiting == 0, "{} tokens, {} consumers", tokens, waiting);
        // The others wait in the condition, and not for the lock.
        prop_assert_eq!(format!("{condition:?}"), format!("Condition {{ waiting: {waiting} }}"));
    }
}
