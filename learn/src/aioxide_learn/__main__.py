"""``python -m aioxide_learn``: see :mod:`aioxide_learn.cli`."""

import sys

from aioxide_learn.cli import main

if __name__ == "__main__":
    sys.exit(main())
