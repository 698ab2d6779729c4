"""Cost against size as a picture: a panel for each subject, a line for each loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chart import COLOURS, LABELS, is_possible

if TYPE_CHECKING:
    from growth import Growth

__all__ = ("draw", "is_possible")

STYLES = {
    "uvloop": {"color": "#4b8b5a"},
    "aioxide, collector off": {"color": COLOURS["aioxide"], "linestyle": ":"},
}


def draw(growth: Growth, facts_line: str, directory: Path) -> None:
    """Writes ``growth.png`` and ``growth.svg``."""
    import matplotlib

    matplotlib.use("Agg")
    # The same results give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "aioxide"
    import matplotlib.pyplot as plt

    columns = min(2, len(growth.subjects))
    rows = -(-len(growth.subjects) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(9, 3.1 * rows + 0.6), squeeze=False)
    shown = {}
    for panel, subject in zip(panels.flat, growth.subjects, strict=False):
        for loop in subject.competitors:
            curve = growth.curve(subject, loop)
            style = STYLES.get(loop) or {"color": COLOURS[loop]}
            (shown[loop],) = panel.plot(list(curve), list(curve.values()), marker="o", **style)
        panel.set_xscale("log")
        panel.set_ylim(bottom=0)
        panel.set_xticks(subject.sizes, [f"{size:,}" for size in subject.sizes])
        panel.minorticks_off()
        panel.set_title(subject.title, fontsize=8, loc="left")
        panel.tick_params(labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels.flat[len(growth.subjects) :]:
        panel.set_visible(False)
    figure.text(0.01, 0.985, "Nanoseconds of processor time for one, by how many", va="top")
    figure.legend(
        shown.values(),
        [LABELS.get(loop, loop) for loop in shown],
        loc="lower center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=len(shown),
        fontsize=7,
        frameon=False,
    )
    figure.text(0.01, 0.008, facts_line, fontsize=6, color="#666666")
    figure.tight_layout(rect=(0, 0.06, 1, 0.96))
    figure.savefig(directory / "growth.png", dpi=160, facecolor="white")
    figure.savefig(directory / "growth.svg", facecolor="white", metadata={"Date": None})
    plt.close(figure)
