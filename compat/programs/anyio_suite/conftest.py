"""Tells anyio's plugin which loop to use, as its documentation has it."""

import importlib

import pytest


def pytest_addoption(parser):
    parser.addoption("--loop-factory", help="module:attribute")


@pytest.fixture(scope="session")
def loop_factory(request):
    module, name = request.config.getoption("--loop-factory").split(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="session")
def anyio_backend(loop_factory):
    return "asyncio", {"loop_factory": loop_factory, "debug": True}
