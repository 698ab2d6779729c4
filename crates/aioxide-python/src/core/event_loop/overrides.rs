//! Which methods of a loop are overridden.
//!
//! asyncio's functions call the loop's methods; so a method that a subclass, an attribute
//! of the loop or a mock overrides is called. Native code bypasses these methods, but only
//! after it has checked that they are not overridden: [`LoopCore::calls_own`].
//!
//! A class can be changed at any time. The interpreter then gives the class and its
//! subclasses a new version number, which is compared here. An attribute of the loop itself
//! is noticed when it is set.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use super::LoopCore;
use super::method_cache::definition_of;
use crate::ffi::gil_cell::GilCell;
use crate::intern;

/// A set of the methods that native code bypasses, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Methods(u16);

impl Methods {
    pub const CALL_SOON: Self = Self(1);
    pub const CALL_LATER: Self = Self(1 << 1);
    pub const CALL_AT: Self = Self(1 << 2);
    pub const TIME: Self = Self(1 << 3);
    pub const CREATE_FUTURE: Self = Self(1 << 4);
    pub const CREATE_TASK: Self = Self(1 << 5);
    pub const RUN_IN_EXECUTOR: Self = Self(1 << 6);
    /// What `create_connection` calls, to connect to a numeric address.
    pub const CONNECTING: Self = Self(0b111 << 7);
    /// The methods that asyncio's `call_later` uses.
    pub const TIMERS: Self = Self::CALL_LATER.and(Self::DEADLINES);
    /// The methods that `call_at` and the comparison of a deadline with the time use.
    pub const DEADLINES: Self = Self::CALL_AT.and(Self::TIME);

    /// The methods that a timeout uses.
    pub const ALARMS: Self = Self::DEADLINES.and(Self::CALL_SOON);

