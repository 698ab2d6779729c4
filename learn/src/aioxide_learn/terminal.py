"""Review in the terminal: the same cards, keys and schedule as on the page."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from aioxide_learn import clock
from aioxide_learn.scheduling import GRADES, as_text
from aioxide_learn.store import decks, reviews, steps
from aioxide_learn.store.cards import Card, Filter
from aioxide_learn.store.course import bring_in_course
from aioxide_learn.store.database import Database

HELP = "space or enter shows the answer; 1 to 5 grades; u undoes; b buries; s suspends; q ends"

NOTHING_TO_UNDO = "there is nothing to undo"
UNDONE = {
    "answer": "undone: the answer",
    "bury": "undone: the card is asked today",
    "suspend": "undone: the card is asked again",
    "note": "undone: the note is as it was",
}

_FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


def review(folder: Path, deck: str | None, tag: str, difficulty: int | None, cram: bool) -> int:
    """Ask cards until none is left or the learner ends it.

    Args:
        folder: the data folder.
        deck: the name of a deck, or None for all.
        tag: a tag, or empty for all.
        difficulty: 1 to 3, or None for all.
        cram: whether to ask all in a random order and leave the schedule alone.

    Returns:
        The exit status, 0.

    Raises:
        NoSuchDeck: there is no deck of this name.
    """
    database = Database(folder)
    try:
        bring_in_course(database)
        number = None if deck is None else database.read(decks.number_of, deck)
        wanted = Filter(deck=number, tag=tag, difficulty=difficulty)
        session = _Cram(database, wanted) if cram else _Review(database, wanted)
        with _keys() as read_key:
            print(HELP)
            answered = _ask_all(session, read_key)
    finally:
        database.close()
    print(f"\n{answered} {'answer' if answered == 1 else 'answers'}.")
    return 0


class _Review:
    def __init__(self, database: Database, wanted: Filter) -> None:
        self._database, self._wanted = database, wanted
        self._again: int | None = None

    def next(self) -> tuple[Card, dict[int, int], str] | None:
        now = clock.now()
        if self._again is not None:
            found, self._again = self._database.read(reviews.show, self._again, now), None
        else:
            shown = self._database.read(reviews.next_card, self._wanted, now)
            if shown is None:
                return None
            found = shown
        left = self._database.read(reviews.counts, self._wanted, now)
        return *found, f"{left.new} new, {left.learning} learning, {left.due} due"

    def answer(self, card: Card, grade: int, shown: int) -> str:
        try:
            done = self._database.write(
                reviews.answer, card.id, card.version, grade, shown, clock.now()
            )
        except reviews.Stale as error:
            return f"not counted: {error}"
        return f"{GRADES[grade].label}: again in {as_text(done.interval)}"

    def other(self, key: str, card: Card) -> str | None:
        if key == "u":
            undone = self._database.write(steps.undo, self._database.folder, clock.now())
            if undone is None:
                return NOTHING_TO_UNDO
            step, back = undone
            self._again = None if back.suspended or back.retired else back.id
            return UNDONE[step.kind]
        if key == "b":
            self._database.write(steps.bury, card.id, clock.now())
            return "buried until tomorrow"
        if key == "s":
            self._database.write(steps.suspend, card.id)
            return "suspended; u, or the page Browse, brings it back"
        return None


class _Cram:
    def __init__(self, database: Database, wanted: Filter) -> None:
        self._database = database
        self._session, _ = database.write(reviews.start_cram, wanted)

    def next(self) -> tuple[Card, dict[int, int], str] | None:
        card = self._database.read(reviews.cram_card, self._session)
        if card is None:
            return None
        left = self._database.read(reviews.cram_left, self._session)
        return card, {}, f"{left} left; the schedule stays as it is"

    def answer(self, card: Card, grade: int, shown: int) -> str:
        try:
            self._database.write(reviews.cram_answer, self._session, card.id, grade)
        except reviews.Stale as error:
            return str(error)
        return GRADES[grade].label

    def other(self, key: str, card: Card) -> str | None:
        if key != "u":
            return None
        back = self._database.write(reviews.cram_undo, self._session)
        return NOTHING_TO_UNDO if back is None else UNDONE["answer"]


def _ask_all(session: _Review | _Cram, read_key: Callable[[str], str]) -> int:
    answered = 0
    while (found := session.next()) is not None:
        card, intervals, left = found
        shown = clock.now()
        print(f"\n--- {left} --- {card.deck}, difficulty {card.difficulty}")
        print(as_terminal(card.front))
        open_now = False
        while True:
            key = read_key("> ")
            if key in ("q", ""):
                return answered
            if key in (" ", "\n") and not open_now:
                open_now = True
                print(f"\n{as_terminal(card.back)}\n")
                print("How well did you know this?")
                for grade in GRADES.values():
                    interval = f"  {as_text(intervals[grade.number])}" if intervals else ""
                    print(f"  {grade.number} {grade.label}{interval}")
            elif key in "12345" and open_now:
                print(session.answer(card, int(key), shown))
                answered += 1
                break
            elif (said := session.other(key, card)) is not None:
                print(said)
                answered -= said == UNDONE["answer"] and answered > 0
                break
            else:
                print(HELP)
    print("\nNothing more is due now.")
    return answered


def as_terminal(text: str) -> str:
    """Return Markdown for a terminal: code in colours where there are some, the rest as it is."""
    colours = sys.stdout.isatty()

    def code(match: re.Match[str]) -> str:
        body = _coloured(match[2], match[1]) if colours else match[2]
        return "\n".join(f"    {line}" for line in body.rstrip().splitlines())

    # Nothing in a card may steer the terminal.
    safe = "".join(each for each in text if each in "\n\t" or each.isprintable())
    return _FENCE.sub(code, safe).strip()


def _coloured(body: str, language: str) -> str:
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False)
    except ClassNotFound:
        return body
    return str(highlight(body, lexer, TerminalFormatter()))


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[str], str]]:
    """Yield a function that reads one key; a line where the input is no terminal."""
    if not sys.stdin.isatty():

        def read_line(prompt: str) -> str:
            line = sys.stdin.readline()
            # An empty line is the key Enter; at the end of the input there is none.
            return line.rstrip("\n")[:1] or line[:1]

        yield read_line
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)

    def read_key(prompt: str) -> str:
        print(prompt, end="", flush=True)
        key = sys.stdin.read(1)
        print()
        return "q" if key == "\x04" else key

    try:
        yield read_key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
