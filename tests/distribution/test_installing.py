"""A stranger installs what is in ``AIOXIDE_DIST``, without the checkout, and runs a program."""

import sys
import textwrap
from pathlib import Path

import pytest
from distribution.published import CHECKOUT, DIST

PROGRAM = """
    import asyncio
    import subprocess
    import sys
    from pathlib import Path

    import aioxide

    CHILD = "import asyncio; print(type(asyncio.new_event_loop()).__module__)"


    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()


    async def main():
        loop = asyncio.get_running_loop()
        assert type(loop) is aioxide.Loop, loop
        for module in (aioxide, sys.modules["aioxide._aioxide"]):
            assert Path(module.__file__).is_relative_to(sys.prefix), module
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"hello\\n")
            assert await reader.readline() == b"hello\\n"
            writer.close()
            await writer.wait_closed()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
        assert output.startswith(b"aioxide"), output


    asyncio.run(main())
    print("works", aioxide.__version__, sys.argv[1:])
"""

# A release takes minutes to build; what is tested here is that it can be built at all.
QUICK_BUILD = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
}


def check(environment):
    """Run a program on what is installed, in each of the ways to start one."""
    program = environment.folder / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    script = environment.python.with_name("aioxide")
    for start in ([environment.python, "-m", "aioxide"], [script]):
        assert environment.run(*start, program, "argument").startswith("works")
    environment.run(environment.python, "-m", "pip", "check")


@pytest.mark.timeout(120)
def test_wheel(environment):
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    [wheel] = Path(DIST).glob(f"aioxide-*-{tag}-*.whl")
    environment.install(wheel, "--no-index")
    check(environment)


@pytest.mark.timeout(900)
def test_source_distribution(environment, sdist):
    environment.install(sdist, CARGO_TARGET_DIR=str(CHECKOUT / "target" / "sdist"), **QUICK_BUILD)
    check(environment)
