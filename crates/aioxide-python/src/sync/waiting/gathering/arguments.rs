//! The arguments of `gather`.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{Borrowed, ffi};

use super::GatheringFuture;
use crate::core::dispatch::as_native;
use crate::core::futures::loop_of;
use crate::core::tasks::Task;
use crate::ffi::allocate;
use crate::ffi::fastcall::{CallArguments, FastFunction, Parsed, Signature};
use crate::stdlib;
use crate::sync::waiting::ensured;

/// `gather(*coros_or_futures, return_exceptions=False)`.
pub struct Gather;

const GATHER: Signature<0, 1> = Signature::function("gather", [], ["return_exceptions"]).variadic();

impl FastFunction for Gather {
    const NAME: &'static CStr = c"gather";
    const DOC: &'static CStr = c"gather(*coros_or_futures, return_exceptions=False)\n--\n\nA future of the results of all that is given, in that order.\n\nThe first exception becomes the future's, unless `return_exceptions` puts it\ninto the list. Cancelling the future cancels all that is not done; that one of\nthem is cancelled is an exception like others.\n\nhttps://docs.python.org/3/library/asyncio-task.html#asyncio.gather";

    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let Parsed { optional: [return_exceptions], rest: all, .. } = GATHER.parse(&arguments)?;
        let return_exceptions = return_exceptions.map_or(Ok(false), |it| it.is_truthy())?;
        if all.is_empty() {
            let event_loop = stdlib::get_event_loop(py)?.call0()?;
            let outer = event_loop.call_method0(crate::intern!(py, "create_future"))?;
            outer.call_method1(
                crate::intern!(py, "set_result"),
                (allocate::list(py, Vec::<Bound<'py, PyAny>>::new())?,),
            )?;
            return Ok(outer.unbind());
        }
        let outer = GatheringFuture::begin(py, return_exceptions)?;
        let mut seen = Seen::new(all);
        let mut event_loop: Option<Bound<'py, PyAny>> = None;
        let mut children: Vec<Bound<'py, PyAny>> = Vec::with_capacity(all.len());
        let mut distinct = 0;
        let mut done = Vec::new();
        for argument in all {
            let before = seen.index_of(argument, children.len())?;
            if let Some(child) = before.and_then(|index| children.get(index)) {
                children.push(child.clone());
                continue;
            }
            let child = ensured(argument, event_loop.as_ref())?;
            if event_loop.is_none() {
                event_loop = Some(loop_of(&child)?);
            }
            if !child.is(&**argument) {
                keep_quiet_when_destroyed(&child)?;
            }
            distinct += 1;
            GatheringFuture::expect(&outer, &child, &mut done)?;
            children.push(child);
        }
        let children = allocate::tuple_of(py, children)?;
        let Some(event_loop) = event_loop else {
            return Ok(outer.into_any().unbind()); // There is at least one argument.
        };
        GatheringFuture::complete(&outer, &event_loop, children, distinct, done.len())?;
        // Now that the children are known, those that were done before are counted in the
        // same way.
        for child in done {
            GatheringFuture::child_done(&outer, &child)?;
        }
        Ok(outer.into_any().unbind())
    }
}

/// Only `gather()` has a reference to the task, so a warning about it would be of no use.
fn keep_quiet_when_destroyed(child: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = child.py();
    if as_native(child).is_some()
        && let Ok(task) = child.cast_exact::<Task>()
    {
        task.get().set_log_destroy_pending(py, false);
        return Ok(());
    }
    child.setattr(crate::intern!(py, "_log_destroy_pending"), false)
}

/// The arguments so far, to find repeated ones.
struct Seen<'a, 'py> {
    arguments: &'a [Borrowed<'a, 'py, PyAny>],
    kept: Kept<'py>,
}

enum Kept<'py> {
    /// By address, if all arguments so far compare by identity.
    Addresses(HashMap<usize, usize, BuildHasherDefault<AddressHasher>>),
    /// By the arguments' own `__hash__` and `__eq__`.
    Objects(Bound<'py, PyDict>),
}

impl<'a, 'py> Seen<'a, 'py> {
    fn new(arguments: &'a [Borrowed<'a, 'py, PyAny>]) -> Self {
        let hasher = BuildHasherDefault::default();
        let addresses = HashMap::with_capacity_and_hasher(arguments.len(), hasher);
        Self { arguments, kept: Kept::Addresses(addresses) }
    }

    /// The index of an earlier argument equal to this one. If there was none, this one is
    /// remembered with `index`.
    fn index_of(&mut self, argument: &Bound<'py, PyAny>, index: usize) -> PyResult<Option<usize>> {
        if let Kept::Addresses(addresses) = &mut self.kept {
            if compares_by_address(argument) {
                let before = *addresses.entry(argument.as_ptr().addr()).or_insert(index);
                return Ok((before != index).then_some(before));
            }
            let objects = allocate::dict(argument.py())?;
            for (place, object) in self.arguments.iter().enumerate().take(index) {
                if !objects.contains(object)? {
                    objects.set_item(object, place)?;
                }
            }
            self.kept = Kept::Objects(objects);
        }
        match &self.kept {
            Kept::Objects(objects) => {
                if let Some(before) = objects.get_item(argument)? {
                    return before.extract().map(Some);
                }
                objects.set_item(argument, index)?;
                Ok(None)
            }
            Kept::Addresses(_) => Ok(None),
        }
    }
}

/// Whether the type inherits hash and equality from `object`.
#[inline]
fn compares_by_address(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the reference is alive, and so is its type; comparing slots reads
    // two words of each.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        let plain = &raw mut ffi::PyBaseObject_Type;
        same((*class).tp_hash, (*plain).tp_hash)
            && match ((*class).tp_richcompare, (*plain).tp_richcompare) {
                (None, _) => true,
                (Some(its), Some(plain)) => std::ptr::fn_addr_eq(its, plain),
                _ => false,
            }
    }
}

fn same(one: Option<ffi::hashfunc>, other: Option<ffi::hashfunc>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if std::ptr::fn_addr_eq(one, other))
}

/// A hash for addresses, which are spread well enough except in their lowest bits.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        // The table uses the low bits for the place and the high ones for a tag.
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}
