//! Places in the source: the line that calls, where a coroutine or a function is defined.
//!
//! The interpreter finds a line by reading a table of the code object from its beginning, which
//! takes longer than all the rest of an event. So what was found is kept: in a small table, by the
//! address of the code object (which the table keeps alive) and the instruction.

use std::sync::Arc;

use aioxide_engine::recorder::names;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::maker::Maker;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};
use crate::stdlib;

const ENTRIES: usize = 1024;
/// How many frames of asyncio and aioxide are looked through for a line of the user's.
const DEPTH: usize = 64;
/// In place of an instruction: where the code is defined.
const DEFINITION: i32 = -2;
/// The same for a function of another extension module.
const FOREIGN: i32 = i32::MIN;

struct Entry {
    /// The address of the code object, of the text of a native function's name, or of what tells
    /// of another module's.
    address: usize,
    instruction: i32,
    place: Place,
    /// Keeps the address from being used again.
    _code: Option<Py<PyAny>>,
}

/// A location, and whether its file is asyncio's or aioxide's.
#[derive(Clone, Copy)]
struct Place {
    location: u32,
    is_internal: bool,
    /// It is the function that runs a loop: what has called it has not called what runs now.
    is_loop: bool,
}

/// Each key has one place, where the last one that fell there is.
#[derive(Default)]
struct Cache {
    entries: Vec<Option<Entry>>,
}

static CACHE: GilCell<Cache> = GilCell::new(Cache { entries: Vec::new() });

impl Cache {
    #[inline(always)]
    fn index(address: usize, instruction: i32) -> usize {
        let mixed =
            (address >> 4 ^ (instruction as usize) << 3).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed >> (usize::BITS - ENTRIES.ilog2())
    }

    #[inline(always)]
    fn find(&mut self, address: usize, instruction: i32) -> Option<Place> {
        let entry = self.entries.get(Self::index(address, instruction))?.as_ref()?;
        (entry.address == address && entry.instruction == instruction).then_some(entry.place)
    }

    fn put(&mut self, entry: Entry) -> Option<Entry> {
        if self.entries.is_empty() {
            self.entries.resize_with(ENTRIES, || None);
        }
        self.entries[Self::index(entry.address, entry.instruction)].replace(entry)
    }
}

// SAFETY (of the methods): an entry is moved in and out, or a part of it copied.
unsafe_cell_methods!(Cache {
    /// The place, if it is known.
    fn find(&mut self, address: usize, instruction: i32) -> Option<Place>;
    /// Keeps an entry, and hands out the one that was there.
    fn put(&mut self, entry: Entry) -> Option<Entry>;
});

/// The line of the user's own code that has called: the innermost frame that is neither
/// asyncio's nor aioxide's. If there is none inside the item that the loop runs, the line on whose
/// behalf it runs; 0 if there is none either.
pub fn caller(py: Python<'_>) -> u32 {
    // SAFETY: the thread is attached; a borrowed reference, or null if no Python code runs.
    let mut frame = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast()) };
    for _ in 0..DEPTH {
        let Some(inner) = frame else { break };
        let place = of_frame(&inner);
        if !place.is_internal {
            return place.location;
        }
        if place.is_loop {
            break;
        }
        // SAFETY: the reference is a frame's; the result is a new reference or null.
        frame = unsafe {
            Bound::from_owned_ptr_or_opt(py, ffi::PyFrame_GetBack(inner.as_ptr().cast()).cast())
        };
    }
    Maker::current().line()
}

/// File, line and function of a location; None if there is none of this number.
pub fn described(location: u32) -> Option<(Arc<str>, u32, Arc<str>)> {
    let names = names();
    let place = names.location_of(location)?;
    let text = |number| names.text_of(number).cloned().unwrap_or_default();
    Some((text(place.file), place.line, text(place.function)))
}

#[inline]
fn of_frame(frame: &Bound<'_, PyAny>) -> Place {
    let py = frame.py();
    // SAFETY: the reference is a frame's. Its code is a new reference.
    let (code, instruction) = unsafe {
        let code = ffi::PyFrame_GetCode(frame.as_ptr().cast());
        (Bound::from_owned_ptr(py, code.cast()), ffi::PyFrame_GetLasti(frame.as_ptr().cast()))
    };
    of_code(&code, instruction)
}

#[inline]
fn of_code(code: &Bound<'_, PyAny>, instruction: i32) -> Place {
    let (py, address) = (code.py(), code.as_ptr().addr());
    match CACHE.find(py, address, instruction) {
        Some(place) => place,
        None => look_up(code, instruction),
    }
}

#[cold]
fn look_up(code: &Bound<'_, PyAny>, instruction: i32) -> Place {
    let py = code.py();
    let found = || -> PyResult<Place> {
        let file = code.getattr(crate::intern!(py, "co_filename"))?;
        let function = code.getattr(crate::intern!(py, "co_qualname"))?;
        let (file, function) = (file.str()?, function.str()?);
        let line = if instruction == DEFINITION {
            code.getattr(crate::intern!(py, "co_firstlineno"))?.extract()?
        } else {
            // SAFETY: the reference is a code object's, and the number one of its instructions,
            // or one that has no line.
            unsafe { ffi::PyCode_Addr2Line(code.as_ptr().cast(), instruction) }
        };
        let (file, function) = (file.to_string_lossy(), function.to_string_lossy());
        let location = names().location(&file, &function, u32::try_from(line).unwrap_or(0));
        let is_internal = is_internal(py, &file);
        let is_loop = is_internal && function.ends_with("run_forever");
        Ok(Place { location, is_internal, is_loop })
    };
    let place = found().unwrap_or(Place { location: 0, is_internal: false, is_loop: false });
    let code = code.clone().unbind();
    let address = code.as_ptr().addr();
    drop(CACHE.put(py, Entry { address, instruction, place, _code: Some(code) }));
    place
}

