//! The methods of a queue that are called for each item, as fast methods.

use std::ffi::CStr;

use pyo3::prelude::*;

use super::state::{try_get, try_put};
use super::{GetItem, PutItem, Queue};
use crate::core::coroutines::Coroutine;
use crate::core::futures::Future;
use crate::ffi::fastcall::{CallArguments, FastMethod, PlainMethod, install, install_plain};
use crate::stdlib;

/// Adds the methods. Called once, at module initialisation.
pub fn install_queue(py: Python<'_>) -> PyResult<()> {
    install::<Put>(py)?;
    install::<PutNowait>(py)?;
    install_plain::<Get>(py)?;
    install_plain::<GetNowait>(py)?;
    Queue::remember_methods(py)
}

/// What `put` and `get` raise once the queue is shut down.
pub fn shut_down_error(py: Python<'_>) -> PyErr {
    instance(stdlib::queue_shut_down(py))
}

fn instance(class: PyResult<&Bound<'_, pyo3::types::PyType>>) -> PyErr {
    class.map_or_else(|error| error, |class| PyErr::from_type(class.clone(), ()))
}

/// `Queue.put_nowait`.
#[inline]
pub fn put_nowait(queue: &Bound<'_, Queue>, item: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = queue.py();
    let this = queue.get();
    match try_put(queue, item.as_unbound()) {
        Some(None) => return Ok(()),
        Some(Some(getter)) => return Future::finish(&getter.into_bound(py), py.None()),
        None => {}
    }
    if this.state.shut_down.get(py) {
        return Err(shut_down_error(py));
    }
    if Queue::is_full(queue)? {
        return Err(instance(stdlib::queue_full(py)));
    }
    if Queue::is_overridden(queue)? {
        queue.call_method1(crate::intern!(py, "_put"), (item,))?;
    } else {
        this.store(item)?;
    }
    this.state.note_length(py);
    this.state.unfinished.set(py, this.state.unfinished.get(py).wrapping_add(1));
    if let Some(finished) = this.state.finished.clone_ref(py) {
        finished.get().clear(py);
    }
    if this.state.getters.len(py) > 0 {
        Queue::wake_next(&this.state.getters, py)?;
    }
    Ok(())
}

/// `Queue.get_nowait`.
#[inline]
pub fn get_nowait(queue: &Bound<'_, Queue>) -> PyResult<Py<PyAny>> {
    let py = queue.py();
    let this = queue.get();
    if let Some((item, putter)) = try_get(queue) {
        if let Some(putter) = putter {
            Future::finish(&putter.into_bound(py), py.None())?;
        }
        return Ok(item);
    }
    if Queue::is_empty(queue)? {
        let shut_down = this.state.shut_down.get(py);
        let class = if shut_down { stdlib::queue_shut_down(py) } else { stdlib::queue_empty(py) };
        return Err(instance(class));
    }
    let item = if Queue::is_overridden(queue)? {
        queue.call_method0(crate::intern!(py, "_get"))?.unbind()
    } else {
        this.take(py)?
    };
    this.state.note_length(py);
    if this.state.putters.len(py) > 0 {
        Queue::wake_next(&this.state.putters, py)?;
    }
    Ok(item)
}

/// `queue.put(item)`.
struct Put;

impl FastMethod for Put {
    type Class = Queue;
    const NAME: &'static CStr = c"put";
    const DOC: &'static CStr = c"put($self, item)\n--\n\nWaits until there is room, and adds the item.\n\nCancellation ends the wait; the item is not added.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, Queue>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let item = arguments.required("Queue.put", "item")?.clone().unbind();
        let queue = slf.clone().unbind();
        Coroutine::new(slf.py(), PutItem { queue, item, place: None }).map(Py::into_any)
    }
}

/// `queue.put_nowait(item)`.
struct PutNowait;

impl FastMethod for PutNowait {
    type Class = Queue;
    const NAME: &'static CStr = c"put_nowait";
    const DOC: &'static CStr =
        c"put_nowait($self, item)\n--\n\nAdds the item. QueueFull if there is no room.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, Queue>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        put_nowait(slf, arguments.required("Queue.put_nowait", "item")?)?;
        Ok(slf.py().None())
    }
}

/// `queue.get()`.
struct Get;

impl PlainMethod for Get {
    type Class = Queue;
    const NAME: &'static CStr = c"get";
    const DOC: &'static CStr = c"get($self)\n--\n\nWaits for an item, removes it and returns it.\n\nCancellation ends the wait; no item is removed.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Queue>) -> PyResult<Py<PyAny>> {
        let queue = slf.clone().unbind();
        Coroutine::new(slf.py(), GetItem { queue, place: None }).map(Py::into_any)
    }
}

/// `queue.get_nowait()`.
struct GetNowait;

impl PlainMethod for GetNowait {
    type Class = Queue;
    const NAME: &'static CStr = c"get_nowait";
    const DOC: &'static CStr =
        c"get_nowait($self)\n--\n\nRemoves an item and returns it. QueueEmpty if there is none.";

    #[inline]
    fn call(slf: &Bound<'_, Queue>) -> PyResult<Py<PyAny>> {
        get_nowait(slf)
    }
}
