//! Calls of another extension module in a thread.

use std::mem::ManuallyDrop;

/// A call, made once. If it is never made, its data are let go of.
pub struct ForeignCall {
    call: unsafe extern "C" fn(usize),
    drop: unsafe extern "C" fn(usize),
    data: usize,
}

impl ForeignCall {
    /// # Safety
    ///
    /// Either of the functions may be called with the data once, on any thread.
    pub unsafe fn new(
        call: unsafe extern "C" fn(usize),
        drop: unsafe extern "C" fn(usize),
        data: usize,
    ) -> Self {
        Self { call, drop, data }
    }

    /// Makes it.
    pub fn make(self) {
        let this = ManuallyDrop::new(self);
        // SAFETY: the promise to `new`; the data are not let go of as well.
        unsafe { (this.call)(this.data) };
    }
}

impl Drop for ForeignCall {
    fn drop(&mut self) {
        // SAFETY: the promise to `new`; the call was not made.
        unsafe { (self.drop)(self.data) };
    }
}
