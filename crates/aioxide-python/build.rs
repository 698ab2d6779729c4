//! Makes PyO3's version flags (`Py_3_12`, `Py_3_14`, …) usable in `cfg`.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
