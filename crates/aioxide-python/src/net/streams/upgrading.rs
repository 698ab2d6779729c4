//! `StreamWriter.start_tls`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::StreamWriter;
use crate::core::coroutines::{Input, Routine, Step, awaiting};

/// `StreamWriter.start_tls`.
pub struct StartTls {
    writer: Py<StreamWriter>,
    context: Py<PyAny>,
    /// The options of `loop.start_tls`.
    options: Py<PyDict>,
    stage: Stage,
}

enum Stage {
    Begun,
    Draining,
    Handshaking,
}

impl StartTls {
    pub fn new(writer: Py<StreamWriter>, context: Py<PyAny>, options: Py<PyDict>) -> Self {
        Self { writer, context, options, stage: Stage::Begun }
    }

    fn begin(&self, py: Python<'_>) -> PyResult<Step> {
        let writer = self.writer.bind(py);
        let callback =
            StreamWriter::protocol(writer)?.getattr(crate::name!("_client_connected_cb"))?;
        self.options.bind(py).set_item(crate::name!("server_side"), !callback.is_none())?;
        awaiting(&writer.call_method0(crate::name!("drain"))?)
    }

    fn handshake(&self, py: Python<'_>) -> PyResult<Step> {
        let writer = self.writer.bind(py);
        let (transport, protocol, event_loop) = StreamWriter::parts(writer)?;
        let upgrading = event_loop.call_method(
            crate::name!("start_tls"),
            (transport, protocol, &self.context),
            Some(self.options.bind(py)),
        )?;
        awaiting(&upgrading)
    }

    fn replace(&self, py: Python<'_>, transport: Bound<'_, PyAny>) -> PyResult<Step> {
        let writer = self.writer.bind(py);
        let protocol = StreamWriter::protocol(writer)?;
        writer.get().put_transport(py, transport.clone().unbind());
        if cfg!(Py_3_13) {
            protocol.call_method1(crate::name!("_replace_transport"), (transport,))?;
        } else {
            protocol.call_method1(crate::name!("_replace_writer"), (writer,))?;
        }
        Ok(Step::Return(py.None()))
    }
}

impl Routine for StartTls {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let value = match input {
            Input::Error(error) => return Err(error),
            Input::Start => None,
            Input::Value(value) => Some(value),
        };
        match (&self.stage, value) {
            (Stage::Handshaking, Some(transport)) => self.replace(py, transport),
            (Stage::Draining, Some(_)) => {
                self.stage = Stage::Handshaking;
                self.handshake(py)
            }
            _ => {
                self.stage = Stage::Draining;
                self.begin(py)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "StreamWriter.start_tls"
    }

    fn release(self, py: Python<'_>) {
        self.writer.drop_ref(py);
        self.context.drop_ref(py);
        self.options.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.writer)?;
        visit.call(&self.context)?;
        visit.call(&self.options)
    }
}
