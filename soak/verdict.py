"""What must hold at the end of a wave, and at the end of it all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scenarios import CUT_ON_REQUEST, UNFINISHED

#: Growth from the first wave to the last that is no leak: caches fill, memory is split
#: differently. Objects may also grow by one for each of the connections that can be open at
#: once: a loop may keep something for each descriptor number. The waves have many times as many
#: connections, so that one object left behind by each exceeds all of it by far.
OBJECTS_PER_1000_CONNECTIONS = 20
BYTES_PER_CONNECTION = 64
BYTES_AT_LEAST = 4 << 20
RESIDENT_BYTES_AT_LEAST = 16 << 20


def of_books(clients: list[dict[str, Any]], server: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the connections of one wave, by what both sides have written down."""
    entries = {line["name"]: line for line in server if "name" in line}
    restarts = [line for line in server if "restarted" in line]
    for record in clients:
        entry = entries.get(record["name"])
        was_away = any(
            it["restarted"] == record["place"]
            and it["begin"] <= record["end"]
            and record["begin"] <= it["end"]
            for it in restarts
        )
        for problem in of_connection(record, entry, was_away):
            what = "{name}: {scenario} to {place}, {ended}".format_map(record)
            yield f"connection {what}: {problem}"


def of_connection(
    record: dict[str, Any], entry: dict[str, Any] | None, was_away: bool
) -> Iterator[str]:
    """What is wrong with one; `was_away` if its listener was during its life."""
    sums, acknowledged, ended = record["sums"], record["acknowledged"], record["ended"]
    sent = len(sums) - 1
    arrived = entry["count"] if entry else 0
    was_cut = entry is not None and entry["is_cut"]
    if not acknowledged <= arrived <= sent:
        yield f"{acknowledged} acknowledged, {arrived} arrived, {sent} sent"
    elif entry and sums[arrived] != entry["running"]:
        yield f"the {arrived} messages that arrived are not those that were sent"
    if ended == "done" and record["scenario"] not in UNFINISHED and acknowledged != sent:
        yield f"{acknowledged} acknowledged, {sent} sent"
    if ended == "done" and record["place"] == "closed":
        yield "connected where nobody listens"
    if ended == "refused" and not was_away and record["place"] != "closed":
        yield "refused while somebody listened"
    # Cut on purpose, or still unheard when the listener went away.
    if ended == "lost" and not was_cut and not (entry is None and was_away):
        yield "nobody ended it on purpose"
    if ended == "done" and record["scenario"] in CUT_ON_REQUEST:
        yield "the server was to end it"


def of_descriptors(process: str, census: dict[str, Any]) -> Iterator[str]:
    """What is open and should not be, or the other way round."""
    if (there := census["descriptors"]) != (expected := census["descriptors_expected"]):
        yield f"{process}: descriptors are {there}, not {expected}"


def of_census(
    process: str, first: dict[str, Any], last: dict[str, Any], connections: int, at_once: int
) -> Iterator[str]:
    """What `connections`, `at_once` at a time, have left in a process between two censuses."""
    yield from of_descriptors(process, first)
    yield from of_descriptors(process, last)
    for what in ("children", "tasks", "threads"):
        if last[what] > first[what]:
            yield f"{process}: {first[what]} {what} became {last[what]}"
    most = at_once + OBJECTS_PER_1000_CONNECTIONS * connections // 1000
    for kind, count in last["objects"].items():
        if (more := count - first["objects"].get(kind, 0)) > most:
            yield f"{process}: {more} more objects of {kind}, {most} are allowed"
    if (more := last["blocks"] - first["blocks"]) > 2 * most:
        yield f"{process}: {more} more blocks of Python's, {2 * most} are allowed"
    for what, at_least in (
        ("native_bytes", BYTES_AT_LEAST),
        ("resident_bytes", RESIDENT_BYTES_AT_LEAST),
    ):
        if first[what] is None or last[what] is None:
            continue
        most_bytes = max(at_least, BYTES_PER_CONNECTION * connections)
        if (more := last[what] - first[what]) > most_bytes:
            yield f"{process}: {more} more {what.replace('_', ' ')}, {most_bytes} are allowed"
