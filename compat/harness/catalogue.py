"""Which programs there are and what each of them needs."""

from dataclasses import dataclass

# How a program comes to run on aioxide.
RUN = "aioxide.run"  # it calls aioxide.run with its main coroutine
INSTALL = "aioxide.install"  # aioxide.install() and then asyncio.run
COMMAND = "python -m aioxide"  # nothing in the program, everything on the command line
LIBRARY = "the library's own"  # the library has an option for it, and that is used

# Debian packages that programs may need, by what the programs call them.
POSTGRESQL = "postgresql"
REDIS = "redis-server"
WRK = "wrk"

# What makes certificates, for programs that use TLS.
TRUSTME = "trustme"


@dataclass(frozen=True)
class Program:
    """One program of the table."""

    # The module in programs/.
    name: str
    # What pip installs for it, by their normalised names. The table shows the version of the first.
    distributions: tuple[str, ...]
    # How it comes to run on aioxide.
    start: str
    # What it needs of Debian.
    debian: tuple[str, ...] = ()
    # Seconds after which it is ended, and has failed.
    deadline: float = 120.0


PROGRAMS = (
    Program("aiohttp", ("aiohttp", TRUSTME), RUN),
    Program("httpx", ("httpx", TRUSTME), INSTALL),
    Program(
        "fastapi",
        ("fastapi", "starlette", "uvicorn", "httptools", "websockets", TRUSTME),
        LIBRARY,
        debian=(WRK,),
    ),
    Program("websockets", ("websockets", TRUSTME), RUN),
    Program("asyncpg", ("asyncpg", TRUSTME), INSTALL, debian=(POSTGRESQL,)),
    Program("redis", ("redis", TRUSTME), RUN, debian=(REDIS,)),
    Program("aiosqlite", ("aiosqlite",), COMMAND),
    Program("aiofiles", ("aiofiles",), COMMAND),
    Program("anyio", ("anyio", "pytest", TRUSTME), LIBRARY),
    Program("pytest_asyncio", ("pytest-asyncio", "pytest"), LIBRARY),
    Program("pools", (), RUN),
    Program("distributed", ("distributed",), COMMAND, deadline=180.0),
    Program("ipykernel", ("ipykernel", "jupyter-client"), COMMAND),
)


def chosen(names: list[str]) -> list[Program]:
    """The programs of these names, in the order of the table; all of them without names.

    Raises:
        ValueError: there is no program of that name.
    """
    known = {program.name for program in PROGRAMS}
    for name in names:
        if name not in known:
            raise ValueError(f"no program {name!r}; there are {', '.join(sorted(known))}")
    return [program for program in PROGRAMS if not names or program.name in names]
