"""The results as a picture: how many times as good as uvloop, row by row."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from results import Results, columns
from rows import Limit, Row

PEER = "uvloop"

#: Distinguishable with every kind of colour vision, and on dark pages.
COLOURS = {
    "asyncio": "#9aa5b1",
    "rloop": "#e6a23c",
    "aioxide": "#c8452b",
    "floor": "#4a90c2",
}
LABELS = {"floor": "floor (epoll, no Python)"}


def is_possible() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def comparable_rows(results: Results) -> tuple[Row, ...]:
    """Rows whose numbers can be compared with uvloop's."""
    return tuple(
        row
        for row in results.rows
        if results.median(row, PEER) is not None
        and not any(isinstance(target, Limit) for target in row.targets)
    )


def draw(results: Results, facts_line: str, directory: Path, name: str = "chart") -> bool:
    """Writes ``NAME.png`` and ``NAME.svg``; false if there is nothing to compare."""
    rows = comparable_rows(results)
    loops = [loop for loop in columns(results) if loop != PEER]
    if not rows or not loops:
        return False

    import matplotlib

    matplotlib.use("Agg")
    # The same results give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "aioxide"
    import matplotlib.pyplot as plt

    thickness = 0.8 / len(loops)
    height = 1.2 + 0.085 * len(rows) * (len(loops) + 1)
    figure, axes = plt.subplots(figsize=(9, height))
    for place, loop in enumerate(loops):
        bars = [
            (index + (place - (len(loops) - 1) / 2) * thickness, ratio)
            for index, row in enumerate(rows)
            if (ratio := results.ratio(row, loop, PEER)) is not None
        ]
        if not bars:
            continue
        heights = [height for height, _ in bars]
        # On a logarithmic axis a bar from 1 shows both directions alike.
        axes.barh(
            heights,
            [ratio - 1 for _, ratio in bars],
            left=1,
            height=thickness,
            color=COLOURS[loop],
            label=LABELS.get(loop, loop),
        )
        for height, ratio in bars:
            axes.annotate(
                f"{ratio:.2f}" if ratio < 1 else f"{ratio:.1f}",
                (ratio, height),
                xytext=(3 if ratio >= 1 else -3, 0),
                textcoords="offset points",
                ha="left" if ratio >= 1 else "right",
                va="center",
                fontsize=6,
                color="#444444",
            )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} ×")
    axes.margins(x=0.08)
    axes.axvline(1, color="#444444", linewidth=1)
    axes.set_yticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    figure.text(
        0.01, 0.99, f"Times as good as {PEER} (to the right is better)", fontsize=11, va="top"
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="upper right", ncols=len(loops), fontsize=8, frameon=False)
    figure.text(0.01, 0.005, facts_line, fontsize=6, color="#666666")
    figure.tight_layout(rect=(0, 0.2 / height, 1, 1 - 0.35 / height))
    figure.savefig(directory / f"{name}.png", dpi=160, facecolor="white")
    figure.savefig(directory / f"{name}.svg", facecolor="white", metadata={"Date": None})
    plt.close(figure)
    return True
