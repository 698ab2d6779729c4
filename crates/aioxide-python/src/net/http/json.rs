//! JSON documents as Python objects, the same ones that `json.loads` makes.

use jiter::{Jiter, JiterError, NumberAny, NumberInt, Peek};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyNone, PyString};

use crate::ffi::allocate;

/// Values within one another, at most; what is deeper is left to Python, which has a limit of its
/// own.
const DEPTH: u32 = 64;

/// Keys of a document that are kept, to be used again. A power of two.
const KEYS: usize = 64;
/// Longer keys are not kept.
const LONGEST_KEY: usize = 32;

/// Why there is no object.
enum Failure {
    /// Python's parser is to have a look: it is no JSON, or not what everybody takes for JSON.
    Unusual,
    Raised(PyErr),
}

impl From<JiterError> for Failure {
    fn from(_: JiterError) -> Self {
        Self::Unusual
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// The object that `json.loads` makes of a document in UTF-8, or `otherwise`: then it has to be
/// asked itself. It is for whatever is no JSON or differs between parsers (numbers that are no
/// 64-bit integers, NaN, lone surrogates, spaces that JSON does not know, deep nesting).
#[pyfunction]
pub fn parse_json<'py>(
    document: &Bound<'py, PyBytes>,
    otherwise: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut parser = Parser {
        py: document.py(),
        json: Jiter::new(document.as_bytes()),
        keys: [const { None }; KEYS],
    };
    match parser.document() {
        Ok(value) => Ok(value),
        Err(Failure::Unusual) => Ok(otherwise),
        Err(Failure::Raised(error)) => Err(error),
    }
}

struct Parser<'a, 'py> {
    py: Python<'py>,
    json: Jiter<'a>,
    keys: [Option<Bound<'py, PyString>>; KEYS],
}

impl<'py> Parser<'_, 'py> {
    fn document(&mut self) -> Result<Bound<'py, PyAny>, Failure> {
        let first = self.json.peek()?;
        let value = self.value(first, DEPTH)?;
        self.json.finish()?;
        Ok(value)
    }

    fn value(&mut self, first: Peek, depth: u32) -> Result<Bound<'py, PyAny>, Failure> {
        let py = self.py;
        Ok(match first {
            Peek::String => allocate::string(py, self.json.known_str()?)?.into_any(),
            Peek::Object => self.object(depth.checked_sub(1).ok_or(Failure::Unusual)?)?,
            Peek::Array => self.array(depth.checked_sub(1).ok_or(Failure::Unusual)?)?,
            Peek::True | Peek::False => {
                PyBool::new(py, self.json.known_bool(first)?).to_owned().into_any()
            }
            Peek::Null => {
                self.json.known_null()?;
                PyNone::get(py).to_owned().into_any()
            }
            _ => match self.json.known_number(first)? {
                NumberAny::Int(NumberInt::Int(number)) => allocate::int(py, number)?.into_any(),
                NumberAny::Float(number) => allocate::float(py, number)?.into_any(),
            },
        })
    }

    fn array(&mut self, depth: u32) -> Result<Bound<'py, PyAny>, Failure> {
        let list = allocate::list(self.py, std::iter::empty::<Bound<'py, PyAny>>())?;
        let mut next = self.json.known_array()?;
        while let Some(first) = next {
            list.append(self.value(first, depth)?)?;
            next = self.json.array_step()?;
        }
        Ok(list.into_any())
    }

    fn object(&mut self, depth: u32) -> Result<Bound<'py, PyAny>, Failure> {
        let dict = allocate::dict(self.py)?;
        let mut next = self.json.known_object()?;
        while let Some(name) = next {
            let key = key(self.py, &mut self.keys, name)?;
            let first = self.json.peek()?;
            dict.set_item(key, self.value(first, depth)?)?;
            next = self.json.next_key()?;
        }
        Ok(dict.into_any())
    }
}

/// A key of an object: the same `str` for the same name, which has its hash then.
fn key<'py>(
    py: Python<'py>,
    kept: &mut [Option<Bound<'py, PyString>>; KEYS],
    name: &str,
) -> PyResult<Bound<'py, PyString>> {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return allocate::string(py, name);
    };
    if bytes.len() > LONGEST_KEY {
        return allocate::string(py, name);
    }
    let place = (usize::from(*first) * 31 + usize::from(*last) * 7 + bytes.len()) % KEYS;
    if let Some(key) = &kept[place]
        && key.to_str().is_ok_and(|text| text == name)
    {
        return Ok(key.clone());
    }
    let key = allocate::string(py, name)?;
    kept[place] = Some(key.clone());
    Ok(key)
}
