//! Threads that still run when the interpreter exits.
//!
//! A daemon thread that wants the GIL back while the interpreter exits does not get it.
//! From 3.14 on the interpreter lets it sleep forever. Before, it calls `pthread_exit`,
//! which the GNU C library does by unwinding the thread's stack: through our frames and
//! PyO3's, which must not be unwound by anything but a panic. The process would abort.
//!
//! So there, each thread that calls native code which may wait for the GIL has a cleanup
//! handler. The library calls it before it unwinds the first frame; if the interpreter
//! exits, it does not return, as in newer interpreters. What the thread was doing stays
//! unfinished, and no lock of this crate is held by a thread that waits for the GIL.
//!
//! Other C libraries (musl, macOS's) end a thread without unwinding.

#[cfg(all(target_os = "linux", target_env = "gnu", not(Py_3_14)))]
pub use parking::arm;

/// Does nothing on this platform, or for this interpreter.
#[cfg(not(all(target_os = "linux", target_env = "gnu", not(Py_3_14))))]
#[inline(always)]
pub fn arm() {}

#[cfg(all(target_os = "linux", target_env = "gnu", not(Py_3_14)))]
mod parking {
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::ptr::null_mut;
    use std::time::Duration;

    /// `struct _pthread_cleanup_buffer` of `<pthread.h>`.
    #[repr(C)]
    struct CleanupBuffer {
        routine: Option<unsafe extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
        cancel_type: c_int,
        previous: *mut CleanupBuffer,
    }

    unsafe extern "C" {
        // The function behind the macro of that name in the library's first versions.
        // Programs of that time still run, so that it stays.
        fn _pthread_cleanup_push(
            buffer: *mut CleanupBuffer,
            routine: unsafe extern "C" fn(*mut c_void),
            argument: *mut c_void,
        );

        #[cfg(not(Py_3_13))]
        #[link_name = "_Py_IsFinalizing"]
        fn is_finalizing() -> c_int;
        #[cfg(Py_3_13)]
        #[link_name = "Py_IsFinalizing"]
        fn is_finalizing() -> c_int;
    }

    /// The library's record of this thread's handler: null, or leaked.
    struct Handler(Cell<*mut CleanupBuffer>);

    thread_local! {
        static HANDLER: Handler = const { Handler(Cell::new(null_mut())) };
    }

    impl Drop for Handler {
        fn drop(&mut self) {
            let buffer = self.0.get();
            if !buffer.is_null() {
                // SAFETY: made by `install` from a box. The thread has returned from its
                // function: its handlers are not used any more.
                drop(unsafe { Box::from_raw(buffer) });
            }
        }
    }

    /// Makes the calling thread sleep forever, and not end, if it waits for the GIL while
    /// the interpreter exits. Called by the entry points that threads use.
    #[inline]
    pub fn arm() {
        // No handler if the thread's variables are gone already: it is at its end.
        let _ = HANDLER.try_with(|handler| {
            if handler.0.get().is_null() {
                install(handler);
            }
        });
    }

    #[cold]
    fn install(handler: &Handler) {
        // Not on the stack: there, it would be called only when the frame that it is in
        // has been unwound.
        let buffer = Box::into_raw(Box::new(CleanupBuffer {
            routine: None,
            argument: null_mut(),
            cancel_type: 0,
            previous: null_mut(),
        }));
        handler.0.set(buffer);
        // SAFETY: the buffer lives as long as the thread. The function writes to it and
        // to the thread's own list of handlers.
        unsafe { _pthread_cleanup_push(buffer, sleep_if_exiting, null_mut()) };
    }

    /// Called by `pthread_exit`, without the GIL. A thread that ends for another reason
    /// may do so.
    unsafe extern "C" fn sleep_if_exiting(_argument: *mut c_void) {
        // SAFETY: it may be called at any time, by any thread.
        if unsafe { is_finalizing() } != 0 {
            loop {
                std::thread::sleep(Duration::from_secs(3600));
            }
        }
    }
}
