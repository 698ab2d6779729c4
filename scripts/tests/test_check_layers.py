"""Does the check of the layers see an import that points up?"""

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BINDING = "crates/aioxide-python/src"


@pytest.fixture(scope="module")
def check():
    loader = importlib.machinery.SourceFileLoader("check_layers", f"{ROOT}/scripts/check-layers")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def write(tmp_path):
    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_this_checkout_points_down(check):
    assert list(check.upward(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ffi/entry.rs", "use crate::core::tasks::Task;"),
        ("core/tasks/step.rs", "use crate::{\n    ffi::entry,\n    net::tls,\n};"),
        ("core/tasks/step.rs", "fn f() { crate::sync::locks::g() }"),
        ("sync/locks/lock.rs", "use crate::sync::{queues, locks};"),
        ("net/server/object.rs", "use crate::net::tls::{Origin, SslProtocol};"),
        ("elsewhere.rs", ""),
        ("net/elsewhere.rs", "use crate::net::tls;"),
        ("core/tasks/step.rs", 'let x = import("aioxide._asyncio.policy");'),
    ],
)
def test_upward_in_the_binding(check, write, file, text):
    root = write(f"{BINDING}/{file}", text)
    assert len(list(check.upward(root))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("net/tls/mod.rs", "use crate::core::tasks; use crate::net::transports::Link;"),
        ("core/dispatch/ready.rs", "use crate::net::tls::SslProtocol;"),
        ("core/tasks/step.rs", "// crate::net is above\nuse crate::core::futures::Future;"),
    ],
)
def test_downward_in_the_binding(check, write, file, text):
    root = write(f"{BINDING}/{file}", text)
    assert list(check.upward(root)) == []


@pytest.mark.parametrize(
    ("file", "text", "count"),
    [
        ("_loop/dns.py", "from ..loop import Loop", 1),
        ("_loop/dns.py", "from .. import loop", 1),
        ("_loop/dns.py", "from aioxide._asyncio.policy import X", 1),
        ("utils.py", "", 1),
        ("_loop/dns.py", "from .addresses import X\nfrom .._aioxide import Y", 0),
        ("_asyncio/policy.py", "from ..loop import Loop", 0),
    ],
)
def test_the_package(check, write, file, text, count):
    root = write(f"python/aioxide/{file}", text)
    assert len(list(check.upward(root))) == count
