"""From a file to a deck, or to an error that names the file, the place and what was expected.

Two forms: JSON as `schema.json` describes it, and text of two columns, a question and its answer.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.resources
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aioxide_learn.deck import Deck, DeckCard, DeckError

if TYPE_CHECKING:
    from jsonschema import ValidationError

#: The names of files that are decks.
SUFFIXES = (".json", ".csv", ".tsv", ".txt")

#: A file is not longer, in bytes.
MAXIMUM_SIZE = 32 * 1024 * 1024

#: So many problems of a file are listed.
MAXIMUM_PROBLEMS = 20

#: A first row that is a heading and no card, in lower case.
HEADINGS = {("question", "answer"), ("front", "back")}


def schema_text() -> str:
    """Return the published JSON Schema of a deck."""
    file = importlib.resources.files("aioxide_learn.deck") / "schema.json"
    return file.read_text(encoding="utf-8")


def read_paths(paths: Iterable[Path]) -> list[Deck]:
    """Return the decks of files, and of those in folders and the folders within.

    Raises:
        DeckError: a path does not exist, a folder has no deck, or any of the files is wrong.
    """
    contents: list[tuple[str, bytes]] = []
    problems = []
    for path in paths:
        try:
            files = _files_in(path) if path.is_dir() else [path]
            if not files:
                problems.append(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
            contents.extend((str(file), _read(file)) for file in files)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
        except DeckError as error:
            problems.extend(error.problems)
    if problems:
        raise DeckError(problems)
    return read_contents(contents)


def read_contents(contents: Iterable[tuple[str, bytes]]) -> list[Deck]:
    """Return the decks of files given by name and content.

    Raises:
        DeckError: any of the files is wrong; all problems are in it.
    """
    decks: list[Deck] = []
    problems: list[str] = []
    names: dict[str, str] = {}
    for file, content in contents:
        try:
            deck = read_deck(file, content)
        except DeckError as error:
            problems.extend(error.problems)
            continue
        if deck.name in names:
            problems.append(
                f"{file}: expected a deck of its own, but {names[deck.name]} has the name "
                f"{deck.name!r} too"
            )
        names[deck.name] = file
        decks.append(deck)
    if problems:
        raise DeckError(problems)
    return decks


def read_deck(file: str, content: bytes) -> Deck:
    """Return the deck of a file.

    Args:
        file: its name, for errors, for the form, and for the name of a deck without one.
        content: its bytes.

    Raises:
        DeckError: it is no deck.
    """
    if len(content) > MAXIMUM_SIZE:
        raise DeckError([f"{file}: expected at most {MAXIMUM_SIZE} bytes, got {len(content)}"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DeckError([f"{file}: expected UTF-8, got other bytes at {error.start}"]) from None
    if "\0" in text:
        raise DeckError([f"{file}: expected text, got a zero byte"])
    suffix = Path(file).suffix.lower()
    if suffix == ".json":
        return _from_json(file, text)
    if suffix in SUFFIXES:
        return _from_columns(file, text)
    raise DeckError([f"{file}: expected a file that ends in {', '.join(SUFFIXES)}"])


def _files_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )


def _read(file: Path) -> bytes:
    size = file.stat().st_size
    if size > MAXIMUM_SIZE:
        raise DeckError([f"{file}: expected at most {MAXIMUM_SIZE} bytes, got {size}"])
    return file.read_bytes()


def _from_json(file: str, text: str) -> Deck:
    # Takes a tenth of a second to import, and only imports need it.
    import jsonschema

    try:
        value = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise DeckError(
            [f"{file}:{error.lineno}:{error.colno}: expected JSON: {error.msg}"]
        ) from None
    except _DoubleKey as error:
        raise DeckError(
            [f"{file}: expected each key once in an object, got {error} twice"]
        ) from None
    except ValueError as error:
        # A number of thousands of digits.
        raise DeckError([f"{file}: expected a deck: {error}"]) from None
    except RecursionError:
        raise DeckError([f"{file}: expected a deck, got JSON that is nested too deeply"]) from None
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    problems: list[str] = []
    for wrong in validator.iter_errors(value):
        if len(problems) == MAXIMUM_PROBLEMS:
            problems.append(f"{file}: more problems are not listed")
            break
        problems.extend(_describe(file, wrong))
    if not problems:
        problems = list(_unstorable(file, "$", value))[:MAXIMUM_PROBLEMS]
    if not problems:
        problems = _doubled_ids(file, [card["id"] for card in value["cards"]])
    if problems:
        raise DeckError(problems)
    return Deck(
        name=value["deck"].strip(),
        description=value.get("description", ""),
        cards=tuple(
            DeckCard(
                id=card["id"],
                front=card["front"],
                back=card["back"],
                concept_ref=card.get("concept_ref", ""),
                difficulty=int(card.get("difficulty", 2)),
                tags=tuple(card.get("tags", ())),
            )
            for card in value["cards"]
        ),
    )


def _describe(file: str, error: ValidationError) -> list[str]:
    schema: Any = error.schema
    expected = schema.get("description", error.message)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [f"{file}: {error.json_path}: expected {expected}; {missing[0]!r} is missing"]
    if error.validator == "additionalProperties":
        known = ", ".join(name for name in schema["properties"] if name != "$schema")
        unknown = [name for name in error.instance if name not in schema["properties"]]
        return [
            f"{file}: {error.json_path}: expected no other properties than {known}; got {name!r}"
            for name in unknown
        ]
    return [f"{file}: {error.json_path}: expected {expected}; got {_short(error.instance)}"]


def _unstorable(file: str, path: str, value: object) -> Iterator[str]:
    """Yield a problem for each text that is no text: JSON can write half of a character."""
    if isinstance(value, str):
        if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value):
            yield f"{file}: {path}: expected text; got {_short(ascii(value))}"
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unstorable(file, f"{path}[{index}]", each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _unstorable(file, f"{path}.{name}", each)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _DoubleKey(ValueError):
    """An object has a key twice: one of the two values would be lost."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _DoubleKey(repr(name))
        made[name] = value
    return made


