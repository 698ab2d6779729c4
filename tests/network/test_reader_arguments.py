"""Which descriptors add_reader and add_writer refuse, and how."""

import errno
import os
import socket

import pytest

both_sides = pytest.mark.parametrize("side", ["reader", "writer"])


@both_sides
@pytest.mark.parametrize("useless", ["text", None, 1.5, object, b"3"])
def test_neither_number_nor_file_object(loop, side, useless):
    for call in (
        lambda: getattr(loop, f"add_{side}")(useless, print),
        lambda: getattr(loop, f"remove_{side}")(useless),
    ):
        with pytest.raises(ValueError) as info:
            call()
        assert str(info.value) == f"Invalid file object: {useless!r}"


@both_sides
def test_file_object_whose_fileno_is_no_number(loop, side):
    class Strange:
        def fileno(self):
            return "three"

        def __repr__(self):
            return "<Strange>"

    with pytest.raises(ValueError, match="^Invalid file object: <Strange>$"):
        getattr(loop, f"add_{side}")(Strange(), print)


@both_sides
def test_negative_descriptor(loop, side):
    with pytest.raises(ValueError) as info:
        getattr(loop, f"add_{side}")(-1, print)
    assert str(info.value) == "Invalid file descriptor: -1"


@both_sides
def test_closed_file_object(loop, side):
    sock = socket.socket()
    sock.close()
    with pytest.raises(ValueError) as info:
        getattr(loop, f"add_{side}")(sock, print)
    assert str(info.value) == "Invalid file descriptor: -1"


@both_sides
def test_closed_descriptor(loop, side):
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError) as info:
        getattr(loop, f"add_{side}")(reading, print)
    assert info.value.errno == errno.EBADF
    assert getattr(loop, f"remove_{side}")(reading) is False


@both_sides
def test_regular_file_cannot_be_watched(loop, side, tmp_path):
    with open(tmp_path / "file", "w+") as file:
        with pytest.raises(PermissionError) as info:
            getattr(loop, f"add_{side}")(file, print)
        assert info.value.errno == errno.EPERM
        assert getattr(loop, f"remove_{side}")(file) is False


@both_sides
def test_closed_loop(loop, side):
    near, far = socket.socketpair()
    with near, far:
        loop.close()
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            getattr(loop, f"add_{side}")(near, print)
        assert getattr(loop, f"remove_{side}")(near) is False


@both_sides
def test_closed_loop_is_told_before_a_closed_file_object(loop, side):
    sock = socket.socket()
    sock.close()
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        getattr(loop, f"add_{side}")(sock, print)
    assert getattr(loop, f"remove_{side}")(sock) is False


@both_sides
def test_descriptor_larger_than_any_system_has(loop, side):
    with pytest.raises((OverflowError, OSError)):
        getattr(loop, f"add_{side}")(2**40, print)


@both_sides
def test_callback_is_required(loop, side):
    near, far = socket.socketpair()
    with near, far, pytest.raises(TypeError):
        getattr(loop, f"add_{side}")(near)


@both_sides
def test_failed_registration_leaves_the_loop_usable(run, loop, side):
    async def main():
        with pytest.raises(ValueError):
            getattr(loop, f"add_{side}")(-1, print)
        near, far = socket.socketpair()
        with near, far:
            called = loop.create_future()
            loop.add_reader(near, lambda: called.done() or called.set_result(True))
            far.send(b"x")
            assert await called
            loop.remove_reader(near)

    run(main())
