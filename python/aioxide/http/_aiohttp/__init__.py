"""The door for aiohttp: its requests over the native client.

========================  =====================================================================
``sessions``              ``ClientSession``; replacing ``aiohttp.ClientSession._request``
``contexts``              what ``async with session.get(...)`` enters
``in_place``              what ``aioxide.install(http=True)`` does to aiohttp
``eligibility``           which calls may run natively
``usual_requests``        the usual request, in as few steps as possible
``traced_requests``       the same when begin and end are traced
``single_calls``          one request in one call of the native pool
``requests``              every other request that runs natively: traces, proxies, redirects
``sending``               one attempt to send a request
``redirects``             where a redirect leads
``uploads``               a request's body, written piece by piece
``heads``                 the head of the usual request
``session_state``         what is kept of a session between requests
``connections``           a connector's native pool, and the limit over both kinds of connection
``responses``             ``aiohttp.ClientResponse`` over the native response
``contents``              ``aiohttp.StreamReader`` over the native response
``failures``              aiohttp's exceptions for the native ones
========================  =====================================================================

aiohttp's own code resolves names, connects, prepares unusual requests, keeps cookies, and
decompresses. What it does is used, not repeated, so its exceptions and traces come from it.
"""