def _doubled_ids(file: str, ids: list[str]) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for index, each in enumerate(ids):
        if each in first:
            problems.append(
                f"{file}: $.cards[{index}].id: expected an id of its own; "
                f"$.cards[{first[each]}] has {each!r} too"
            )
        first.setdefault(each, index)
    return problems[:MAXIMUM_PROBLEMS]


def _from_columns(file: str, text: str) -> Deck:
    """Read a question and an answer from each row.

    The columns are apart by a tab, or, in a `.csv` file without tabs, by a comma or semicolon.
    A cell in double quotes may have line breaks. Empty rows and rows that begin with `#` are left
    out.
    """
    delimiter = _delimiter(file, text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cards: list[DeckCard] = []
    problems: list[str] = []
    lines: dict[str, int] = {}
    name = "a tab" if delimiter == "\t" else repr(delimiter)
    try:
        for row in rows:
            line = rows.line_num
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if len(cells) != 2:
                problems.append(
                    f"{file}:{line}: expected a question and an answer with {name} between; "
                    f"got {len(cells)} {'column' if len(cells) == 1 else 'columns'}"
                )
            elif not all(cells):
                missing = "answer" if cells[0] else "question"
                problems.append(
                    f"{file}:{line}: expected a question and an answer; the {missing} is empty"
                )
            elif not cards and not lines and (cells[0].lower(), cells[1].lower()) in HEADINGS:
                continue
            elif cells[0] in lines:
                problems.append(
                    f"{file}:{line}: expected a question of its own; line {lines[cells[0]]} "
                    "has the same"
                )
            elif max(map(len, cells)) > 20_000:
                problems.append(f"{file}:{line}: expected at most 20000 characters in a column")
            else:
                lines[cells[0]] = line
                key = hashlib.sha256(cells[0].encode()).hexdigest()[:16]
                cards.append(DeckCard(key, cells[0], cells[1]))
    except csv.Error as error:
        problems.append(f"{file}:{rows.line_num}: expected two columns: {error}")
    if not cards and not problems:
        problems.append(f"{file}: expected a question and an answer in at least one row")
    if problems:
        raise DeckError(problems[:MAXIMUM_PROBLEMS])
    return Deck(Path(file).stem, "", tuple(cards))


def _delimiter(file: str, text: str) -> str:
    if not file.lower().endswith(".csv") or "\t" in text:
        return "\t"
    first = next((line for line in text.splitlines() if line.strip()), "")
    return ";" if ";" in first and "," not in first else ","
