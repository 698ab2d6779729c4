//! Which methods of a `StreamReaderProtocol` a subclass has overridden.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::StreamProtocolCore;

/// Methods that are bypassed unless a subclass has overridden them.
#[derive(Clone, Copy, Default)]
pub(super) struct Overrides {
    pub data_received: bool,
    pub drain_helper: bool,
    pub get_close_waiter: bool,
}

impl Overrides {
    pub fn by(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = class.py();
        let base = py.get_type::<StreamProtocolCore>();
        let replaced = |name: &Bound<'_, PyString>| -> PyResult<bool> {
            Ok(!class.getattr(name)?.is(&base.getattr(name)?))
        };
        Ok(Self {
            data_received: replaced(crate::intern!(py, "data_received"))?,
            drain_helper: replaced(crate::intern!(py, "_drain_helper"))?,
            get_close_waiter: replaced(crate::intern!(py, "_get_close_waiter"))?,
        })
    }
}
