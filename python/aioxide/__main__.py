"""``python -m aioxide``: see :mod:`aioxide.cli`."""

from aioxide.cli import main

if __name__ == "__main__":
    main()
