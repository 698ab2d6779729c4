"""aiofiles: files through the loop's default executor, and through one of the program's own."""

import asyncio
import contextlib
import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor

import aiofiles
import aiofiles.os
import aiofiles.tempfile
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    await large_file(given)
    await many_files(given)
    await cancelled(given)
    await temporary(given)
    await system_calls(given)
    await missing(given)


async def large_file(given: Given) -> None:
    size = given.times(64, 16)
    path = given.folder / "large"
    written, read = hashlib.sha256(), hashlib.sha256()
    async with aiofiles.open(path, "wb") as file:
        for number in range(size):
            chunk = random.Random(number).randbytes(MIB)
            written.update(chunk)
            await file.write(chunk)
    async with aiofiles.open(path, "rb") as file:
        while chunk := await file.read(100_000):
            read.update(chunk)
    assert read.digest() == written.digest()
    given.did(f"{size} MiB written and read")


async def many_files(given: Given) -> None:
    count = given.times(200, 50)
    with ThreadPoolExecutor(8, "files") as pool:

        async def one(number: int) -> None:
            path = given.folder / f"small-{number}"
            async with aiofiles.open(path, "w+", executor=pool) as file:
                await file.writelines(f"{number} {line}\n" for line in range(100))
                await file.seek(0)
                lines = [line async for line in file]
            assert lines == [f"{number} {line}\n" for line in range(100)]

        await asyncio.gather(*map(one, range(count)))
    given.did(f"{count} files at once")


async def cancelled(given: Given) -> None:
    reading, writing = os.pipe()
    async with aiofiles.open(reading, "rb", buffering=0) as file:
        task = asyncio.create_task(file.read(1))
        # Long enough in the executor that its thread waits for the pipe, or not begun: it must
        # not matter.
        await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        # The thread still reads; nobody waits for its byte.
        os.write(writing, b"ab")
        os.close(writing)
    given.did("a read cancelled")


async def temporary(given: Given) -> None:
    async with aiofiles.tempfile.TemporaryDirectory() as directory:
        async with aiofiles.tempfile.NamedTemporaryFile("wb+", dir=directory) as file:
            await file.write(b"x" * MIB)
            await file.flush()
            assert (await aiofiles.os.stat(file.name)).st_size == MIB
    assert not await aiofiles.os.path.exists(directory)
    async with aiofiles.tempfile.SpooledTemporaryFile(max_size=1000) as spooled:
        await spooled.write(b"y" * 2000)
        await spooled.seek(0)
        assert await spooled.read() == b"y" * 2000
    given.did("temporary files")


async def system_calls(given: Given) -> None:
    folder = given.folder / "a" / "b"
    await aiofiles.os.makedirs(folder)
    async with aiofiles.open(folder / "file", "x") as file:
        await file.write("text")
    await aiofiles.os.rename(folder / "file", folder / "other")
    assert await aiofiles.os.listdir(folder) == ["other"]
    with open(given.folder / "large", "rb") as source, open(folder / "copy", "wb") as copy:
        size = await aiofiles.os.path.getsize(given.folder / "large")
        sent = await aiofiles.os.sendfile(copy.fileno(), source.fileno(), 0, size)
    assert sent == size
    given.did("folders, sendfile")


async def missing(given: Given) -> None:
    try:
        async with aiofiles.open(given.folder / "not there"):
            pass
    except FileNotFoundError as error:
        assert error.filename == str(given.folder / "not there")
        given.did("a missing file")
    else:
        raise AssertionError("opened a file that is not there")
