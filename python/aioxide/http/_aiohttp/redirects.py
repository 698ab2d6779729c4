"""Where a redirect leads."""

from __future__ import annotations

from aiohttp.client import (
    HTTP_AND_EMPTY_SCHEMA_SET,
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
    _has_no_authority,
)
from yarl import URL

__all__ = ("REDIRECTS", "next_url")

#: The statuses that redirect.
REDIRECTS = frozenset((301, 302, 303, 307, 308))


def next_url(url: URL, location: str, requote: bool) -> URL:
    """Return the absolute URL of a `Location`, or raise aiohttp's exception.

    Arguments:
        url: of the response that redirects.
        location: what it says.
        requote: whether to quote it anew.
    """
    try:
        target = URL(location, encoded=not requote)
    except ValueError as error:
        raise InvalidUrlRedirectClientError(
            location, "Server attempted redirecting to a location that does not look like a URL"
        ) from error
    scheme = target.scheme
    if scheme not in HTTP_AND_EMPTY_SCHEMA_SET:
        raise NonHttpUrlRedirectClientError(location)
    if not scheme or (scheme == url.scheme and _has_no_authority(location, scheme)):
        target = url.join(target)
    try:
        target.origin()
    except ValueError as error:
        raise InvalidUrlRedirectClientError(target, "Invalid redirect URL origin") from error
    return target
