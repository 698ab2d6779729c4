import asyncio
import collections

import aioxide_example
import pytest


@pytest.fixture
def files(tmp_path):
    paths = []
    for number in range(50):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"one Two two\nfile{number} one\n" * 10, encoding="utf-8")
        paths.append(path)
    return paths


def test_the_words_of_all_files(run, files):
    async def main():
        return await aioxide_example.count_words(files)

    expected = collections.Counter()
    for path in files:
        expected.update(path.read_text(encoding="utf-8").lower().split())
    assert run(main) == expected


def test_python_is_told_of_each_file(run, files):
    seen = []

    async def on_file(path, words):
        await asyncio.sleep(0)
        seen.append((path, words))

    async def main():
        await aioxide_example.count_words(files, at_once=3, on_file=on_file)

    run(main)
    assert sorted(seen) == sorted((path, 50) for path in files)


def test_a_file_that_is_missing(run, files, tmp_path):
    async def main():
        with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
            await aioxide_example.count_words([*files, tmp_path / "missing.txt"])

    run(main)


def test_a_cancellation_ends_it(run, files):
    async def main():
        begun = asyncio.Event()

        async def on_file(path, words):
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(aioxide_example.count_words(files, on_file=on_file))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_an_error_of_python_ends_it(run, files):
    async def on_file(path, words):
        raise LookupError("enough")

    async def main():
        with pytest.raises(LookupError, match="enough"):
            await aioxide_example.count_words(files, on_file=on_file)

    run(main)
