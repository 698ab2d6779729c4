//! Who else is told that a task has ended: groups, `wait` and `as_completed`.

use std::rc::Rc;

use super::Header;

/// Is told when a task has ended, with its clean-up.
pub(crate) trait Observer {
    fn task_ended(&self, task: &Header);
}

/// The observers of one task. Most have none, and most others one.
#[derive(Default)]
pub(super) enum Observers {
    #[default]
    None,
    One(Rc<dyn Observer>),
    #[expect(clippy::box_collection, reason = "it is rare, and every task has room for it")]
    Many(Box<Vec<Rc<dyn Observer>>>),
}

impl Observers {
    pub(super) fn add(self, observer: Rc<dyn Observer>) -> Self {
        match self {
            Self::None => Self::One(observer),
            Self::One(first) => Self::Many(Box::new(vec![first, observer])),
            Self::Many(mut all) => {
                all.push(observer);
                Self::Many(all)
            }
        }
    }

    /// Takes out those that are the same object as `observer`.
    pub(super) fn without(self, observer: &Rc<dyn Observer>) -> Self {
        match self {
            Self::One(it) if Rc::ptr_eq(&it, observer) => Self::None,
            Self::Many(mut all) => {
                all.retain(|it| !Rc::ptr_eq(it, observer));
                Self::Many(all)
            }
            other => other,
        }
    }

    pub(super) fn tell(self, task: &Header) {
        match self {
            Self::None => {}
            Self::One(observer) => observer.task_ended(task),
            Self::Many(all) => all.iter().for_each(|it| it.task_ended(task)),
        }
    }
}
