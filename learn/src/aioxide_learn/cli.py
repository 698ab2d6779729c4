"""The command `aioxide-learn`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from aioxide_learn import __version__

FORMATS = ("json", "csv", "anki")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=argparse.SUPPRESS,
        help="where the progress is kept (default: the user's data folder)",
    )
    parser = argparse.ArgumentParser(
        prog="aioxide-learn",
        parents=[shared],
        description="Learn asyncio: a course, flashcards and labs. Without a command, the page "
        "opens in the browser.",
    )
    parser.add_argument("--version", action="version", version=f"aioxide-learn {__version__}")
    parser.add_argument("--port", type=_port, help="where to listen on loopback (default: 8421)")
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    review = commands.add_parser("review", parents=[shared], help="review cards in the terminal")
    review.add_argument("--deck", metavar="NAME", help="only cards of this deck")
    review.add_argument("--tag", help="only cards with this tag")
    review.add_argument("--difficulty", type=int, choices=(1, 2, 3), help="only such cards")
    review.add_argument(
        "--cram", action="store_true", help="in a random order, due or not; leaves the schedule"
    )

    lab = commands.add_parser(
        "lab", parents=[shared], help="exercises in your own editor, checked by running them"
    )
    actions = lab.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", parents=[shared], help="list the labs")
    start = actions.add_parser("start", parents=[shared], help="write the task and a starter file")
    start.add_argument("name", metavar="NAME")
    start.add_argument(
        "--in", dest="into", metavar="FOLDER", type=Path, help="where (default: in the data folder)"
    )
    for name, purpose in (
        ("check", "check your file once"),
        ("watch", "check on every save"),
        ("hint", "show the hints, one more each time"),
        ("solution", "show a solution"),
    ):
        action = actions.add_parser(name, parents=[shared], help=purpose)
        action.add_argument("name", metavar="NAME")

    bring_in = commands.add_parser("import", parents=[shared], help="import decks")
    bring_in.add_argument(
        "paths", metavar="PATH", type=Path, nargs="+", help="files, or folders with such files"
    )
    export = commands.add_parser("export", parents=[shared], help="export a deck, or the notes")
    export.add_argument("deck", metavar="DECK", nargs="?", help="its name; without it, the notes")
    export.add_argument("--format", choices=FORMATS, default="json", help="(default: json)")
    export.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="(default: standard output)"
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return int(text)


def data_folder(given: Path | None) -> Path:
    """Return the data folder: as given, or the user's own."""
    folder = given or platformdirs.user_data_path("aioxide-learn", appauthor=False)
    return folder.expanduser().absolute()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 1 with a message when something failed."""
    options = build_parser().parse_args(arguments)
    folder = data_folder(getattr(options, "data", None))
    try:
        return _run(options, folder)
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if type(error).__name__ not in EXPECTED:
            raise
        for line in str(error).splitlines():
            print(f"aioxide-learn: {line}", file=sys.stderr)
        return 1


#: Errors whose message is for the user. Named, so that no command imports what it does not use.
EXPECTED = {"DatabaseError", "DeckError", "LabError", "NoSuchDeck", "PortError"}


def _run(options: argparse.Namespace, folder: Path) -> int:
    match options.command:
        case None:
            from aioxide_learn.web.server import serve

            serve(folder, options.port, not options.no_open)
            return 0
        case "review":
            from aioxide_learn import terminal

            return terminal.review(
                folder, options.deck, options.tag or "", options.difficulty, options.cram
            )
        case "lab":
            from aioxide_learn import lab_commands

            return lab_commands.run(folder, options)
        case "import":
            return _import(folder, options.paths)
        case _:
            return _export(folder, options.deck, options.format, options.output)


def _import(folder: Path, paths: list[Path]) -> int:
    from aioxide_learn.deck import reading
    from aioxide_learn.store import decks
    from aioxide_learn.store.database import Database

    found = reading.read_paths(paths)
    database = Database(folder)
    try:
        done = database.write(decks.bring_in, found)
    finally:
        database.close()
    for each in done:
        print(
            f"{each.name}: {each.added} added, {each.changed} changed, {each.same} as before, "
            f"{each.back} back, {each.retired} no longer in the file"
        )
    return 0


def _export(folder: Path, deck: str | None, name: str, output: Path | None) -> int:
    from aioxide_learn.deck import writing
    from aioxide_learn.store import decks, notes
    from aioxide_learn.store.course import bring_in_course
    from aioxide_learn.store.database import Database

    database = Database(folder)
    try:
        if deck is None:
            content = notes.as_markdown(database.read(notes.every)).encode()
        else:
            bring_in_course(database)
            number = database.read(decks.number_of, deck)
            write = {"json": writing.as_json, "csv": writing.as_csv, "anki": writing.as_anki}[name]
            content = write(database.read(decks.read, number))
    finally:
        database.close()
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as error:
            print(f"aioxide-learn: {output}: {error.strerror}", file=sys.stderr)
            return 1
    elif name == "anki" and deck is not None and sys.stdout.isatty():
        print("aioxide-learn: an .apkg file is binary: name one by --output", file=sys.stderr)
        return 1
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    return 0
