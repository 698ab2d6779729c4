"""anyio: task groups, cancellation, sockets, threads, processes; told of the loop by its option."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_process
import anyio.to_thread
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener, TLSStream
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    options = {"loop_factory": given.loop_factory, "debug": True}
    anyio.run(work, given, backend="asyncio", backend_options=options)
    portal_from_outside(given, options)
    own_pytest_plugin(given)


async def work(given: Given) -> None:
    given.check_loop()
    await task_groups(given)
    await cancel_scopes(given)
    await memory_streams(given)
    await threads(given)
    await tcp(given)
    await closed_in_the_middle(given)
    await tls(given)
    await unix(given)
    await udp(given)
    await processes(given)
    await signals(given)
    await files(given)
    given.check_no_task_is_left()
    # anyio keeps a task of its own for these, for as long as the loop runs.
    await worker_processes(given)


async def task_groups(given: Given) -> None:
    total = given.times(5000, 1000)
    done = []

    async def one(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        done.append(number)

    async with anyio.create_task_group() as group:
        for number in range(total):
            group.start_soon(one, number)
    assert sorted(done) == list(range(total))

    async def failing() -> None:
        raise ValueError("on purpose")

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(failing)
            group.start_soon(anyio.sleep_forever)
    except* ValueError as errors:
        assert len(errors.exceptions) == 1
    else:
        raise AssertionError("a task group swallowed an exception")

    async def starting(*, task_status: anyio.abc.TaskStatus[str]) -> None:
        task_status.started("ready")
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        assert await group.start(starting) == "ready"
        group.cancel_scope.cancel()
    given.did(f"a task group of {total:,}")


async def cancel_scopes(given: Given) -> None:
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    try:
        with anyio.fail_after(0.01):
            await anyio.sleep_forever()
    except TimeoutError:
        pass
    else:
        raise AssertionError("no timeout")
    cleaned_up = False
    with anyio.CancelScope() as outer:
        with anyio.CancelScope() as inner:
            try:
                outer.cancel()
                await anyio.lowlevel.checkpoint()
            finally:
                # Cancelled scopes cancel every await, unless it is shielded.
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0)
                    cleaned_up = True
    assert cleaned_up and outer.cancelled_caught and not inner.cancelled_caught

    entered = anyio.Event()
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        for _ in range(3):
            try:
                entered.set()
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                swallowed += 1

    async with anyio.create_task_group() as group:
        group.start_soon(stubborn)
        await entered.wait()
        group.cancel_scope.cancel()
    assert swallowed == 3
    given.did("cancel scopes")


async def memory_streams(given: Given) -> None:
    sending, receiving = anyio.create_memory_object_stream[int](10)
    total = given.times(20_000, 2000)

    async def produce() -> None:
        async with sending:
            for number in range(total):
                await sending.send(number)

    async with anyio.create_task_group() as group, receiving:
        group.start_soon(produce)
        received = [number async for number in receiving]
    assert received == list(range(total))
    given.did("memory streams, locks")
    lock, limiter, condition = anyio.Lock(), anyio.CapacityLimiter(3), anyio.Condition()
    inside = most = 0

    async def limited() -> None:
        nonlocal inside, most
        async with limiter:
            inside += 1
            most = max(most, inside)
            async with lock, condition:
                await anyio.lowlevel.checkpoint()
            inside -= 1

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(limited)
    assert most == 3


async def threads(given: Given) -> None:
    async def double(number: int) -> int:
        given.check_loop()
        await anyio.lowlevel.checkpoint()
        return 2 * number

    def in_thread(number: int) -> int:
        return anyio.from_thread.run(double, number)

    for number in range(50):
        assert await anyio.to_thread.run_sync(in_thread, number) == 2 * number
    async with anyio.from_thread.BlockingPortal() as portal:

        def call() -> int:
            with portal.start_task_soon(double, 4).result(30) and portal.wrap_async_context_manager(
                context()
            ) as entered:
                return entered

        assert await anyio.to_thread.run_sync(call) == 7
    given.did("threads and portals")


class context:
    async def __aenter__(self) -> int:
        await anyio.sleep(0)
        return 7

    async def __aexit__(self, *_: object) -> None:
        await anyio.sleep(0)


async def echo(stream: anyio.abc.ByteStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send(data)


async def exchange(stream: anyio.abc.ByteStream, size: int) -> None:
    """Send a lot and receive it back at the same time."""
    data = bytes(range(256)) * (size // 256)

    async def send() -> None:
        await stream.send(data)

    receiver = BufferedByteReceiveStream(stream)
    async with anyio.create_task_group() as group:
        group.start_soon(send)
        assert await receiver.receive_exactly(size) == data


async def tcp(given: Given) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        clients = given.times(100, 20)

        async def one() -> None:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await exchange(stream, 64 * 1024)

        async with anyio.create_task_group() as many:
            for _ in range(clients):
                many.start_soon(one)
        async with await anyio.connect_tcp("localhost", port) as stream:
            await exchange(stream, given.times(32, 4) * MIB)
            with anyio.move_on_after(0.01) as scope:
                await stream.receive()
            assert scope.cancelled_caught
            await exchange(stream, 1024)
            await stream.send_eof()
            try:
                await stream.receive()
            except anyio.EndOfStream:
                pass
        group.cancel_scope.cancel()
    await listener.aclose()
    try:
        await anyio.connect_tcp("127.0.0.1", port)
    except OSError:
        given.did(f"{clients} TCP clients, {given.times(32, 4)} MiB there and back")
    else:
        raise AssertionError("connected to a listener that is closed")


async def closed_in_the_middle(given: Given) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    outcome = []

    async def receive(stream: anyio.abc.ByteStream, ready: anyio.Event) -> None:
        ready.set()
        try:
            await stream.receive()
        except anyio.ClosedResourceError:
            outcome.append("closed")

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        stream = await anyio.connect_tcp("127.0.0.1", port)
        ready = anyio.Event()
        async with anyio.create_task_group() as receiving:
            receiving.start_soon(receive, stream, ready)
            await ready.wait()
            await anyio.lowlevel.checkpoint()
            await stream.aclose()
        group.cancel_scope.cancel()
    assert outcome == ["closed"]
    given.did("a receiver whose stream is closed")


async def tls(given: Given) -> None:
    tcp_listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp_listener.extra(anyio.abc.SocketAttribute.local_port)
    listener = TLSListener(tcp_listener, given.server_tls())
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        plain = await anyio.connect_tcp("127.0.0.1", port)
        async with await TLSStream.wrap(
            plain, hostname="localhost", ssl_context=given.client_tls()
        ) as stream:
            await exchange(stream, 1 * MIB)
        group.cancel_scope.cancel()
    given.did("anyio's own TLS")


async def unix(given: Given) -> None:
    path = given.folder / "echo.sock"
    async with await anyio.create_unix_listener(path) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            async with await anyio.connect_unix(path) as stream:
                await exchange(stream, 4 * MIB)
                await stream.send_eof()
                # Cancelled in the iteration in which the end arrives, anyio sets a future twice.
                try:
                    await stream.receive()
                except anyio.EndOfStream:
                    pass
            group.cancel_scope.cancel()
    given.did("Unix sockets")


async def udp(given: Given) -> None:
    async with await anyio.create_udp_socket(
        family=socket.AF_INET, local_host="127.0.0.1"
    ) as server:
        port = server.extra(anyio.abc.SocketAttribute.local_port)
        async with await anyio.create_connected_udp_socket("127.0.0.1", port) as client:
            for number in range(100):
                await client.send(b"%d" % number)
                data, (host, sender) = await server.receive()
                await server.sendto(data + b"!", host, sender)
                assert await client.receive() == b"%d!" % number
            with anyio.move_on_after(0.01) as scope:
                await client.receive()
            assert scope.cancelled_caught
    given.did("UDP")


async def processes(given: Given) -> None:
    done = await anyio.run_process([sys.executable, "-c", "print(input()[::-1])"], input=b"abc\n")
    assert done.stdout == b"cba\n" and done.returncode == 0
    forever = [sys.executable, "-c", "print('up', flush=True)\nwhile True: input()"]
    async with await anyio.open_process(forever, stderr=subprocess.DEVNULL) as process:
        assert await process.stdout.receive() == b"up\n"
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
    try:
        await anyio.run_process([sys.executable, "-c", "raise SystemExit(3)"])
    except subprocess.CalledProcessError as error:
        assert error.returncode == 3
    given.did("processes")


async def worker_processes(given: Given) -> None:
    assert await anyio.to_process.run_sync(sum, [1, 2, 3]) == 6
    with anyio.move_on_after(0.01) as scope:
        await anyio.to_process.run_sync(time.sleep, 1000, cancellable=True)
    assert scope.cancelled_caught
    given.did("worker processes, one cancelled")


async def signals(given: Given) -> None:
    with anyio.open_signal_receiver(signal.SIGUSR1) as received:
        for _ in range(3):
            signal.raise_signal(signal.SIGUSR1)
            with anyio.fail_after(30):
                async for number in received:
                    assert number == signal.SIGUSR1
                    break
    given.did("signals")


async def files(given: Given) -> None:
    path = anyio.Path(given.folder) / "text"
    await path.write_text("a\nb\n")
    async with await anyio.open_file(path) as file:
        assert [line async for line in file] == ["a\n", "b\n"]
    given.did("files")


def portal_from_outside(given: Given, options: dict) -> None:
    with anyio.from_thread.start_blocking_portal("asyncio", options) as portal:
        portal.call(given.check_loop)
        future = portal.start_task_soon(anyio.sleep_forever)
        future.cancel()
        assert future.cancelled()
    given.did("a loop in a thread")


def own_pytest_plugin(given: Given) -> None:
    suite = Path(__file__).parent / "anyio_suite"
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"]
    command += ["-p", "no:cacheprovider", "--loop-factory", given.factory_name, str(suite)]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout
    given.did("its pytest plugin")
