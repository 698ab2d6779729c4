"""Which programs there are and what each of them needs."""

from dataclasses import dataclass

# How a program comes to run on aioxide.
RUN = "aioxide.run"  # it calls aioxide.run with its main coroutine
INSTALL = "aioxide.install"  # aioxide.install() and then asyncio.run
COMMAND = "python -m aioxide"  # nothing in the program, everything on the command line
LIBRARY = "the library's own"  # the library has an option for it, and that is used
HTTP = "python -m aioxide --http"  # as COMMAND, and HTTP clients run natively
SERVED = "python -m aioxide COMMAND"  # it starts servers and workers, each by their own command

# Environments with packages: what cannot be installed beside the newest of the others is apart.
TOGETHER = "compat"
APART = "compat-apart"

# Debian packages that programs may need, by what the programs call them.
POSTGRESQL = "postgresql"
REDIS = "redis-server"
NATS = "nats-server"
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
    # The list of requirements its packages are in, and with it the environment.
    environment: str = TOGETHER
    # Whether the short form runs it at all.
    quick: bool = True


PROGRAMS = (
    Program("aiohttp", ("aiohttp", TRUSTME), RUN),
    Program("httpx", ("httpx", TRUSTME), INSTALL),
    Program(
        "fastapi",
        ("fastapi", "starlette", "uvicorn", "httptools", "websockets", TRUSTME),
        LIBRARY,
        debian=(WRK,),
    ),
    Program("http_aiohttp", ("aiohttp", TRUSTME), HTTP),
    Program("http_urls", ("aiohttp",), HTTP),
    Program("http_httpx", ("httpx", TRUSTME), HTTP),
    Program("http_httpx2", ("httpx2", TRUSTME), HTTP),
    Program("http_openai", ("openai", "httpx2"), HTTP),
    Program("http_anthropic", ("anthropic", "httpx2"), HTTP),
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
    Program("uvicorn", ("uvicorn", "httptools", "uvloop"), SERVED),
    Program("gunicorn", ("gunicorn", "uvicorn-worker", "uvloop"), SERVED),
    Program("hypercorn", ("hypercorn", "uvloop"), SERVED),
    Program("granian", ("granian", "uvloop", "rloop"), SERVED),
    Program("aiohttp_servers", ("aiohttp", "gunicorn", "uvloop"), SERVED),
    Program(
        "fastapi_cli", ("fastapi-cli", "fastapi", "uvicorn"), SERVED, deadline=240.0, quick=False
    ),
    Program("sanic", ("sanic", "uvloop"), SERVED, environment=APART, quick=False),
    Program("django", ("django", "uvicorn", "hypercorn"), SERVED, quick=False),
    Program("arq", ("arq", TRUSTME), COMMAND, debian=(REDIS,), environment=APART, quick=False),
    Program("taskiq", ("taskiq", "taskiq-redis", TRUSTME), COMMAND, debian=(REDIS,), quick=False),
    Program(
        "jupyter",
        ("jupyter-server", "ipykernel", "jupyter-client"),
        COMMAND,
        deadline=240.0,
        quick=False,
    ),
    Program("textual", ("textual", "prompt-toolkit"), COMMAND, quick=False),
    Program("discord", ("discord.py", "aiohttp"), COMMAND, quick=False),
    Program("aiogram", ("aiogram", "aiohttp"), COMMAND, environment=APART, quick=False),
    Program("twisted", ("twisted",), SERVED),
    Program("scrapy", ("scrapy",), SERVED, quick=False),
    Program("grpc", ("grpcio",), COMMAND, quick=False),
    Program("pyzmq", ("pyzmq",), COMMAND, quick=False),
    Program("nats", ("nats-py", TRUSTME), COMMAND, debian=(NATS,), quick=False),
)


#: What could be asked for, and cannot be had where there is nothing but package indexes.
ABSENT = {
    "aiokafka": "needs a Kafka broker, which neither Debian nor the package index has",
}


def chosen(names: list[str], *, quick: bool = False) -> list[Program]:
    """The programs of these names, in the order of the table; all of them without names.

    Args:
        names: of programs.
        quick: leave those out that the short form leaves out; without names only.

    Raises:
        ValueError: there is no program of that name.
    """
    known = {program.name for program in PROGRAMS}
    for name in names:
        if name not in known:
            raise ValueError(f"no program {name!r}; there are {', '.join(sorted(known))}")
    if names:
        return [program for program in PROGRAMS if program.name in names]
    return [program for program in PROGRAMS if program.quick or not quick]
