"""What a case is; the modules beside this one are full of them."""

from collections.abc import Callable
from dataclasses import dataclass

from .clients import Ask

#: A response that nobody can misunderstand.
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond"

#: The time limit, in seconds, of a request that is never answered. What comes in time comes
#: earlier, also on a busy machine.
STALL = 1.5


@dataclass(frozen=True)
class Case:
    """One way of being hostile, and the requests that meet it."""

    name: str
    #: What the server does with a connection.
    script: Callable
    asks: tuple[Ask, ...] = (Ask(),)
    #: The name of the server's certificate; None without TLS.
    is_tls: bool = False
    #: The outcome depends on which of two events comes first: only its form is checked.
    is_race: bool = False


def answering(data, *, then="close"):
    """A script that answers the first request of a connection with `data`.

    Then it closes, resets, or waits until the client closes.
    """

    def script(connection):
        connection.read()
        connection.send(data)
        end(connection, then)

    return script


def answering_twice(first, second=GOOD):
    """A script that answers two requests, whether they come on one connection or on two."""
    answers = {"/first": first, "/second": second}

    def script(connection):
        while True:
            connection.send(answers[connection.read().path])

    return script


#: The requests for `answering_twice`: what the first answer has too much comes before the second.
TWICE = (Ask("/first"), Ask("/second", is_late=True))


def end(connection, how):
    """What a script does at its end."""
    if how == "reset":
        connection.reset()
    elif how == "wait":
        connection.wait_for_close()
    else:
        assert how == "close", how
