"""Each behaviour on aiohttp as it is, on ``aioxide.http.ClientSession``, and in place."""

import pytest
from tls.certificates import Certificates

pytest.importorskip("aiohttp")

from aioxide.http._aiohttp import sessions  # noqa: E402
from http_aiohttp.sides import NATIVE_SIDES, SIDES, session_class  # noqa: E402


@pytest.fixture(params=SIDES)
def side(request):
    """Whose code runs the requests."""
    yield request.param
    sessions.uninstall()


@pytest.fixture(params=NATIVE_SIDES)
def native_side(request):
    """One of the two ways in which requests run natively."""
    yield request.param
    sessions.uninstall()


@pytest.fixture
def Session(side):
    """The class of sessions on this side."""
    return session_class(side)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))
