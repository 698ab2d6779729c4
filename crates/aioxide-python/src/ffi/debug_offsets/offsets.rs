//! Where CPython says that asyncio's fields are.

use std::path::PathBuf;

use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ReadCache};
use pyo3::prelude::*;

/// The section of an executable file that holds the offsets, as a structure of
/// 64-bit numbers.
const SECTION: &str = ".AsyncioDebug";

/// Offsets in bytes from the beginning of a task, a future or a thread's state.
#[derive(Clone, Copy)]
pub struct Offsets {
    pub task_name: usize,
    pub awaited_by: usize,
    pub is_task: usize,
    pub awaited_by_is_set: usize,
    pub coroutine: usize,
    pub task_node: usize,
    pub running_loop: usize,
    pub running_task: usize,
    pub tasks_head: usize,
}

impl Offsets {
    /// What the file of the module `_asyncio` says. None if it says nothing, or
    /// more than we know.
    pub fn published(asyncio: &Bound<'_, PyModule>) -> Option<Self> {
        files(asyncio).into_iter().find_map(|path| {
            let file = ReadCache::new(std::fs::File::open(path).ok()?);
            let image = ElfFile64::<object::Endianness, _>::parse(&file).ok()?;
            Self::decode(image.section_by_name(SECTION)?.data().ok()?)
        })
    }

    fn decode(section: &[u8]) -> Option<Self> {
        let numbers: Vec<usize> = section
            .chunks_exact(8)
            .map(|bytes| usize::try_from(u64::from_ne_bytes(bytes.try_into().ok()?)).ok())
            .collect::<Option<_>>()?;
        // Of a task, of the interpreter's state, of a thread's state; each begins
        // with its size.
        let &[
            _,
            task_name,
            awaited_by,
            is_task,
            awaited_by_is_set,
            coroutine,
            task_node,
            _,
            _,
            thread_size,
            running_loop,
            running_task,
            tasks_head,
        ] = numbers.as_slice()
        else {
            return None;
        };
        let in_thread = [running_loop, running_task, tasks_head];
        let plausible = in_thread
            .iter()
            .all(|offset| offset % align_of::<usize>() == 0 && offset + 16 <= thread_size);
        plausible.then_some(Self {
            task_name,
            awaited_by,
            is_task,
            awaited_by_is_set,
            coroutine,
            task_node,
            running_loop,
            running_task,
            tasks_head,
        })
    }
}

/// The files that may hold the code of `_asyncio`: its own, or those of the
/// interpreter when it is built in.
fn files(asyncio: &Bound<'_, PyModule>) -> Vec<PathBuf> {
    if let Ok(own) = asyncio.filename() {
        return vec![PathBuf::from(own.to_string())];
    }
    let mut files = vec![PathBuf::from("/proc/self/exe")];
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let library = maps.lines().find_map(|line| {
        let path = &line[line.find('/')?..];
        path.rsplit('/').next()?.starts_with("libpython3").then(|| PathBuf::from(path))
    });
    files.extend(library);
    files
}
