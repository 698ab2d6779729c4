"""The certificate of the servers that speak TLS, issued for one sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Paths of two PEM files."""

    #: The server's private key and its certificate, for 127.0.0.1.
    server: str
    #: Who issued it: what the load generator is to believe.
    authority: str


@contextmanager
def certificate() -> Iterator[Certificate]:
    """Issues a certificate that is gone afterwards.

    Raises:
        ModuleNotFoundError: trustme is not installed.
    """
    import trustme

    issuer = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        made = Certificate(str(Path(folder, "server.pem")), str(Path(folder, "authority.pem")))
        leaf = issuer.issue_cert("127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(made.server)
        issuer.cert_pem.write_to_path(made.authority)
        yield made
