"""What the tests of the views share: the program, traces for it, and a browser.

``make test-console`` builds the program and the example ``simulate``, and names the browser in
``CHROMIUM``. Screenshots are kept in ``target/views``.
"""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = TARGET / "debug" / "aioxide-console"
SHOTS = TARGET / "views"


def run(*arguments, timeout=60, **options):
    """Run the program; return its finished process."""
    return subprocess.run(
        [PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


@pytest.fixture(scope="session")
def traces(tmp_path_factory):
    """The folder of the simulated traces."""
    folder = tmp_path_factory.mktemp("traces")
    for kind in ("workers", "callbacks", "million", "hostile"):
        simulate = TARGET / "debug" / "examples" / "simulate"
        subprocess.run([simulate, kind, folder / f"{kind}.aiotrace"], check=True, timeout=60)
    return folder


@pytest.fixture(scope="session")
def converted(traces):
    """Convert a simulated trace to an ending, once; return the file."""

    def convert(kind, ending):
        out = traces / f"{kind}{ending}"
        if not out.exists():
            done = run("convert", traces / f"{kind}.aiotrace", out)
            assert done.returncode == 0, done.stderr
        return out

    return convert


@pytest.fixture(scope="session")
def browser():
    """Chromium, driven by playwright."""
    api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CHROMIUM")
    if not path:
        pytest.skip("CHROMIUM names no browser; `make test-console` does")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page whose every error, message and dialog is a failure."""
    heard = []
    opened = browser.new_page(viewport={"width": 1400, "height": 800})
    opened.on("pageerror", lambda error: heard.append(str(error)))
    # Chromium has advice for whoever reads pixels, which only the tests do.
    opened.on(
        "console", lambda said: None if "getImageData" in said.text else heard.append(said.text)
    )
    opened.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
    yield opened
    opened.close()
    assert heard == []


@pytest.fixture
def screenshot(request):
    """Keep a picture of a page."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page):
        page.screenshot(path=SHOTS / f"{request.node.name}.png")

    return keep
