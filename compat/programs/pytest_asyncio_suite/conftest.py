"""Tells pytest-asyncio which loop to use, by its hook."""

import importlib

import pytest


def pytest_addoption(parser):
    parser.addoption("--loop-factory", help="module:attribute")


def loop_factory(config):
    module, name = config.getoption("--loop-factory").split(":")
    return getattr(importlib.import_module(module), name)


def pytest_asyncio_loop_factories(config, item):
    return {"asked-for": loop_factory(config)}


@pytest.fixture(scope="session")
def loop_class(pytestconfig):
    made = loop_factory(pytestconfig)()
    made.close()
    return type(made)
