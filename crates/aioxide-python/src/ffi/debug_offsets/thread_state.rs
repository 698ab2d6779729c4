//! asyncio's part of a thread's state.

use std::ptr::NonNull;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::offsets::Offsets;

/// Where the fields are in a thread's state; None if they must not be touched.
static FIELDS: OnceLock<Option<Fields>> = OnceLock::new();

#[derive(Clone, Copy)]
struct Fields {
    running_loop: usize,
    running_task: usize,
    tasks_head: usize,
}

/// A task's place in the list of a thread's tasks: CPython's circular list, whose
/// head is a link without a task. Null when the task is in no list.
#[repr(C)]
pub struct TaskLink {
    next: *mut TaskLink,
    previous: *mut TaskLink,
}

impl Default for TaskLink {
    fn default() -> Self {
        Self { next: std::ptr::null_mut(), previous: std::ptr::null_mut() }
    }
}

/// Finds out whether asyncio's fields can be used directly: `is_laid_out` tells whether a
/// task of ours has its own where these offsets say. Called once, at module
/// initialisation.
pub fn initialize(
    py: Python<'_>,
    is_laid_out: impl FnOnce(&Offsets) -> PyResult<bool>,
) -> PyResult<()> {
    let asyncio = PyModule::import(py, "_asyncio")?;
    let usable = match Offsets::published(&asyncio) {
        Some(offsets) if is_laid_out(&offsets)? => confirmed(&asyncio, &offsets)?,
        _ => None,
    };
    FIELDS.get_or_init(|| usable);
    Ok(())
}

/// Whether the fields of this thread's state are what the offsets say: values that
/// asyncio's own functions put there are looked for.
fn confirmed(asyncio: &Bound<'_, PyModule>, offsets: &Offsets) -> PyResult<Option<Fields>> {
    let py = asyncio.py();
    let fields = Fields {
        running_loop: offsets.running_loop,
        running_task: offsets.running_task,
        tasks_head: offsets.tasks_head,
    };
    let mark = asyncio.as_any();
    let running = asyncio.call_method0(crate::name!("_get_running_loop"))?;
    asyncio.call_method1(crate::name!("_set_running_loop"), (mark,))?;
    let task = asyncio.call_method1(crate::name!("_swap_current_task"), (mark, mark))?;
    let here = fields.of_this_thread(py);
    // SAFETY: the offsets lie within the thread's state, by the file that the
    // interpreter was loaded from.
    let found = unsafe {
        (*here.running_loop).eq(&mark.as_ptr()) && (*here.running_task).eq(&mark.as_ptr())
    };
    asyncio.call_method1(crate::name!("_swap_current_task"), (mark, task))?;
    asyncio.call_method1(crate::name!("_set_running_loop"), (running,))?;
    let found = found && has_list_at(asyncio, here.tasks_head, offsets.task_node)?;
    Ok(found.then_some(fields))
}

/// Whether `head` is the head of this thread's tasks: a task of asyncio's own is entered by
/// asyncio's function, and looked for at the end of the list.
fn has_list_at(asyncio: &Bound<'_, PyModule>, head: *mut TaskLink, node: usize) -> PyResult<bool> {
    // Without `__init__`, so that it is not registered and reports nothing.
    let task = asyncio.getattr(crate::name!("Task"))?;
    let task = task.call_method1(crate::name!("__new__"), (&task,))?;
    let link = task.as_ptr().wrapping_byte_add(node).cast::<TaskLink>();
    // SAFETY: the offset of the head lies within the thread's state, and two words are read.
    let ends_with_link = || unsafe { (*head).previous == link };
    let before = ends_with_link();
    asyncio.call_method1(crate::name!("_register_task"), (&task,))?;
    let entered = ends_with_link();
    asyncio.call_method1(crate::name!("_unregister_task"), (&task,))?;
    Ok(!before && entered && !ends_with_link())
}

impl Fields {
    #[inline]
    fn of_this_thread(self, py: Python<'_>) -> ThreadState<'_> {
        // SAFETY: the thread is attached, so it has a state; the offsets are
        // those of fields in it, which live as long as it.
        unsafe {
            let state = ffi::PyThreadState_GetUnchecked().cast::<u8>();
            ThreadState {
                running_loop: state.add(self.running_loop).cast(),
                running_task: state.add(self.running_task).cast(),
                tasks_head: state.add(self.tasks_head).cast(),
                _attached: py,
            }
        }
    }
}

/// asyncio's fields in the state of the thread that runs.
pub struct ThreadState<'py> {
    /// Owned by the thread's state, or null.
    running_loop: *mut *mut ffi::PyObject,
    /// Owned by the thread's state, or null.
    running_task: *mut *mut ffi::PyObject,
    tasks_head: *mut TaskLink,
    _attached: Python<'py>,
}

impl<'py> ThreadState<'py> {
    /// The fields of this thread; None if they cannot be used.
    #[inline]
    pub fn get(py: Python<'py>) -> Option<Self> {
        FIELDS.get().copied().flatten().map(|fields| fields.of_this_thread(py))
    }

    /// Whether the fields can be used.
    pub fn is_known() -> bool {
        FIELDS.get().is_some_and(Option::is_some)
    }

    /// Whether `event_loop` runs in this thread.
    #[inline]
    pub fn runs(&self, event_loop: &Py<PyAny>) -> bool {
        // SAFETY: the field is there (`confirmed`), and the GIL guards it.
        unsafe { *self.running_loop == event_loop.as_ptr() }
    }

    /// Whether no loop runs in this thread, as far as asyncio knows.
    #[inline]
    pub fn runs_nothing(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.running_loop).is_null() }
    }

    /// The running task.
    #[inline]
    pub fn task(&self) -> Option<Bound<'py, PyAny>> {
        // SAFETY: as above; the field owns its task.
        unsafe { Bound::from_borrowed_ptr_or_opt(self._attached, *self.running_task) }
    }

    /// Makes `task` the running one and hands out the one before.
    #[inline]
    pub fn replace_task(&self, task: Option<Bound<'py, PyAny>>) -> Option<Bound<'py, PyAny>> {
        let task = task.map_or(std::ptr::null_mut(), Bound::into_ptr);
        // SAFETY: as above; both references change their owner.
        unsafe { Bound::from_owned_ptr_or_opt(self._attached, self.running_task.replace(task)) }
    }

    /// Puts a task's link, which is in no list, at the end of this thread's tasks.
    ///
    /// # Safety
    ///
    /// `link` lies where CPython looks for it in a task, and does not move or end
    /// before `unlink`.
    #[inline]
    pub unsafe fn append(&self, link: NonNull<TaskLink>) {
        let (head, link) = (self.tasks_head, link.as_ptr());
        // SAFETY: all links of the list are alive: each leaves it before its task
        // goes. The GIL guards them.
        unsafe {
            (*link).previous = (*head).previous;
            (*link).next = head;
            (*(*head).previous).next = link;
            (*head).previous = link;
        }
    }
}

impl TaskLink {
    /// Whether the task is in a list.
    #[inline]
    pub fn is_linked(&self) -> bool {
        !self.next.is_null()
    }

    /// Takes the task out of whichever list it is in; CPython moves the tasks of a
    /// thread that ends to another.
    ///
    /// # Safety
    ///
    /// The GIL is held.
    #[inline]
    pub unsafe fn unlink(&mut self) {
        if !self.is_linked() {
            return;
        }
        // SAFETY: the neighbours are alive, see `append`.
        unsafe {
            (*self.previous).next = self.next;
            (*self.next).previous = self.previous;
        }
        *self = Self::default();
    }
}
