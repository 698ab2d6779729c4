"""A stranger installs what is in ``AIOXIDE_DIST``, without the checkout, and runs a program."""

import os
import subprocess
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


class Environment:
    """An empty environment for Python packages, and nothing from outside on its paths."""

    def __init__(self, folder):
        self.folder = folder
        self._python = folder / "environment" / "bin" / "python"
        self._variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "AIOXIDE", "VIRTUAL_ENV"))
        }
        self.run(sys.executable, "-m", "venv", folder / "environment")

    def run(self, *command, deadline=60, **variables):
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self._variables, **variables},
            capture_output=True,
            text=True,
            timeout=deadline,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, path, *options, **variables):
        pip = [self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        self.run(*pip, *options, path, deadline=600, **variables)

    def check(self):
        """Run a program on what is installed, in each of the ways to start one."""
        program = self.folder / "program.py"
        program.write_text(textwrap.dedent(PROGRAM))
        script = self._python.with_name("aioxide")
        for start in ([self._python, "-m", "aioxide"], [script]):
            assert self.run(*start, program, "argument").startswith("works")
        self.run(self._python, "-m", "pip", "check")


@pytest.fixture
def environment(tmp_path):
    assert not tmp_path.is_relative_to(CHECKOUT)
    return Environment(tmp_path)


@pytest.mark.timeout(120)
def test_wheel(environment):
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    [wheel] = Path(DIST).glob(f"aioxide-*-{tag}-*.whl")
    environment.install(wheel, "--no-index")
    environment.check()


@pytest.mark.timeout(900)
def test_source_distribution(environment, sdist):
    environment.install(sdist, CARGO_TARGET_DIR=str(CHECKOUT / "target" / "sdist"), **QUICK_BUILD)
    environment.check()
