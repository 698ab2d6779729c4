//! Wakers of another extension module.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use aioxide_abi as abi;
use aioxide_engine::futures::waker_of_word;

/// The waker of a leaf: the word of a coroutine, or functions of the extension's.
///
/// # Safety
///
/// The functions may be called as the contract says.
pub unsafe fn waker(wake: abi::Wake) -> Waker {
    match wake.wake {
        None => waker_of_word(wake.data),
        Some(function) => Waker::from(Arc::new(ForeignWake {
            data: wake.data,
            wake: function,
            drop: wake.drop,
            is_used: AtomicBool::new(false),
        })),
    }
}

/// Wakes once, since that takes the data. A leaf gets another one at each poll.
struct ForeignWake {
    data: usize,
    wake: unsafe extern "C" fn(usize),
    drop: Option<unsafe extern "C" fn(usize)>,
    is_used: AtomicBool,
}

impl ForeignWake {
    /// Whether it is this call that has the data.
    fn takes(&self) -> bool {
        !self.is_used.swap(true, Ordering::AcqRel)
    }
}

impl Wake for ForeignWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.takes() {
            // SAFETY: the contract allows it on any thread, at any time, once.
            unsafe { (self.wake)(self.data) };
        }
    }
}

impl Drop for ForeignWake {
    fn drop(&mut self) {
        if let Some(drop) = self.drop
            && self.takes()
        {
            // SAFETY: as above, in place of a wake.
            unsafe { drop(self.data) };
        }
    }
}
