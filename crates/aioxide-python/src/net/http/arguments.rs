//! What doors pass in, in the form that the client of `aioxide-http` has it.

use std::sync::Arc;

use aioxide_http::client::{RequestHead, Timeouts};
use aioxide_http::{HeaderBlock, Limits, Target};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyString, PyTuple};

use super::header_blocks::HeaderBlocks;
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;

/// A name or a value.
enum Text<'py> {
    Bytes(Bound<'py, PyBytes>),
    Str(Bound<'py, PyString>),
}

impl<'py> Text<'py> {
    fn of(object: Bound<'py, PyAny>) -> PyResult<Self> {
        let object = match object.cast_into::<PyString>() {
            // What came as bytes and was decoded with "surrogateescape" leaves as the same bytes.
            Ok(text) if text.to_str().is_err() => {
                let arguments = (crate::name!("utf-8"), crate::name!("surrogateescape"));
                let encoded = text.call_method1(crate::intern!(text.py(), "encode"), arguments)?;
                return Ok(Self::Bytes(encoded.cast_into::<PyBytes>()?));
            }
            Ok(text) => return Ok(Self::Str(text)),
            Err(other) => other.into_inner(),
        };
        match object.cast_into::<PyBytes>() {
            Ok(bytes) => Ok(Self::Bytes(bytes)),
            Err(other) => {
                let other = other.into_inner();
                Err(PyTypeError::new_err(format!(
                    "header names and values are str or bytes, not {}",
                    other.get_type().name()?
                )))
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Str(text) => text.to_str().map(str::as_bytes).unwrap_or_default(),
        }
    }
}

/// Name and value of one header.
type Pair<'py> = (Text<'py>, Text<'py>);

fn pair<'py>(item: &Bound<'py, PyAny>) -> PyResult<Pair<'py>> {
    if let Ok(tuple) = item.cast_exact::<PyTuple>()
        && tuple.len() == 2
    {
        return Ok((Text::of(tuple.get_item(0)?)?, Text::of(tuple.get_item(1)?)?));
    }
    let mut parts = item.try_iter()?;
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(value), None) => Ok((Text::of(name?)?, Text::of(value?)?)),
        _ => Err(PyValueError::new_err(format!("a header is a pair, not {}", item.repr()?))),
    }
}

fn pairs<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Vec<Pair<'py>>> {
    if let Ok(list) = headers.cast_exact::<PyList>() {
        let mut pairs = Vec::with_capacity(list.len());
        let mut index = 0;
        // The list may change meanwhile: what makes text of an item can run code.
        while index < list.len() {
            pairs.push(pair(&list.get_item(index)?)?);
            index += 1;
        }
        return Ok(pairs);
    }
    headers.try_iter()?.map(|item| pair(&item?)).collect()
}

/// Trailers, as pairs of bytes.
pub fn trailers(object: &Bound<'_, PyAny>) -> PyResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let pairs = pairs(object)?;
    Ok(pairs.iter().map(|(name, value)| (name.bytes().to_vec(), value.bytes().to_vec())).collect())
}

/// The head of a request. The inner error is what cannot be sent.
pub fn head(
    method: &str,
    target: &[u8],
    headers: &Bound<'_, PyAny>,
    blocks: &HeaderBlocks,
    limits: Limits,
) -> PyResult<Result<RequestHead, aioxide_http::Error>> {
    let method = method.as_bytes();
    let target = Target::of(method, target);
    if let Ok(tuple) = headers.cast_exact::<PyTuple>() {
        return Ok(match block(tuple, blocks)? {
            Ok(block) => RequestHead::with_block(method, target, &block, limits),
            Err(error) => Err(error),
        });
    }
    let pairs = pairs(headers)?;
    let headers = pairs.iter().map(|(name, value)| (name.bytes(), value.bytes()));
    Ok(RequestHead::new(method, target, headers, limits))
}

/// The headers in a tuple, which is kept if nothing in it can change.
fn block(
    tuple: &Bound<'_, PyTuple>,
    blocks: &HeaderBlocks,
) -> PyResult<Result<Arc<HeaderBlock>, aioxide_http::Error>> {
    if let Some(block) = blocks.find(tuple) {
        return Ok(Ok(block));
    }
    let mut parts = Vec::with_capacity(tuple.len());
    for item in tuple.iter() {
        parts.push(pair(&item)?);
    }
    let written = HeaderBlock::new(parts.iter().map(|(name, value)| (name.bytes(), value.bytes())));
    let block = match written {
        Ok(block) => Arc::new(block),
        Err(error) => return Ok(Err(error)),
    };
    if tuple.iter().all(|item| is_constant(&item)) {
        blocks.keep(tuple, Arc::clone(&block));
    }
    Ok(Ok(block))
}

/// Whether a header is a pair that is the same bytes whenever it is read.
fn is_constant(item: &Bound<'_, PyAny>) -> bool {
    item.cast_exact::<PyTuple>().is_ok_and(|pair| {
        pair.iter().all(|part| {
            part.is_instance_of::<PyBytes>()
                || part.cast::<PyString>().is_ok_and(|text| text.to_str().is_ok())
        })
    })
}

/// The bytes of a body: the object's own if they cannot change, else a copy.
pub fn body(object: &Bound<'_, PyAny>) -> PyResult<PyBackedBytes> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(PyBackedBytes::from(bytes.clone()));
    }
    if let Ok(array) = object.cast::<PyByteArray>() {
        return Ok(PyBackedBytes::from(array.clone()));
    }
    let view = BufferView::readable(object)?;
    Ok(PyBackedBytes::from(allocate::bytes(object.py(), view.bytes())?))
}

/// Seconds, if they can be a time limit.
pub fn seconds(name: &str, value: Option<f64>) -> PyResult<Option<f64>> {
    match value {
        Some(value) if value.is_nan() => {
            Err(PyValueError::new_err(format!("{name} is a number of seconds, not nan")))
        }
        Some(value) => Ok(Some(value.max(0.0))),
        None => Ok(None),
    }
}

/// pool, connect, read, write.
pub type FourTimeouts = (Option<f64>, Option<f64>, Option<f64>, Option<f64>);

/// The time limits of a request.
pub fn timeouts(
    (pool, connect, read, write): FourTimeouts,
    acquire: Option<f64>,
    deadline: Option<f64>,
) -> PyResult<Timeouts> {
    Ok(Timeouts {
        pool: seconds("the pool timeout", pool)?,
        connect: seconds("the connect timeout", connect)?,
        acquire: seconds("acquire_timeout", acquire)?,
        read: seconds("the read timeout", read)?,
        write: seconds("the write timeout", write)?,
        deadline: seconds("deadline", deadline)?,
    })
}
