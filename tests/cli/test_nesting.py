"""nest_asyncio, which rewrites the loop's Python code, with aioxide installed."""

import pytest

# As the package does it: functions of its own in the class of the loop.
PACKAGE = """
    import asyncio

    def apply(loop=None):
        asyncio.patched = True
        _patch_loop(loop or asyncio.get_event_loop())

    def _patch_loop(loop):
        if not isinstance(loop, asyncio.BaseEventLoop):
            raise ValueError(f"Can't patch loop of type {type(loop)}")
        type(loop).patched = True

    def run(main):
        loop = asyncio.new_event_loop()
        try:
            _patch_loop(loop)
        finally:
            loop.close()
"""


@pytest.mark.parametrize("name", ["nest_asyncio", "nest_asyncio2"])
def test_our_loop_is_refused_before_anything_is_changed(aioxide, program, name):
    program(PACKAGE, f"{name}.py")
    program(
        f"""
        import asyncio
        import {name}
        from {name} import apply

        def refused(function, *arguments):
            try:
                function(*arguments)
            except ValueError as error:
                return str(error).split(",")[0]

        async def main():
            return refused(apply), refused(apply, asyncio.get_running_loop())

        print(*asyncio.run(main()), refused(apply), refused({name}.run, None), sep="\\n")
        print(hasattr(asyncio, "patched"), hasattr(asyncio.SelectorEventLoop, "patched"))
        """
    )
    finished = aioxide("app.py")
    assert finished.stderr == ""
    assert finished.stdout == f"{name} cannot patch aioxide's loop\n" * 4 + "False False\n"


def test_asyncios_loop_may_be_patched(aioxide, program):
    program(PACKAGE, "nest_asyncio.py")
    program(
        """
        import asyncio, selectors
        import nest_asyncio

        loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        nest_asyncio.apply(loop)
        print(loop.patched)
        loop.close()
        """
    )
    assert aioxide("app.py").stdout == "True\n"


def test_uninstall_gives_it_back(aioxide, program):
    program(PACKAGE, "nest_asyncio.py")
    program(
        """
        import aioxide, asyncio, nest_asyncio
        refusing = nest_asyncio.apply
        aioxide.uninstall()
        print(nest_asyncio.apply is refusing.__wrapped__)
        loop = asyncio.new_event_loop()
        nest_asyncio.apply(loop)
        print(loop.patched)
        loop.close()
        """
    )
    assert aioxide("app.py").stdout == "True\nTrue\n"
