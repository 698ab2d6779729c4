//! When a direction pauses, and when it goes on.

use pyo3::prelude::*;

use crate::transports::marks;

/// Bytes at which a direction pauses, and at which it goes on.
#[derive(Clone, Copy)]
pub struct WaterMarks {
    pub high: usize,
    pub low: usize,
}

impl WaterMarks {
    /// The marks that hold until somebody sets others.
    pub fn below(high: usize) -> Self {
        Self { high, low: high / 4 }
    }

    /// asyncio's rules for what is left out; `default` is the high mark if
    /// both are.
    pub fn new(high: Option<isize>, low: Option<isize>, default: usize) -> PyResult<Self> {
        let (low, high) = marks(high, low, default)?;
        Ok(Self { high, low })
    }
}
