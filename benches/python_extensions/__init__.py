"""The rows of aioxide-pyo3: on aioxide and on other loops, beside pyo3-async-runtimes."""
