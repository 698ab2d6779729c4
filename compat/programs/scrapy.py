"""Scrapy by its own command and from a script, on Twisted's reactor for asyncio."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.given import Given
from harness.serving import ended, running

SPIDER = """
import asyncio, sys
import scrapy

class Pages(scrapy.Spider):
    name = "pages"
    custom_settings = {{"TELNETCONSOLE_ENABLED": False, "LOG_LEVEL": "WARNING"}}

    async def start(self):
        yield scrapy.Request("http://127.0.0.1:{port}/0")

    async def parse(self, response):
        await asyncio.sleep(0.01)
        loop = asyncio.get_running_loop()
        yield {{"page": response.css("p::text").get(), "module": type(loop).__module__}}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)
"""

PROCESS = """
if __name__ == "__main__":
    from scrapy.crawler import CrawlerProcess

    process = CrawlerProcess({{"FEEDS": {{sys.argv[1]: {{"format": "json"}}}}}})
    process.crawl(Pages)
    process.start()
"""


class Site(BaseHTTPRequestHandler):
    """Pages of which each leads to the two behind it."""

    pages = 20

    def do_GET(self) -> None:
        number = int(self.path[1:]) if self.path[1:].isdigit() else self.pages
        if number >= self.pages:
            self.send_error(404)
            return
        links = "".join(f"<a href='/{2 * number + more}'>more</a>" for more in (1, 2))
        body = f"<html><p>{number}</p>{links}</html>".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def main(given: Given) -> None:
    with site() as port:
        script = given.folder / "spider.py"
        script.write_text((SPIDER + PROCESS).format(port=port))
        output = given.folder / "pages.json"
        with running(given, "-m", "scrapy", "runspider", str(script), "-o", str(output)) as process:
            ended(process)
        check_pages(given, json.loads(output.read_text()))
        given.did("scrapy runspider")
        output = given.folder / "again.json"
        with running(given, str(script), str(output)) as process:
            ended(process)
        check_pages(given, json.loads(output.read_text()))
        given.did("CrawlerProcess in a script")


def check_pages(given: Given, items: list[dict[str, str]]) -> None:
    assert sorted(int(item["page"]) for item in items) == list(range(Site.pages)), items
    for item in items:
        given.check_server_loop(item["module"])


@contextmanager
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
