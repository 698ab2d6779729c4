"""A loop in debug mode, and calls from another thread."""

import threading

import pytest


@pytest.fixture
def loop(loop):
    loop.set_debug(True)
    yield loop
    loop.set_debug(False)


@pytest.fixture
def in_a_thread():
    """Calls a function in another thread: ``in_a_thread(function)``, the list of what it raised."""

    def call(function):
        raised = []

        def target():
            try:
                function()
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=target)
        thread.start()
        thread.join(10)
        return raised

    return call
