use super::*;

/// The number of waits without spinning before the next spin.
fn rests(spin: &mut AdaptiveSpin) -> u32 {
    (0..).find(|_| spin.has_rested()).expect("it spins again")
}

#[test]
fn it_spins_before_the_first_wait() {
    assert_eq!(rests(&mut AdaptiveSpin::default()), 0);
}

#[test]
fn spins_in_vain_become_rarer_but_do_not_cease() {
    let mut spin = AdaptiveSpin::default();
    let seen: Vec<u32> = (0..11)
        .map(|_| {
            spin.record(Outcome::NotFound);
            rests(&mut spin)
        })
        .collect();
    assert_eq!(seen, [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
}

#[test]
fn a_spin_that_finds_something_is_followed_by_another() {
    let mut spin = AdaptiveSpin::default();
    for _ in 0..20 {
        spin.record(Outcome::NotFound);
    }
    assert_eq!(rests(&mut spin), 256);
    spin.record(Outcome::Found);
    assert_eq!(rests(&mut spin), 0);
    spin.record(Outcome::NotFound);
    assert_eq!(rests(&mut spin), 1);
}

#[test]
fn an_interrupted_spin_is_followed_by_a_long_rest() {
    let mut spin = AdaptiveSpin::default();
    spin.record(Outcome::Interrupted);
    assert_eq!(rests(&mut spin), 256);
}

#[test]
fn it_is_never_due_while_other_threads_need_all_processors() {
    for busy in [processors() + 1, usize::MAX] {
        let mut spin = AdaptiveSpin::default();
        assert!(!spin.is_due(busy));
        assert_eq!(spin, AdaptiveSpin::default(), "such a wait counts for nothing");
    }
    assert_eq!(AdaptiveSpin::default().is_due(1), processors() > 1);
}

#[test]
fn what_is_there_is_found_and_what_is_not_is_not() {
    let mut spin = AdaptiveSpin::default();
    assert!(spin.spin(|| true));
    assert!(!spin.spin(|| false));
    assert!(rests(&mut spin) >= 1);
}

#[test]
fn the_last_check_after_the_time_is_over_counts() {
    let begin = Instant::now();
    assert!(AdaptiveSpin::default().spin(|| begin.elapsed() > SPIN));
}
