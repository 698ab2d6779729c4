"""The certificates of one test run, and the SSL contexts made of them."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
NOT_SO_LONG_AGO = datetime.datetime(2001, 12, 31, tzinfo=datetime.UTC)

#: The versions of TLS that a test may be run with.
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files; each but authority holds a private key and its certificate.

    authority: the certificate that clients and servers of the tests trust.
    server: for localhost and 127.0.0.1.
    other_server: for other.example.
    client: for a client called "client@example.org".
    expired: as server, but valid only in 2001.
    unknown: as server, but issued by an authority that nobody trusts.
    self_signed: the certificate of an authority that nobody trusts.
    """

    authority: Path
    server: Path
    other_server: Path
    client: Path
    expired: Path
    unknown: Path
    self_signed: Path

    @classmethod
    def issue(cls, folder):
        """Issue all of them into folder."""
        trusted, untrusted = trustme.CA(), trustme.CA()
        names = ("localhost", "127.0.0.1")
        lifetime = {"not_before": LONG_AGO, "not_after": NOT_SO_LONG_AGO}
        contents = {
            "authority": trusted.cert_pem,
            "server": trusted.issue_cert(*names).private_key_and_cert_chain_pem,
            "other_server": trusted.issue_cert("other.example").private_key_and_cert_chain_pem,
            "client": trusted.issue_cert("client@example.org").private_key_and_cert_chain_pem,
            "expired": trusted.issue_cert(*names, **lifetime).private_key_and_cert_chain_pem,
            "unknown": untrusted.issue_cert(*names).private_key_and_cert_chain_pem,
        }
        paths = {}
        for name, blob in contents.items():
            paths[name] = folder / f"{name}.pem"
            blob.write_to_path(paths[name])
        paths["self_signed"] = folder / "self_signed.pem"
        paths["self_signed"].write_bytes(
            untrusted.private_key_pem.bytes() + untrusted.cert_pem.bytes()
        )
        return cls(**paths)

    def server_context(self, certificate="server", version=None):
        """A context for servers, with one of the certificates.

        version: the only version of TLS that it speaks; all that OpenSSL allows if None.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(getattr(self, certificate))
        return limited(context, version)

    def client_context(self, version=None):
        """A context for clients that trusts the authority and nobody else.

        version: the only version of TLS that it speaks; all that OpenSSL allows if None.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority)
        return limited(context, version)


def limited(context, version):
    """Make context speak one version of TLS only, if version is not None; return it."""
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context
