"""One sample: one row with one client, in this process, printed as JSON.

``run.py`` of the benchmark starts it anew for every sample.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import loops

from http_clients import clients, rows
from http_clients.servers import client_core


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description="Take one sample and print it as JSON.")
    parser.add_argument("row", type=rows.find, help="the row's name")
    parser.add_argument("client", help="the client's name, or the loop's")
    parser.add_argument("--quick", action="store_true", help="shorter and noisier")
    options = parser.parse_args()
    if options.row.has_loops:
        loops.put_in_place(options.client)
        os.sched_setaffinity(0, {client_core()})
        measured = options.row.measure(options.client, options.quick)
    else:
        client = clients.find(options.client)
        import aioxide

        # An application is another process, which is told by itself.
        if client.is_accelerated:
            aioxide.install(http=True)
        else:
            aioxide.install()
        measured = options.row.measure(client, options.quick)
    print(json.dumps({"value": measured.value, **measured.details}))


if __name__ == "__main__":
    main()
