//! The parameters of a fast method or function, and CPython's errors for
//! arguments that do not fit them.
//!
//! A signature is a constant, and parsing is inlined with it: a call by position
//! costs a comparison of the count.

use std::array::from_fn;

use pyo3::Borrowed;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::CallArguments;
use crate::ffi::allocate;

/// The parameters, in the order of the `def`: those that have to be given, then
/// those that have a default.
///
/// ```ignore
/// const SLEEP: Signature<1, 1> = Signature::function("sleep", ["delay"], ["result"]);
///
/// let Parsed { required: [delay], optional: [result], .. } = SLEEP.parse(&arguments)?;
/// ```
///
/// The error texts are those of a Python function with the same parameters, except
/// that none suggests another name for an unexpected keyword.
pub struct Signature<const REQUIRED: usize, const OPTIONAL: usize> {
    /// What the error texts call it, with its class.
    name: &'static str,
    required: [&'static str; REQUIRED],
    optional: [&'static str; OPTIONAL],
    /// How many arguments the interpreter adds: 1 for the receiver of a method.
    receivers: usize,
    /// Whether the required ones cannot be given by name.
    is_positional_only: bool,
    /// Whether the optional ones cannot be given by position.
    is_keyword_only: bool,
    /// Whether there is an `*args`.
    is_variadic: bool,
}

/// An argument that may have been left out.
type Optional<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The arguments of a call, each in its parameter's place.
pub struct Parsed<'a, 'py, const REQUIRED: usize, const OPTIONAL: usize> {
    /// Those that have to be given.
    pub required: [&'a Bound<'py, PyAny>; REQUIRED],
    /// Those that have a default.
    pub optional: [Optional<'a, 'py>; OPTIONAL],
    /// What is in `*args`.
    pub rest: &'a [Borrowed<'a, 'py, PyAny>],
}

impl<const REQUIRED: usize, const OPTIONAL: usize> Signature<REQUIRED, OPTIONAL> {
    /// `def name(required, optional=…)`.
    pub const fn function(
        name: &'static str,
        required: [&'static str; REQUIRED],
        optional: [&'static str; OPTIONAL],
    ) -> Self {
        Self {
            name,
            required,
            optional,
            receivers: 0,
            is_positional_only: false,
            is_keyword_only: false,
            is_variadic: false,
        }
    }

    /// `def name(self, required, optional=…)`.
    pub const fn method(
        name: &'static str,
        required: [&'static str; REQUIRED],
        optional: [&'static str; OPTIONAL],
    ) -> Self {
        Self { receivers: 1, ..Self::function(name, required, optional) }
    }

    /// `def name(required, /, optional=…)`.
    pub const fn positional_only(self) -> Self {
        Self { is_positional_only: true, ..self }
    }

    /// `def name(required, *, optional=…)`.
    pub const fn keyword_only(self) -> Self {
        Self { is_keyword_only: true, ..self }
    }

    /// `def name(required, *args, optional=…)`.
    pub const fn variadic(self) -> Self {
        Self { is_keyword_only: true, is_variadic: true, ..self }
    }

    /// How many arguments there may be by position, without the receiver and `*args`.
    #[inline(always)]
    const fn positional_count(&self) -> usize {
        if self.is_keyword_only { REQUIRED } else { REQUIRED + OPTIONAL }
    }

    /// The arguments.
    ///
    /// # Errors
    ///
    /// CPython's `TypeError` for arguments that do not fit.
    #[inline(always)]
    pub fn parse<'a, 'py>(
        &self,
        arguments: &CallArguments<'a, 'py>,
    ) -> PyResult<Parsed<'a, 'py, REQUIRED, OPTIONAL>> {
        self.parse_with(arguments, |name, _| Err(unexpected_keyword(self.name, name.to_str()?)))
    }

    /// The arguments; `other` takes each that is given by a name that is no parameter's,
    /// as `**kwargs` does.
    ///
    /// # Errors
    ///
    /// CPython's `TypeError` for arguments that do not fit; the error of `other`.
    #[inline(always)]
    pub fn parse_with<'a, 'py>(
        &self,
        arguments: &CallArguments<'a, 'py>,
        other: impl FnMut(&Bound<'py, PyString>, &'a Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<Parsed<'a, 'py, REQUIRED, OPTIONAL>> {
        let count = arguments.positional.len();
        if arguments.names.is_none()
            && (count <= self.positional_count() || self.is_variadic)
            && let Some((required, rest)) = arguments.positional.split_first_chunk::<REQUIRED>()
        {
            return Ok(Parsed {
                required: required.each_ref().map(|argument| &**argument),
                optional: from_fn(|index| {
                    if self.is_keyword_only { None } else { rest.get(index).map(|it| &**it) }
                }),
                rest,
            });
        }
        self.parse_named(arguments, other)
    }

    /// The same where arguments are given by name, or do not fit. CPython looks at the
    /// names first, then at the count, then at what is missing.
    #[inline(never)]
    fn parse_named<'a, 'py>(
        &self,
        arguments: &CallArguments<'a, 'py>,
        mut other: impl FnMut(&Bound<'py, PyString>, &'a Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<Parsed<'a, 'py, REQUIRED, OPTIONAL>> {
        let positional = arguments.positional;
        let mut required: [Optional<'a, 'py>; REQUIRED] =
            from_fn(|index| positional.get(index).map(|it| &**it));
        let mut optional: [Optional<'a, 'py>; OPTIONAL] = from_fn(|index| {
            let index = REQUIRED + index;
            if self.is_keyword_only { None } else { positional.get(index).map(|it| &**it) }
        });
        for argument in arguments.named() {
            let (name, value) = argument?;
            let text = name.to_str()?;
            let place = match self.optional.iter().position(|parameter| *parameter == text) {
                Some(index) => &mut optional[index],
                None => match self.required.iter().position(|parameter| *parameter == text) {
                    Some(index) if !self.is_positional_only => &mut required[index],
                    _ => {
                        other(&name, value)?;
                        continue;
                    }
                },
            };
            if place.replace(value).is_some() {
                return Err(multiple_values(self.name, text));
            }
        }
        if positional.len() > self.positional_count() && !self.is_variadic {
            let by_name = optional.iter().filter(|argument| argument.is_some()).count();
            return Err(self.too_many(positional.len(), by_name));
        }
        if required.iter().any(Option::is_none) {
            return Err(self.missing(&required));
        }
        Ok(Parsed {
            required: required.map(|argument| argument.expect("none is missing")),
            optional,
            rest: positional.get(REQUIRED..).unwrap_or_default(),
        })
    }

    /// The error for `count` arguments by position; `by_name` is how many of the optional
    /// ones were given.
    #[cold]
    fn too_many(&self, count: usize, by_name: usize) -> PyErr {
        let most = self.positional_count() + self.receivers;
        let takes = if self.is_keyword_only || OPTIONAL == 0 {
            most.to_string()
        } else {
            format!("from {} to {most}", REQUIRED + self.receivers)
        };
        let count = count + self.receivers;
        if !self.is_keyword_only || by_name == 0 {
            return too_many_arguments(self.name, &takes, count);
        }
        PyTypeError::new_err(format!(
            "{}() takes {takes} positional argument{} but {count} positional argument{} (and \
             {by_name} keyword-only argument{}) were given",
            self.name,
            plural_of(most),
            plural_of(count),
            plural_of(by_name)
        ))
    }

    /// The error for missing arguments.
    #[cold]
    fn missing(&self, required: &[Optional<'_, '_>; REQUIRED]) -> PyErr {
        let missing = self.required.iter().zip(required).filter(|(_, argument)| argument.is_none());
        let names: Vec<String> = missing.map(|(name, _)| format!("'{name}'")).collect();
        missing_arguments(self.name, &names)
    }
}

/// An argument for which None stands for nothing.
#[inline]
pub fn unless_none(argument: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    (!argument.is_none()).then(|| argument.clone().unbind())
}

/// `**kwargs`: a dictionary, made for the first argument in it.
#[derive(Default)]
pub struct Keywords<'py>(Option<Bound<'py, PyDict>>);

impl<'py> Keywords<'py> {
    /// Adds an argument.
    pub fn insert(
        &mut self,
        name: &Bound<'py, PyString>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let keywords = match &mut self.0 {
            Some(keywords) => keywords,
            None => self.0.insert(allocate::dict(name.py())?),
        };
        keywords.set_item(name, value)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The dictionary, if there are any.
    #[inline]
    pub fn into_option(self) -> Option<Bound<'py, PyDict>> {
        self.0
    }

    /// The dictionary, empty if there are none.
    pub fn into_dict(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.0.map_or_else(|| allocate::dict(py), Ok)
    }
}

fn plural_of(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `f() got an unexpected keyword argument 'x'`.
#[cold]
pub fn unexpected_keyword(function: &str, name: &str) -> PyErr {
    PyTypeError::new_err(format!("{function}() got an unexpected keyword argument '{name}'"))
}

/// `f() takes 1 positional argument but 2 were given`; `takes` is a number or a range.
#[cold]
pub fn too_many_arguments(function: &str, takes: &str, count: usize) -> PyErr {
    let (plural, were) =
        (if takes == "1" { "" } else { "s" }, if count == 1 { "was" } else { "were" });
    PyTypeError::new_err(format!(
        "{function}() takes {takes} positional argument{plural} but {count} {were} given"
    ))
}

/// `f() got multiple values for argument 'x'`.
#[cold]
fn multiple_values(function: &str, name: &str) -> PyErr {
    PyTypeError::new_err(format!("{function}() got multiple values for argument '{name}'"))
}

/// `f() missing 2 required positional arguments: 'x' and 'y'`.
#[cold]
pub fn missing_arguments(function: &str, names: &[String]) -> PyErr {
    let list = match names {
        [all @ .., last] if all.len() > 1 => format!("{}, and {last}", all.join(", ")),
        _ => names.join(" and "),
    };
    PyTypeError::new_err(format!(
        "{function}() missing {} required positional argument{}: {list}",
        names.len(),
        plural_of(names.len())
    ))
}
