//! Makes PyO3's flags (`Py_LIMITED_API`, …) usable in `cfg`.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
