//! Which methods of a loop somebody has replaced.
//!
//! asyncio's functions call the loop's methods; so a subclass that overrides one, an
//! attribute of the loop or a mock of either is seen. Ours go around the methods that
//! nobody has replaced, and ask before whether that is so: [`LoopCore::calls_own`].
//!
//! A class can be changed at any time. The interpreter gives one that has changed, or
//! whose base has, another version number, so a comparison of that tells. An attribute of
//! the loop itself is seen when it is set.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::LoopCore;
use super::method_cache::definition_of;
use crate::ffi::gil_cell::GilCell;
use crate::intern;

/// Some of the methods that ours go around, as bits.
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
    /// What `call_later` comes to.
    pub const TIMERS: Self = Self::CALL_LATER.and(Self::DEADLINES);
    /// What `call_at` and the comparison of a deadline with the time come to.
    pub const DEADLINES: Self = Self::CALL_AT.and(Self::TIME);

    /// What a timeout's alarm comes to.
    pub const ALARMS: Self = Self::DEADLINES.and(Self::CALL_SOON);

    /// All of both.
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

/// No class has this version.
const UNKNOWN: u32 = u32::MAX;

unsafe extern "C" {
    /// What a class or one of its bases has under a name: a borrowed reference, or null.
    /// It gives the class a version. No exception, no Python code.
    fn _PyType_Lookup(
        class: *mut ffi::PyTypeObject,
        name: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// What a loop knows of its own methods.
pub struct Overrides {
    /// The loop's class when it was last told, which `held` keeps alive: nothing else
    /// does, for `object`'s own descriptor of `__class__` exchanges a class unseen.
    class: GilCell<*const ffi::PyTypeObject>,
    /// `class`, unless that is `LoopCore`, which lives for ever.
    held: GilCell<Option<Py<PyType>>>,
    /// The version of the class that `by_class` is of.
    version: GilCell<u32>,
    by_class: GilCell<Methods>,
    by_object: GilCell<Methods>,
    /// Those of both.
    all: GilCell<Methods>,
}

// SAFETY: the address is used with the GIL held only.
unsafe impl Send for Overrides {}
// SAFETY: as above.
unsafe impl Sync for Overrides {}

impl Overrides {
    /// Of a loop whose class is not known yet.
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

    /// The loop is of this class from now on.
    pub fn is_of(&self, class: &Bound<'_, PyType>) {
        let py = class.py();
        self.class.set(py, class.as_type_ptr());
        self.version.set(py, UNKNOWN);
        // The last one goes when the new one is in its place.
        drop(self.held.replace(py, Some(class.clone().unbind())));
    }

    /// The references, for the collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.traverse(|class| visit.call(class))
    }

    /// Lets go of the class, for the collector.
    pub fn clear(&self, py: Python<'_>) {
        self.class.set(py, LoopCore::type_object_raw(py));
        self.version.set(py, UNKNOWN);
        drop(self.held.take(py));
    }

    fn set_all(&self, py: Python<'_>) {
        self.all.set(py, self.by_class.get(py).and(self.by_object.get(py)));
    }

    /// Looks at the methods of the class, which has changed.
    #[cold]
    fn refresh(&self, py: Python<'_>) {
        let class = self.class.get(py).cast_mut();
        let mut replaced = Methods(0);
        for (bit, name) in names(py).iter().enumerate() {
            // SAFETY: `held` keeps the class alive; the references are borrowed, and
            // nothing runs before they are done with.
            unsafe {
                let found = _PyType_Lookup(class, name.as_ptr());
                let own = _PyType_Lookup(LoopCore::type_object_raw(py), name.as_ptr());
                let is_own = std::ptr::eq(found, own)
                    || definition_of(found).is_some_and(|it| Some(it) == definition_of(own));
                if !is_own {
                    replaced = replaced.and(Methods(1 << bit));
                }
            }
        }
        // SAFETY: `held` keeps the class alive. Zero is what a class has that the interpreter gives
        // no version; such a one is looked at each time.
        let version = match unsafe { (*class).tp_version_tag } {
            0 => UNKNOWN,
            version => version,
        };
        self.by_class.set(py, replaced);
        self.version.set(py, version);
        self.set_all(py);
    }
}

/// The names, in the order of the bits.
fn names(py: Python<'_>) -> [&Bound<'_, PyString>; 7] {
    [
        intern!(py, "call_soon"),
        intern!(py, "call_later"),
        intern!(py, "call_at"),
        intern!(py, "time"),
        intern!(py, "create_future"),
        intern!(py, "create_task"),
        intern!(py, "run_in_executor"),
    ]
}

impl LoopCore {
    /// Whether `methods` are those of this class: a subclass, the loop itself or a mock
    /// may have others.
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

/// Whether `value` is the loop's own method: who takes a mock away may put that there.
fn is_own_method(
    slf: &Bound<'_, LoopCore>,
    value: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
) -> bool {
    let own = slf.py().get_type::<LoopCore>().getattr(name);
    // SAFETY: the references are alive; the type is compared before its layout is relied
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
        // SAFETY: as above; no value is what deletes.
        let deleted = unsafe {
            ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), std::ptr::null_mut())
        };
        if deleted < 0 {
            return Err(PyErr::fetch(py));
        }
        Self::attribute_changed(slf, name, None)
    }
}
