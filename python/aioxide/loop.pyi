import asyncio

__all__ = ("Loop", "new_event_loop")

class Loop(asyncio.SelectorEventLoop):
    # It can be used wherever asyncio's loop is expected and has all of its
    # methods, with the same types. At run time it inherits only from the abstract
    # loop, which makes a difference only for isinstance().
    def __init__(self) -> None: ...
    def __del__(self) -> None: ...

def new_event_loop() -> Loop: ...
