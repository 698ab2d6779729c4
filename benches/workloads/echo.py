"""Servers under load: requests, lines and connections a second of their processor time."""

from __future__ import annotations

from serve import LINES_IN_BATCH

from workloads.certificates import certificate
from workloads.processes import Server, load, serving
from workloads.sampling import Measurement, Sampling


def echo_protocol(sampling: Sampling) -> Measurement:
    """1 KiB, 100 connections, transports and protocols."""
    return requests(sampling, "protocol", "--size", "1024")


def echo_tls(sampling: Sampling) -> Measurement:
    """1 KiB, 100 connections, transports and protocols over TLS."""
    with certificate() as issued:
        with serving("protocol", sampling.loop, "--certificate", issued.server) as server:
            return measure(server, sampling, "--size", "1024", "--tls", issued.authority)


def echo_streams(sampling: Sampling) -> Measurement:
    """1 KiB, 100 connections, stream readers and writers."""
    return requests(sampling, "streams", "--size", "1024")


def echo_sock(sampling: Sampling) -> Measurement:
    """1 KiB, 100 connections, ``sock_recv`` and ``sock_sendall``."""
    return requests(sampling, "sock", "--size", "1024")


def readline(sampling: Sampling) -> Measurement:
    """Lines of 64 bytes read one by one, 256 sent and answered at a time on 100 connections."""
    return requests(sampling, "batches", "--lines", "--pipeline", str(LINES_IN_BATCH))


def readline_echo(sampling: Sampling) -> Measurement:
    """Lines of 64 bytes, 16 sent at a time, each written back by itself."""
    return requests(sampling, "lines", "--lines", "--pipeline", "16")


def connect_close(sampling: Sampling) -> Measurement:
    """Connect, exchange 64 bytes, close; 32 at a time, within every backlog."""
    return requests(sampling, "protocol", "--connect-close", "--size", "64", "--connections", "32")


def requests(sampling: Sampling, style: str, *options: str) -> Measurement:
    with serving(style, sampling.loop) as server:
        return measure(server, sampling, *options)


def measure(server: Server, sampling: Sampling, *options: str) -> Measurement:
    report = load(
        server,
        "--warmup",
        str(sampling.warmup_seconds),
        "--seconds",
        str(sampling.load_seconds),
        *options,
    )
    return Measurement(report["served"] / report["server_seconds"], report)
