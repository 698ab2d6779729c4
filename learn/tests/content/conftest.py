"""The content and the lab checker are tested as they lie in the checkout."""

import importlib.util
import pathlib
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"

if importlib.util.find_spec("aioxide_learn") is None:
    sys.path.insert(0, str(SOURCES))
