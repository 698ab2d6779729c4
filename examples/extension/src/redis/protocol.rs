//! RESP, the messages of Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/

use std::io;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::RedisError;

/// A reply of the server.
pub enum Reply {
    /// A status, such as `OK`.
    Status(String),
    Error(String),
    Integer(i64),
    Bytes(Vec<u8>),
    Nil,
    Array(Vec<Reply>),
}

impl Reply {
    /// An error as an exception.
    pub fn or_raise(self) -> PyResult<Self> {
        match self {
            Self::Error(text) => Err(RedisError::new_err(text)),
            other => Ok(other),
        }
    }
}

impl<'py> IntoPyObject<'py> for Reply {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Status(text) => PyString::new(py, &text).into_any(),
            Self::Error(text) => RedisError::new_err(text).into_value(py).into_bound(py).into_any(),
            Self::Integer(number) => number.into_pyobject(py)?.into_any(),
            Self::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
            Self::Nil => py.None().into_bound(py),
            Self::Array(items) => {
                let list = PyList::empty(py);
                for item in items {
                    list.append(item.into_pyobject(py)?)?;
                }
                list.into_any()
            }
        })
    }
}

/// A part of a command: bytes, str or int.
pub struct Argument(Vec<u8>);

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_owned())
    }
}

impl<'py> FromPyObject<'_, 'py> for Argument {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.extract::<String>() {
            return Ok(Self(text.into_bytes()));
        }
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self(bytes.as_bytes().to_owned()));
        }
        match object.extract::<i64>() {
            Ok(number) => Ok(Self(number.to_string().into_bytes())),
            Err(_) => {
                let kind = object.get_type().name()?;
                Err(PyTypeError::new_err(format!("a command is of str, bytes and int, not {kind}")))
            }
        }
    }
}

/// Appends a command.
pub fn write(command: &[Argument], out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", command.len()).bytes());
    for Argument(bytes) in command {
        out.extend(format!("${}\r\n", bytes.len()).bytes());
        out.extend(bytes);
        out.extend(b"\r\n");
    }
}

/// How deep arrays may be nested.
const DEEPEST: usize = 32;

/// The reply at the beginning of `data` with its length; None if it has not come wholly.
///
/// # Errors
///
/// For what is no reply.
pub fn read(data: &[u8]) -> io::Result<Option<(Reply, usize)>> {
    read_at(data, 0)
}

fn read_at(data: &[u8], depth: usize) -> io::Result<Option<(Reply, usize)>> {
    let Some(end) = data.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    let line = std::str::from_utf8(&data[..end]).map_err(|_| broken("a line is no text"))?;
    let mut used = end + 2;
    let Some(kind) = line.get(..1) else { return Err(broken("an empty line")) };
    let rest = &line[1..];
    let number = || rest.parse::<i64>().map_err(|_| broken("a number is none"));
    let reply = match kind {
        "+" => Reply::Status(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Integer(number()?),
        "$" => {
            let Ok(length) = usize::try_from(number()?) else {
                return Ok(Some((Reply::Nil, used)));
            };
            let Some(end) =
                used.checked_add(length).filter(|end| *end < data.len().saturating_sub(1))
            else {
                return Ok(None);
            };
            let bytes = data[used..end].to_owned();
            used = end + 2;
            Reply::Bytes(bytes)
        }
        "*" if depth < DEEPEST => {
            let Ok(count) = usize::try_from(number()?) else { return Ok(Some((Reply::Nil, used))) };
            let mut items = Vec::new();
            for _ in 0..count {
                let Some((item, length)) = read_at(&data[used..], depth + 1)? else {
                    return Ok(None);
                };
                items.push(item);
                used += length;
            }
            Reply::Array(items)
        }
        _ => return Err(broken("a reply of an unknown kind")),
    };
    Ok(Some((reply, used)))
}

fn broken(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not the protocol of Redis: {text}"))
}