/// Whether it is a file of the packages `asyncio` or `aioxide`.
fn is_internal(py: Python<'_>, file: &str) -> bool {
    static FOLDERS: PyOnceLock<[String; 2]> = PyOnceLock::new();
    let folder = |file: PyResult<&Bound<'_, PyAny>>| -> PyResult<String> {
        let file = file?.str()?.to_string_lossy().into_owned();
        Ok(file.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default())
    };
    let folders =
        || Ok::<_, PyErr>([folder(stdlib::asyncio_file(py))?, folder(stdlib::package_file(py))?]);
    FOLDERS
        .get_or_try_init(py, folders)
        .is_ok_and(|folders| folders.iter().any(|it| !it.is_empty() && file.starts_with(it)))
}

/// Where the code of a coroutine is defined; 0 if that cannot be told.
#[inline]
pub fn of_coroutine(coroutine: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: the reference is alive; this compares its type.
    let code = if unsafe { ffi::PyCoro_CheckExact(coroutine.as_ptr()) } != 0 {
        code_of(coroutine)
    } else {
        code_of_another_class(coroutine)
    };
    match code {
        Some(code) => of_code(&code, DEFINITION).location,
        None => 0,
    }
}

/// The code of one of the interpreter's coroutines. Looking its attribute up by name for each task
/// takes longer than all that is recorded of it.
#[cfg(all(Py_3_12, not(py_sys_config = "Py_DEBUG")))]
#[inline]
fn code_of<'py>(coroutine: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    unsafe extern "C" {
        // It asks no audit hook, as the attribute does.
        fn PyGen_GetCode(generator: *mut ffi::PyObject) -> *mut ffi::PyObject;
    }
    // SAFETY: to the interpreter coroutines and generators are one structure. (Its debug builds
    // assert the class here, so there the attribute is read.) The result is a new reference.
    unsafe {
        let code = PyGen_GetCode(coroutine.as_ptr());
        Bound::from_owned_ptr_or_opt(coroutine.py(), code)
    }
}

#[cfg(not(all(Py_3_12, not(py_sys_config = "Py_DEBUG"))))]
fn code_of<'py>(coroutine: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    coroutine.getattr(crate::intern!(coroutine.py(), "cr_code")).ok()
}

#[cold]
fn code_of_another_class<'py>(coroutine: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let names = [crate::intern!(py, "cr_code"), crate::intern!(py, "gi_code")];
    let code = names.into_iter().find_map(|name| coroutine.getattr_opt(name).ok().flatten())?;
    // SAFETY: the reference is alive; this compares its type.
    (unsafe { ffi::PyCode_Check(code.as_ptr()) } != 0).then_some(code)
}

/// The location of a native function, by its qualified name.
#[inline]
pub fn of_native(py: Python<'_>, qualname: &'static str) -> u32 {
    let address = qualname.as_ptr().addr();
    // Two names may begin at one address only if one is the beginning of the other.
    let instruction = -3 - qualname.len() as i32;
    if let Some(place) = CACHE.find(py, address, instruction) {
        return place.location;
    }
    let location = names().location("aioxide", qualname, 0);
    let place = Place { location, is_internal: true, is_loop: false };
    drop(CACHE.put(py, Entry { address, instruction, place, _code: None }));
    location
}

/// The location of a function of another extension module, which is told by `tell` as its file,
/// its name and its line. `address` stands for it.
pub fn of_foreign(
    py: Python<'_>,
    address: usize,
    tell: impl FnOnce() -> (String, String, u32),
) -> u32 {
    if let Some(place) = CACHE.find(py, address, FOREIGN) {
        return place.location;
    }
    let (file, function, line) = tell();
    let location = names().location(&file, &function, line);
    let place = Place { location, is_internal: false, is_loop: false };
    drop(CACHE.put(py, Entry { address, instruction: FOREIGN, place, _code: None }));
    location
}

/// Where the function that `callable` calls is defined; 0 for what is not written in Python.
#[inline]
pub fn of_callable(callable: &Bound<'_, PyAny>) -> u32 {
    let py = callable.py();
    let method = stdlib::method_type(py).is_ok_and(|method| callable.get_type().is(method));
    let function = if method {
        callable.getattr(crate::intern!(py, "__func__")).unwrap_or_else(|_| callable.clone())
    } else {
        callable.clone()
    };
    // SAFETY: the reference is alive. The code of a function is borrowed from it.
    unsafe {
        if ffi::PyFunction_Check(function.as_ptr()) == 0 {
            return 0;
        }
        let code = Bound::from_borrowed_ptr(py, ffi::PyFunction_GetCode(function.as_ptr()));
        of_code(&code, DEFINITION).location
    }
}
