"""``python -m aioxide``: see :mod:`aioxide.cli`."""

from aioxide.cli import main

main()
