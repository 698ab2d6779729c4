"""50,000 cards and 1,000,000 answers: the next card and the start stay fast."""

import shutil
import statistics
import subprocess
import sys
import time

import psutil
import pytest
from aioxide_learn import clock
from aioxide_learn.deck import Deck, DeckCard
from aioxide_learn.scheduling import DAY
from aioxide_learn.store import cards, decks, progress, reviews, settings
from aioxide_learn.store.cards import Filter
from aioxide_learn.store.database import Database

pytestmark = pytest.mark.timeout(170)

CARDS, ANSWERS, DECKS = 50_000, 1_000_000, 10


def fill(database, now):
    def write(connection):
        each = CARDS // DECKS
        decks.bring_in(
            connection,
            (
                Deck(
                    f"Deck {number}",
                    "",
                    tuple(
                        DeckCard(
                            f"c{index}",
                            f"Question {index} of {number}?",
                            f"Answer {index}.",
                            f"chapter{index % 8}#x",
                            1 + index % 3,
                            (
                                f"t{index % 40}",
                                f"common{index % 2}",
                                *(["rare"] if index == each - 1 else []),
                            ),
                        )
                        for index in range(each)
                    ),
                )
                for number in range(DECKS)
            ),
        )
        # Four cards of five have been learned, with 25 answers each.
        connection.execute(
            "UPDATE card SET state = 2, stability = 1 + id % 60, memory_difficulty = 1 + id % 9,"
            " answers = 25, lapses = id % 5, due = ? + (id * 7919 % 60 - 5) * ?, last = ? - ?"
            " WHERE id % 5 < 4",
            (now, DAY, now, 9 * DAY),
        )
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO review (card, grade, shown, at, day, state_before, interval)"
            " SELECT 1 + (i % (? / 5 * 4)) / 4 * 5 + i % 4, 1 + i % 5, ?, ?, ? - 1 - i / 2000, 2, ?"
            " FROM n",
            (ANSWERS - 1, CARDS, now - DAY, now - DAY, clock.day_of(now), DAY),
        )

    database.write(write)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    database = Database(folder)
    fill(database, clock.now())
    rows = database.read(lambda found: found.execute("SELECT count(*) FROM review").fetchone())
    assert rows[0] == ANSWERS
    database.close()
    yield folder
    shutil.rmtree(folder)


#: The figures in the tests' names are those of an idle machine, and are printed. What is asserted
#: is so far beyond that only a query without an index, or a start that reads all cards, gets there.
SLOW_MACHINE = 8


def percentile(function, rounds):
    """Return the 99th percentile of the milliseconds of a call: of processor time, and as seen.

    The first is what is asserted: on a machine that others use, the second is theirs too.
    """
    processor, seen = [], []
    for _ in range(rounds):
        begin, began = time.perf_counter(), time.thread_time()
        function()
        processor.append(1000 * (time.thread_time() - began))
        seen.append(1000 * (time.perf_counter() - begin))
    return tuple(statistics.quantiles(each, n=100)[98] for each in (processor, seen))


FILTERS = {
    "all": Filter(),
    "deck": Filter(deck=7),
    "tag": Filter(tag="t7"),
    "common tag": Filter(tag="common1"),
    "rare tag": Filter(tag="rare"),
    "difficulty": Filter(difficulty=2),
    "chapter": Filter(chapter="chapter3"),
    "no card": Filter(tag="missing"),
    "deck without limit": Filter(deck=3, tag="rare", difficulty=1),
}


@pytest.mark.parametrize("name", FILTERS)
def test_the_next_card_takes_20_ms_at_most(folder, name):
    database = Database(folder)
    wanted, now = FILTERS[name], clock.now()

    def ask():
        database.read(reviews.next_card, wanted, now)
        database.read(reviews.counts, wanted, now)

    ask()
    processor, seen = percentile(ask, 200)
    database.close()
    print(f"next card, {name}: {processor:.1f} ms of processor time, {seen:.1f} ms")
    assert processor < 20 * SLOW_MACHINE


def test_an_answer_and_the_next_card_take_20_ms_at_most(folder):
    database = Database(folder)
    database.write(settings.save, {"new_limit": "9999", "review_limit": "9999"})
    now = clock.now()

    def answer():
        card, _ = database.read(reviews.next_card, Filter(), now)
        database.write(reviews.answer, card.id, card.version, 4, now, now)

    processor, seen = percentile(answer, 200)
    database.close()
    print(f"an answer and the next card: {processor:.1f} ms of processor time, {seen:.1f} ms")
    assert processor < 20 * SLOW_MACHINE


def test_progress_and_search_take_less_than_a_second(folder):
    database = Database(folder)
    now = clock.now()
    parts = {
        "decks": lambda: database.read(progress.by_deck),
        "chapters": lambda: database.read(progress.by_chapter),
        "forecast": lambda: database.read(progress.forecast, now),
        "retention": lambda: database.read(progress.retention, now),
        "streak": lambda: database.read(progress.streak, now),
        "hardest": lambda: database.read(progress.hardest),
        "search": lambda: database.read(cards.find, Filter(text="4999 of 9")),
        "tags": lambda: database.read(cards.tags),
    }
    for name, part in parts.items():
        part()
        seconds = min(timed(part) for _ in range(3))
        print(f"{name}: {1000 * seconds:.1f} ms")
        assert seconds < 1 * SLOW_MACHINE
    database.close()


def timed(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def test_the_program_starts_within_half_a_second(folder):
    """From the start of the process to the line with the address, in processor time."""
    command = [sys.executable, "-m", "aioxide_learn", "--no-open", "--port", "0"]
    processor, seen = [], []
    for _ in range(5):
        begin = time.perf_counter()
        with subprocess.Popen([*command, "--data", str(folder)], stdout=subprocess.PIPE) as child:
            line = child.stdout.readline()
            seen.append(1000 * (time.perf_counter() - begin))
            times = psutil.Process(child.pid).cpu_times()
            processor.append(1000 * (times.user + times.system))
            child.terminate()
        assert b"http://127.0.0.1:" in line
    print(f"start: {min(processor):.0f} ms of processor time, {min(seen):.0f} ms")
    assert min(processor) < 500 * SLOW_MACHINE
