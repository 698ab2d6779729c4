"""An httpx2 client that knows nothing of aioxide, run under ``--http``."""

import httpx2
from harness.given import Given

from programs.http_httpx import work


def main(given: Given) -> None:
    given.run(work(given, httpx2))
