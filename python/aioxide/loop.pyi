import asyncio

__all__ = ("Loop", "new_event_loop")

class Loop(asyncio.SelectorEventLoop):
    # It stands wherever asyncio's loop is expected and has all of its methods,
    # with the same types; that it inherits from the abstract loop alone shows
    # in isinstance() only.
    def __init__(self) -> None: ...
    def __del__(self) -> None: ...

def new_event_loop() -> Loop: ...
