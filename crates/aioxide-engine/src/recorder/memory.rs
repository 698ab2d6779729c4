//! Memory that is never given back: zeroed pages of the process, or pages shared with a file.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags};

/// Pages of this process alone, for ever. They are made when first touched.
#[allow(unsafe_code)]
pub fn anonymous(words: usize) -> io::Result<&'static [AtomicU64]> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe {
        rustix::mm::mmap_anonymous(
            std::ptr::null_mut(),
            words * size_of::<AtomicU64>(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )?
    };
    // SAFETY: the mapping has this length, is aligned to a page, zeroed, and never unmapped.
    Ok(unsafe { std::slice::from_raw_parts(address.cast::<AtomicU64>(), words) })
}

/// Puts the pages of `file`, which gets the length, in the place of `words`. All its blocks are
/// reserved first: to write to a page for which the disk has no room would be the end of the
/// process.
#[allow(unsafe_code)]
pub fn share(words: &'static [AtomicU64], file: &File) -> io::Result<()> {
    let bytes = size_of_val(words);
    reserve(file, bytes as u64)?;
    // SAFETY: the pages are a mapping of this module, of which nobody holds more than shared
    // references to atomics. That other processes may write to the file changes nothing: each
    // value of a word is a valid one.
    unsafe {
        rustix::mm::mmap(
            words.as_ptr().cast_mut().cast(),
            bytes,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED | MapFlags::FIXED,
            file,
            0,
        )?;
    }
    Ok(())
}

fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        use std::io::Write;
        let mut left = bytes;
        let zeroes = [0; 65536];
        let mut file = file;
        while left > 0 {
            let part = left.min(zeroes.len() as u64);
            file.write_all(&zeroes[..part as usize])?;
            left -= part;
        }
    }
    Ok(())
}

/// Puts zeroed pages of this process in the place of whatever was mapped: the memory is given
/// back, or the file let go, and the addresses stay valid.
#[allow(unsafe_code)]
pub fn clear(words: &'static [AtomicU64]) -> io::Result<()> {
    let address = words.as_ptr().cast_mut().cast();
    // SAFETY: the pages are a mapping of this module, of which nobody holds more than shared
    // references to atomics. Whoever reads them meanwhile reads the old words or zeroes.
    unsafe {
        rustix::mm::mmap_anonymous(
            address,
            size_of_val(words),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::FIXED,
        )?;
    }
    Ok(())
}
