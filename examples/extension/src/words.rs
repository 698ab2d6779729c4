//! The words of many files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aioxide_pyo3::{await_python, in_thread, with_python};
use futures_util::{StreamExt, stream};
use pyo3::prelude::*;

type Counts = HashMap<String, usize>;

/// Counts the words of files, on the threads of the loop.
///
/// Args:
///     paths: the files, in UTF-8; words are what white space separates, in lower case.
///     at_once: how many are read at a time.
///     on_file: is called with each path and the number of its words, and awaited.
///
/// Returns:
///     How often each word occurs in all files.
///
/// Raises:
///     OSError: a file cannot be read; the others are abandoned.
///
/// A cancellation ends the threads at their next line.
#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (paths, *, at_once = 8, on_file = None))]
pub async fn count_words(
    paths: Vec<PathBuf>,
    at_once: usize,
    on_file: Option<Py<PyAny>>,
) -> PyResult<Counts> {
    let stop = StopOnDrop::default();
    let counting = paths.into_iter().map(|path| {
        let stopped = Arc::clone(&stop.0);
        async move {
            let counted = {
                let path = path.clone();
                in_thread(move || count(&path, &stopped)).await?
            };
            let counts = counted.map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            PyResult::Ok((path, counts))
        }
    });
    let mut finished = stream::iter(counting).buffer_unordered(at_once.max(1));
    let mut all = Counts::new();
    while let Some(counted) = finished.next().await {
        let (path, counts) = counted?;
        if let Some(on_file) = &on_file {
            let words: usize = counts.values().sum();
            let awaitable = with_python(|py| on_file.call1(py, (path, words)))?;
            await_python(awaitable).await?;
        }
        for (word, count) in counts {
            *all.entry(word).or_default() += count;
        }
    }
    Ok(all)
}

/// Tells threads to stop when the coroutine is cancelled.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts the words of one file. On a thread.
fn count(path: &Path, stopped: &AtomicBool) -> io::Result<Counts> {
    let mut counts = Counts::new();
    for line in BufReader::new(File::open(path)?).lines() {
        if stopped.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        for word in line?.split_whitespace() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Ok(counts)
}
