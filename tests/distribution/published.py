"""Where the checkout is, and where what is published lies."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent

#: The folder with wheels and the source distribution, if their tests are wanted.
DIST = os.environ.get("AIOXIDE_DIST")
