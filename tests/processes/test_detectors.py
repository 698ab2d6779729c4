"""Do programs that detect blocking calls recognise what asyncio's own code does?"""

import os
import socket
import subprocess
import sys

import pytest

#: The ends of file names, and the functions, that detectors of blocking calls allow.
ALLOWED = {
    ("asyncio/base_events.py", "subprocess_exec"),
    ("asyncio/base_events.py", "subprocess_shell"),
    ("asyncio/unix_events.py", "create_unix_server"),
    ("asyncio/unix_events.py", "_stop_serving"),
}


def is_allowed(frame):
    """Whether a frame or one of its callers is an allowed function."""
    while frame is not None:
        name = frame.f_code.co_filename
        if any(name.endswith(end) and frame.f_code.co_name == code for end, code in ALLOWED):
            return True
        frame = frame.f_back
    return False


@pytest.fixture
def blocking(monkeypatch):
    """What is called that may block, with its first argument, and whether the caller may."""
    calls = []

    def watch(module, name):
        original = getattr(module, name)

        def call(*arguments, **keywords):
            calls.append((name, arguments[0], is_allowed(sys._getframe())))
            return original(*arguments, **keywords)

        monkeypatch.setattr(module, name, call)

    watch(os, "stat")
    watch(os, "unlink")
    watch(subprocess.Popen, "_execute_child")
    return calls


@pytest.mark.parametrize("start", ["subprocess_exec", "subprocess_shell"])
def test_starting_a_process(api, run, blocking, start):
    async def main():
        loop = api.get_running_loop()
        transport, _ = await getattr(loop, start)(api.SubprocessProtocol, "true")
        await transport._wait()
        transport.close()

    run(main())
    assert [allowed for name, _, allowed in blocking if name == "_execute_child"] == [True]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the file is left")
def test_the_file_of_a_unix_server(api, run, blocking, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)

    async def main():
        server = await api.get_running_loop().create_unix_server(api.Protocol, path)
        server.close()
        await server.wait_closed()

    run(main())
    seen = {(name, allowed) for name, argument, allowed in blocking if argument == path}
    assert ("stat", True) in seen
    assert ("stat", False) not in seen
    assert ("unlink", True) in seen
    assert not os.path.exists(path)
