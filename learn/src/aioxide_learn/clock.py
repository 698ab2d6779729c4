"""The learner's day: it begins at four in the morning, where the learner is.

Times are milliseconds since 1970 in UTC; a day is the ordinal of its date.
"""

import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

BEGINS = timedelta(hours=4)


def now() -> int:
    """Return the present time."""
    return time.time_ns() // 1_000_000


def day_of(at: int) -> int:
    """Return the day that a time belongs to."""
    return (datetime.fromtimestamp(at / 1000) - BEGINS).date().toordinal()


def beginning_of(day: int) -> int:
    """Return the time at which a day begins."""
    midnight = datetime.combine(date.fromordinal(day), time_of_day())
    return int((midnight + BEGINS).timestamp() * 1000)
