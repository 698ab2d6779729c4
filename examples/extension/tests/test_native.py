"""What makes the extension a part of the loop: the type of its coroutines, and its threads."""

import asyncio
import threading
from pathlib import Path

import aioxide_example

#: The threads of this process.
THREADS = Path("/proc/self/task")


def test_its_coroutines_are_those_of_the_loop(run, kind):
    async def main():
        coroutine = aioxide_example.count_words([])
        module = type(coroutine).__module__
        assert module == ("aioxide" if kind == "aioxide" else "aioxide_pyo3")
        task = asyncio.create_task(coroutine)
        assert type(task).__module__.partition(".")[0] in ("aioxide", "_asyncio")
        assert task in asyncio.all_tasks()
        assert await task == {}

    run(main)


def test_no_thread_is_started(run, kind):
    async def main():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # uvloop has started threads of its own by now.
        before = set(THREADS.iterdir()) if THREADS.is_dir() else set()
        redis = await aioxide_example.Redis.connect("127.0.0.1", port)
        assert await redis.execute("PING") == "PONG"
        redis.close()
        server.close()
        after = set(THREADS.iterdir()) if THREADS.is_dir() else set()
        assert after <= before, "a runtime of its own"
        assert threading.active_count() == 1

    async def answer(reader, writer):
        await reader.readuntil(b"PING\r\n")
        writer.write(b"+PONG\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()

    run(main)


def test_where_a_task_waits_is_seen(run, kind):
    async def main():
        began = asyncio.Event()

        async def on_file(path, words):
            began.set()
            await asyncio.Event().wait()

        counting = aioxide_example.count_words([__file__], on_file=on_file)
        task = asyncio.create_task(counting)
        await began.wait()
        (frame,) = task.get_stack()
        assert frame.f_code.co_filename.endswith("src/words.rs")
        assert frame.f_code.co_name == "aioxide_example::words::count_words"
        task.cancel()
        await asyncio.wait([task])

    run(main)
