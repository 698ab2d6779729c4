"""`kill -9` while answers are written, and two processes on one file."""

import random
import sqlite3
import subprocess
import sys

import pytest
from aioxide_learn.store import cards, decks, reviews
from aioxide_learn.store.database import FILE, Database
from conftest import make_deck

pytestmark = pytest.mark.timeout(150)

# Answers whatever is next as fast as it can and says so after each; grades come from a seed.
WORKER = """
import random, sys
from pathlib import Path
from aioxide_learn import clock
from aioxide_learn.store import reviews, settings
from aioxide_learn.store.cards import Filter
from aioxide_learn.store.database import Database

draw = random.Random(sys.argv[2])
database = Database(Path(sys.argv[1]))
left = int(sys.argv[3])
day = 86_400_000
now = clock.now()
while left:
    found = database.read(reviews.next_card, Filter(), now)
    if found is None:
        now += day
        continue
    card = found[0]
    try:
        done = database.write(
            reviews.answer, card.id, card.version, draw.randint(1, 5), now, now + 1
        )
    except reviews.Stale:
        print("stale", flush=True)
        continue
    print(done.review, flush=True)
    left -= 1
    if draw.random() < 0.1:
        database.write(reviews.undo, now)
database.close()
"""


def start(folder, seed, count):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(seed), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def check(folder, acknowledged):
    """Every answer that was acknowledged is in the log, and every card is what its log makes."""
    connection = sqlite3.connect(folder / FILE)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = {row[0] for row in connection.execute("SELECT id FROM review")}
    connection.close()
    assert acknowledged <= kept
    database = Database(folder)
    for number in database.read(lambda found: [r[0] for r in found.execute("SELECT id FROM card")]):
        assert (
            database.read(reviews.memory_from_log, number)
            == database.read(cards.get, number).memory
        )
    database.close()


def fill(folder):
    database = Database(folder)
    database.write(decks.bring_in, [make_deck(count=10)])
    database.close()


def test_a_hundred_kills_lose_no_acknowledged_answer(tmp_path):
    fill(tmp_path)
    acknowledged = set()
    draw = random.Random(20_261_129)
    for seed in range(100):
        with start(tmp_path, seed, 10_000) as worker:
            # Killed while it writes: it does nothing but write between two lines.
            for _ in range(draw.randint(1, 12)):
                line = worker.stdout.readline()
                acknowledged.add(int(line))
            worker.kill()
            rest = worker.stdout.read()
            lines = rest.splitlines() if rest.endswith("\n") else rest.splitlines()[:-1]
            acknowledged.update(map(int, lines))
        if seed % 20 == 19:
            check(tmp_path, acknowledged)
    assert len(acknowledged) > 300


def test_two_processes_at_once_corrupt_nothing(tmp_path):
    fill(tmp_path)
    with start(tmp_path, 1, 150) as one, start(tmp_path, 2, 150) as two:
        lines = [line for worker in (one, two) for line in worker.communicate()[0].splitlines()]
    assert one.returncode == two.returncode == 0
    acknowledged = [int(line) for line in lines if line != "stale"]
    assert len(acknowledged) == len(set(acknowledged)) == 300
    check(tmp_path, set(acknowledged))
