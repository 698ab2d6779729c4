"""``--content-python``: the interpreter that runs the programs of the content."""


def pytest_addoption(parser):
    parser.addoption(
        "--content-python",
        metavar="PYTHON",
        help="run the programs of the course with this interpreter, which has aioxide",
    )