    /// The union of both.
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    const fn has_any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// The methods of [`Methods::CONNECTING`], as the class `Loop` has them.
static CONNECTING: PyOnceLock<[Py<PyAny>; 3]> = PyOnceLock::new();

/// Remembers which methods connect, before anybody can have replaced one.
#[pyfunction]
pub fn _own_connecting_methods(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class_.py();
    let find = |index: usize| -> PyResult<Py<PyAny>> {
        Ok(class_.getattr(names(py)[NATIVE + index])?.unbind())
    };
    let own = [find(0)?, find(1)?, find(2)?];
    CONNECTING.get_or_init(py, || own);
    Ok(())
}

/// A version that no class has.
const UNKNOWN: u32 = u32::MAX;

unsafe extern "C" {
    /// The attribute of a class or of one of its bases: a borrowed reference, or null.
    /// It assigns a version to the class. It raises nothing and runs no Python code.
    fn _PyType_Lookup(
        class: *mut ffi::PyTypeObject,
        name: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Which methods of one loop are overridden.
pub struct Overrides {
    /// The loop's class at the last call of `is_of`. `held` keeps it alive; nothing else
    /// does, because the descriptor `object.__class__` changes a class without notice.
    class: GilCell<*const ffi::PyTypeObject>,
    /// `class`, unless that is `LoopCore`, which is never freed.
    held: GilCell<Option<Py<PyType>>>,
    /// The version of the class for which `by_class` was computed.
    version: GilCell<u32>,
    by_class: GilCell<Methods>,
    by_object: GilCell<Methods>,
    /// The union of both.
    all: GilCell<Methods>,
}

// SAFETY: the address is used only with the GIL held.
unsafe impl Send for Overrides {}
// SAFETY: as above.
unsafe impl Sync for Overrides {}

impl Overrides {
    /// For a loop whose class is not known yet.
    pub fn new(py: Python<'_>) -> Self {
        Self {
            class: GilCell::new(LoopCore::type_object_raw(py)),
            held: GilCell::new(None),
            version: GilCell::new(UNKNOWN),
            by_class: GilCell::new(Methods(0)),
            by_object: GilCell::new(Methods(0)),
            all: GilCell::new(Methods(0)),
        }
    }

    /// The loop has this class from now on.
    pub fn is_of(&self, class: &Bound<'_, PyType>) {
        let py = class.py();
        self.class.set(py, class.as_type_ptr());
        self.version.set(py, UNKNOWN);
        // The old class is dropped after the new one is in its place.
        drop(self.held.replace(py, Some(class.clone().unbind())));
    }

    /// Visits the references, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.traverse(|class| visit.call(class))
    }

    /// Drops the reference to the class, for the garbage collector.
    pub fn clear(&self, py: Python<'_>) {
        self.class.set(py, LoopCore::type_object_raw(py));
        self.version.set(py, UNKNOWN);
        drop(self.held.take(py));
    }

    fn set_all(&self, py: Python<'_>) {
        self.all.set(py, self.by_class.get(py).and(self.by_object.get(py)));
    }

    /// Compares the methods of the class, which has changed, with our own.
    #[cold]
    fn refresh(&self, py: Python<'_>) {
        let class = self.class.get(py).cast_mut();
        let mut replaced = Methods(0);
        for (bit, name) in names(py).iter().enumerate() {
            // SAFETY: `held` keeps the class alive; the references are borrowed, and
            // nothing runs before they are done with.
            unsafe {
                let found = _PyType_Lookup(class, name.as_ptr());
                let own = match bit.checked_sub(NATIVE) {
                    None => _PyType_Lookup(LoopCore::type_object_raw(py), name.as_ptr()),
                    Some(index) => CONNECTING
                        .get(py)
                        .and_then(|own| own.get(index))
                        .map_or(std::ptr::null_mut(), |own| own.as_ptr()),
                };
                let is_own = std::ptr::eq(found, own)
                    || definition_of(found).is_some_and(|it| Some(it) == definition_of(own));
                if !is_own {
                    replaced = replaced.and(Methods(1 << bit));
                }
            }
        }
        // SAFETY: `held` keeps the class alive. A class to which the interpreter assigns no
        // version has zero; its methods are compared each time.
        let version = match unsafe { (*class).tp_version_tag } {
            0 => UNKNOWN,
            version => version,
        };
        self.by_class.set(py, replaced);
        self.version.set(py, version);
        self.set_all(py);
    }
}

/// How many of the names are native methods; the others are those of [`Methods::CONNECTING`].
const NATIVE: usize = 7;

/// The names, in the order of the bits.
fn names(py: Python<'_>) -> [&Bound<'_, PyString>; NATIVE + 3] {
    [
        intern!(py, "call_soon"),
        intern!(py, "call_later"),
        intern!(py, "call_at"),
        intern!(py, "time"),
        intern!(py, "create_future"),
        intern!(py, "create_task"),
        intern!(py, "run_in_executor"),
        intern!(py, "sock_connect"),
        intern!(py, "getaddrinfo"),
        intern!(py, "_ensure_resolved"),
    ]
}

impl LoopCore {
    /// Whether none of `methods` is overridden, by a subclass, the loop itself or a mock.
    #[inline(always)]
    pub fn calls_own(&self, py: Python<'_>, methods: Methods) -> bool {
        let replaced = &self.replaced;
        // SAFETY: `held` keeps the class alive.
        if unsafe { (*replaced.class.get(py)).tp_version_tag } != replaced.version.get(py) {
            replaced.refresh(py);
        }
        !replaced.all.get(py).has_any_of(methods)
    }

    /// An attribute of the loop was set, or deleted.
    fn attribute_changed(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let replaced = &slf.get().replaced;
        for (bit, known) in names(py).iter().enumerate() {
            if name.eq(known)? {
                let method = Methods(1 << bit);
                let before = replaced.by_object.get(py);
                let is_own = value.is_none_or(|value| is_own_method(slf, value, known));
                let after = if is_own { before.without(method) } else { before.and(method) };
                replaced.by_object.set(py, after);
                replaced.set_all(py);
                return Ok(());
            }
        }
        if name.eq(intern!(py, "__class__"))? {
            replaced.is_of(&slf.get_type());
        }
        Ok(())
    }
}

/// Whether `value` is the loop's own method: removing a mock may set that as an attribute.
fn is_own_method(
    slf: &Bound<'_, LoopCore>,
    value: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
) -> bool {
    let own = slf.py().get_type::<LoopCore>().getattr(name);
    // SAFETY: the references are alive; the type is checked before its layout is relied
    // on.
    unsafe {
        if ffi::PyCFunction_CheckExact(value.as_ptr()) == 0 {
            return false;
        }
        let function = value.as_ptr().cast::<ffi::PyCFunctionObject>();
        let definition = own.ok().and_then(|own| definition_of(own.as_ptr()));
        std::ptr::eq((*function).m_self, slf.as_ptr()) && definition == Some((*function).m_ml)
    }
}

#[pymethods]
impl LoopCore {
    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        // SAFETY: the references are alive, and the GIL is held.
        let set =
            unsafe { ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), value.as_ptr()) };
        if set < 0 {
            return Err(PyErr::fetch(py));
        }
        Self::attribute_changed(slf, name, Some(value))
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        // SAFETY: as above; a null value deletes the attribute.
        let deleted = unsafe {
            ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), std::ptr::null_mut())
        };
        if deleted < 0 {
            return Err(PyErr::fetch(py));
        }
        Self::attribute_changed(slf, name, None)
    }
}
