"""Labs: exercises that are checked by running them.

``all_labs()`` lists them, ``check()`` runs a learner's file on aioxide in a child process and says
what passed, what did not, and why::

    from aioxide_learn.labs import all_labs, check

    lab = next(lab for lab in all_labs() if lab.name == "retry")
    report = await check(lab, Path("retry/solution.py"))
    print(report.passed, [c.message for c in report.checks])

Nothing here needs the learning application; the child process needs aioxide.
"""

from __future__ import annotations

from .catalogue import Lab, all_labs
from .checking import check
from .report import Check, Finding, Report, Span

__all__ = ("Check", "Finding", "Lab", "Report", "Span", "all_labs", "check")
