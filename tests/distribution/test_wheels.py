"""Each wheel in ``AIOXIDE_DIST``: its tags, its size, what is in it and what is not."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from distribution.published import CHECKOUT, DIST

#: Bytes. The HTTP client took 0.5 MB, the recorder and its console 0.4 MB.
LARGEST = 2_200_000
WHEELS = sorted(Path(DIST).glob("aioxide-*.whl"))

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="wheels for Linux")


def output_of(*command):
    # readelf shows what lies behind a name, too: a checksum, which may be any bytes.
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=WHEELS, ids=lambda path: path.name.split("-")[2])
def wheel(request):
    return request.param


@pytest.fixture
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture
def module(wheel, tmp_path):
    """The extension module, taken out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if each.endswith(".so")]
        return Path(archive.extract(name, tmp_path))


@pytest.fixture
def debug_file(module):
    return Path(DIST, "debug", f"{module.name}.debug")


def test_a_wheel_for_this_python_is_there():
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert tag in [path.name.split("-")[2] for path in WHEELS]


def test_size(wheel):
    assert wheel.stat().st_size <= LARGEST


@on_linux
def test_platform_tag_is_what_the_extension_module_needs(wheel):
    assert "manylinux_2_17" in wheel.name
    told = output_of(Path(sys.executable).with_name("auditwheel"), "show", wheel)
    said = re.search(r'platform tag:\s+"manylinux_2_(\d+)_', told)
    assert said, told
    assert int(said[1]) <= 17


def test_contents(names):
    distribution = next(name for name in names if ".dist-info/" in name).partition("/")[0]
    data = distribution.replace(".dist-info", ".data")
    for expected in (
        "aioxide/__init__.py",
        "aioxide/__init__.pyi",
        "aioxide/_aioxide.pyi",
        "aioxide/py.typed",
        "_aioxide_startup.py",
        f"{data}/platlib/aioxide_startup.pth",
        f"{distribution}/licenses/LICENSE-APACHE",
        f"{distribution}/licenses/LICENSE-MIT",
        f"{distribution}/entry_points.txt",
    ):
        assert expected in names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"aioxide", "_aioxide_startup.py", data, distribution}


def test_nothing_tells_where_it_was_built(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            for path in (CHECKOUT, Path.home() / ".cargo"):
                assert str(path).encode() not in content, name


@on_linux
def test_debug_information_is_in_a_file_of_its_own(module, debug_file):
    sections = output_of("readelf", "--sections", "--wide", module)
    assert ".debug_" not in sections
    assert ".symtab" not in sections
    assert ".debug_line" in output_of("readelf", "--sections", "--wide", debug_file)
    link = output_of("readelf", "--string-dump=.gnu_debuglink", module)
    assert debug_file.name in link


@on_linux
def test_debug_information_has_the_build_id_of_the_module(module, debug_file):
    ids = [
        re.search(r"Build ID: (\w{40})", output_of("readelf", "--notes", path))[1]
        for path in (module, debug_file)
    ]
    assert ids[0] == ids[1]


@on_linux
def test_debug_information_names_lines_of_the_source(module, debug_file):
    symbols = output_of("nm", debug_file)
    address = re.search(r"^(\w+) T PyInit__aioxide$", symbols, re.MULTILINE)[1]
    told = output_of("addr2line", "--functions", "--exe", debug_file, address)
    assert told.splitlines()[0] == "PyInit__aioxide"
    assert re.search(r"\.rs:\d+", told), told
