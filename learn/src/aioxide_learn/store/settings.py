"""What the learner has set: limits a day, the target of retention, and how the pages look."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from aioxide_learn.scheduling import Schedule


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, with the values that a new file has.

    Attributes:
        new_limit: new cards a day; 0 for none.
        review_limit: reviews of known cards a day; 0 for none.
        retention: the share of answers that are to be recalled, in percent, 70 to 99.
        maximum_days: the longest interval, 1 to 36500.
    """

    new_limit: int = 20
    review_limit: int = 200
    retention: int = 90
    maximum_days: int = 3650


#: The least and the greatest value of each.
RANGES = {
    "new_limit": (0, 9999),
    "review_limit": (0, 9999),
    "retention": (70, 99),
    "maximum_days": (1, 36_500),
}


#: How the pages look: as the system does, or one of the two whatever the system does.
THEMES = ("system", "light", "dark")


class SettingError(ValueError):
    """A setting is not a number in its range; the message says which and what is."""


def load(connection: sqlite3.Connection) -> Settings:
    """Return the settings."""
    names = {each.name for each in fields(Settings)}
    rows = connection.execute("SELECT name, value FROM setting").fetchall()
    return Settings(**{name: int(value) for name, value in rows if name in names})


def save(connection: sqlite3.Connection, values: dict[str, str]) -> Settings:
    """Change settings, given as text; return all of them.

    Raises:
        SettingError: a name or a value is wrong. Nothing is changed then.
    """
    for name, text in values.items():
        if name not in RANGES:
            raise SettingError(f"there is no setting {name!r}; there are {', '.join(RANGES)}")
        low, high = RANGES[name]
        if not (text.strip().isascii() and text.strip().isdigit()):
            raise SettingError(f"{name} must be a whole number, got {text!r}")
        if not low <= int(text) <= high:
            raise SettingError(f"{name} must be {low} to {high}, got {int(text)}")
    for name, text in values.items():
        put(connection, name, str(int(text)))
    return load(connection)


def schedule(connection: sqlite3.Connection) -> Schedule:
    """Return the schedule that the settings ask for."""
    settings = load(connection)
    return Schedule(settings.retention / 100, settings.maximum_days)


def theme(connection: sqlite3.Connection) -> str:
    """Return how the pages look, one of `THEMES`."""
    kept = get(connection, "theme")
    return kept if kept in THEMES else THEMES[0]


def save_theme(connection: sqlite3.Connection, name: str) -> str:
    """Keep how the pages look, and return it.

    Raises:
        SettingError: there is no such theme.
    """
    if name not in THEMES:
        raise SettingError(f"a theme is one of {', '.join(THEMES)}, got {name!r}")
    put(connection, "theme", name)
    return name


def put(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a value by its name."""
    connection.execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def get(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a value that was kept, or None."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])
