//! Futures of a Rust of its own on the table of aioxide, without a binding to Python: `ctypes`
//! calls the functions below.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr::null_mut;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use aioxide_abi::{
    Answer, Body, BodyTable, CAPSULE, Definition, Leaf, Object, PENDING, RAISED, READY, Table, Text,
    Visit, Wake,
};

unsafe extern "C" {
    static mut PyExc_SystemError: Object;
    fn PyErr_SetString(kind: Object, text: *const c_char);
    fn PyCapsule_Import(name: *const c_char, no_block: c_int) -> *mut c_void;
    fn PyFloat_FromDouble(value: f64) -> Object;
    fn Py_DecRef(object: Object);
}

fn table() -> &'static Table {
    // SAFETY: the GIL is held; what the capsule names is never freed.
    unsafe { &*PyCapsule_Import(CAPSULE.as_ptr(), 0).cast::<Table>() }
}

const ONE_WORD: RawWakerVTable = RawWakerVTable::new(
    |word| RawWaker::new(word, &VTABLE),
    |word| unsafe { (table_for_wakes().wake)(word.addr()) },
    |word| unsafe { (table_for_wakes().wake)(word.addr()) },
    |_| {},
);
static VTABLE: RawWakerVTable = ONE_WORD;

/// Wakes have no GIL: the table is remembered.
fn table_for_wakes() -> &'static Table {
    TABLE.get().expect("a body was polled before")
}
static TABLE: std::sync::OnceLock<&'static Table> = std::sync::OnceLock::new();

/// A timer of the loop.
struct Sleep(Option<f64>, Leaf);

fn sleep(seconds: f64) -> Sleep {
    Sleep(Some(seconds), null_mut())
}

impl Future for Sleep {
    type Output = Result<(), Raised>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let table = table();
        // SAFETY: futures are polled in a turn.
        unsafe {
            if let Some(seconds) = self.0.take() {
                let mut now = 0.0;
                if (table.time)(&raw mut now) == RAISED {
                    return Poll::Ready(Err(Raised));
                }
                self.1 = (table.sleep_until)(now + seconds);
                if self.1.is_null() {
                    return Poll::Ready(Err(Raised));
                }
            }
            let mut result = null_mut();
            match (table.poll_leaf)(self.1, wake_of(context.waker()), &raw mut result) {
                PENDING => Poll::Pending,
                READY => {
                    Py_DecRef(result);
                    Poll::Ready(Ok(()))
                }
                _ => Poll::Ready(Err(Raised)),
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // SAFETY: futures are dropped in a turn; null is nothing to drop.
        unsafe { (table().drop_leaf)(self.1) };
    }
}

/// An exception of Python is set.
struct Raised;

/// The word of our own waker, or functions that have a waker of another kind.
fn wake_of(waker: &Waker) -> Wake {
    unsafe extern "C" fn wake(data: usize) {
        // SAFETY: it comes from `into_raw`, once.
        unsafe { Box::from_raw(data as *mut Waker) }.wake();
    }
    unsafe extern "C" fn drop(data: usize) {
        // SAFETY: as above.
        std::mem::drop(unsafe { Box::from_raw(data as *mut Waker) });
    }
    if waker.vtable() == &VTABLE {
        return Wake { data: waker.data().addr(), wake: None, drop: None };
    }
    let data = Box::into_raw(Box::new(waker.clone())) as usize;
    Wake { data, wake: Some(wake), drop: Some(drop) }
}

type Output = Result<f64, Raised>;

struct Running(Pin<Box<dyn Future<Output = Output>>>);

unsafe extern "C" fn poll(data: *mut c_void, word: usize, result: *mut Object) -> Answer {
    let _ = TABLE.set(table());
    // SAFETY: it is the data of the body; the waker's data are a number.
    let polled = unsafe {
        let running = &mut *data.cast::<Running>();
        let waker = Waker::new(std::ptr::without_provenance(word), &VTABLE);
        catch_unwind(AssertUnwindSafe(|| running.0.as_mut().poll(&mut Context::from_waker(&waker))))
    };
    match polled {
        Ok(Poll::Pending) => PENDING,
        Ok(Poll::Ready(Ok(value))) => {
            // SAFETY: the GIL is held, and there is room for the result.
            unsafe { *result = PyFloat_FromDouble(value) };
            READY
        }
        Ok(Poll::Ready(Err(Raised))) => RAISED,
        Err(_) => raise(c"a future of the extension's panicked"),
    }
}

fn raise(text: &CStr) -> Answer {
    // SAFETY: the GIL is held.
    unsafe { PyErr_SetString(PyExc_SystemError, text.as_ptr()) };
    RAISED
}

unsafe extern "C" fn poll_elsewhere(_data: *mut c_void, _result: *mut Object) -> Answer {
    raise(c"it runs on aioxide only")
}

unsafe extern "C" fn drop_body(data: *mut c_void) {
    // SAFETY: it comes from `made`, once.
    drop(unsafe { Box::from_raw(data.cast::<Running>()) });
}

unsafe extern "C" fn traverse(_data: *mut c_void, _visit: Visit, _argument: *mut c_void) -> c_int {
    0
}

static BODY: BodyTable =
    BodyTable { size: size_of::<BodyTable>(), poll, poll_elsewhere, drop: drop_body, traverse };

const fn text(text: &'static str) -> Text {
    Text { data: text.as_ptr(), length: text.len() }
}

static DEFINITION: Definition = Definition {
    qualname: text("probe"),
    path: text("abi_probe::probe"),
    file: text(file!()),
    line: line!(),
};

fn made(future: impl Future<Output = Output> + 'static) -> Object {
    let data = Box::into_raw(Box::new(Running(Box::pin(future)))).cast();
    // SAFETY: the GIL is held; body and definition are what the contract says.
    unsafe { (table().coroutine)(Body { data, table: &BODY }, &DEFINITION, null_mut()) }
}

/// Both at once, each polled with a waker of its own.
async fn both(first: Sleep, second: Sleep) -> Result<(), Raised> {
    struct Forward(Waker);
    impl std::task::Wake for Forward {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.wake_by_ref();
        }
    }
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut done = [false; 2];
    std::future::poll_fn(|context| {
        for (index, sleep) in [first.as_mut(), second.as_mut()].into_iter().enumerate() {
            let waker = Waker::from(std::sync::Arc::new(Forward(context.waker().clone())));
            if !done[index] {
                match sleep.poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => done[index] = true,
                    Poll::Ready(Err(Raised)) => return Poll::Ready(Err(Raised)),
                }
            }
        }
        if done == [true; 2] { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// A coroutine that sleeps, and returns what it was given.
#[unsafe(no_mangle)]
pub extern "C" fn probe_sleep(seconds: f64) -> Object {
    made(async move {
        sleep(seconds).await?;
        Ok(seconds)
    })
}

/// A coroutine that sleeps for the longer of two times, and returns their sum.
#[unsafe(no_mangle)]
pub extern "C" fn probe_sleep_both(first: f64, second: f64) -> Object {
    made(async move {
        both(sleep(first), sleep(second)).await?;
        Ok(first + second)
    })
}

/// A coroutine that panics, in an extension that unwinds.
#[unsafe(no_mangle)]
pub extern "C" fn probe_panic() -> Object {
    made(async { panic!("on purpose") })
}
