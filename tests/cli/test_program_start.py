"""What a program finds when it starts: arguments, names, search path, standard input."""

import sys
import zipfile

import pytest

SHOW_START = """
    import sys
    print(sys.argv)
    print(__name__, __file__, __package__, __doc__)
    print(sys.path)
    print(sys.modules["__main__"].__dict__ is globals())
    print(__spec__ and (__spec__.name, __spec__.origin))
    print(sorted(globals()))
"""


def test_script_with_arguments(same, program):
    program(SHOW_START)
    finished = same("app.py", "one", "--two", "-m", "--", "--help")
    assert "['app.py', 'one', '--two', '-m', '--', '--help']" in finished.stdout
    assert "__main__" in finished.stdout


def test_script_in_another_folder(same, program, tmp_path):
    program(SHOW_START, "deep/folder/app.py")
    finished = same("deep/folder/app.py")
    assert str(tmp_path / "deep" / "folder") in finished.stdout


def test_script_by_absolute_path(same, program):
    same(program(SHOW_START))


def test_script_imports_its_neighbours(same, program):
    program("value = 42", "deep/neighbour.py")
    program("import neighbour; print(neighbour.value)", "deep/app.py")
    assert same("deep/app.py").stdout == "42\n"


def test_script_behind_a_symbolic_link(same, program, tmp_path):
    program("value = 42", "real/neighbour.py")
    path = program("import neighbour, sys; print(neighbour.value, sys.path[0])", "real/app.py")
    (tmp_path / "link.py").symlink_to(path)
    same("link.py")


def test_module(same, program):
    program(SHOW_START, "module.py")
    finished = same("-m", "module", "one", "-two")
    assert "'one', '-two'" in finished.stdout


def test_package_with_main(same, program):
    program("print('package imported as', __name__)", "package/__init__.py")
    program(SHOW_START, "package/__main__.py")
    assert "package imported as package" in same("-m", "package", "argument").stdout


def test_module_in_a_package_uses_relative_imports(same, program):
    program("", "package/__init__.py")
    program("value = 42", "package/neighbour.py")
    program(
        """
        from . import neighbour
        from .neighbour import value
        print(neighbour.value, value, __name__, __package__)
        """,
        "package/tool.py",
    )
    assert same("-m", "package.tool").stdout == "42 42 __main__ package\n"


def test_folder_with_main(same, program):
    program("value = 42", "folder/neighbour.py")
    program(
        "import neighbour\nprint(neighbour.value)\n" + SHOW_START.replace("\n    ", "\n"),
        "folder/__main__.py",
    )
    assert same("folder", "argument").stdout.startswith("42\n")


def test_zip_file_with_main(same, tmp_path):
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("neighbour.py", "value = 42")
        archive.writestr("__main__.py", "import sys, neighbour; print(neighbour.value, sys.argv)")
    assert same("app.zip", "argument").stdout == "42 ['app.zip', 'argument']\n"


def test_program_text(same):
    finished = same("-c", "import sys; print(sys.argv, __name__, sys.path[0] == '')", "one", "-x")
    assert finished.stdout == "['-c', 'one', '-x'] __main__ True\n"


def test_standard_input_is_left_to_the_program(same, program):
    program("import sys; print(sys.stdin.readline(), end=''); print(sys.stdin.read(), end='')")
    assert same("app.py", input="first\nsecond\n").stdout == "first\nsecond\n"


def test_program_from_standard_input(same):
    assert same("-", "one", input="import sys\nprint(sys.argv, __name__)\n").stdout == (
        "['-', 'one'] __main__\n"
    )


def test_program_with_encoding_declaration(same, tmp_path):
    (tmp_path / "app.py").write_bytes(b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n")
    assert same("app.py").stdout == "'\\xe9'\n"


def test_future_statements_of_our_modules_do_not_reach_the_program(same, program):
    program("def f(a: undefined_name): pass", "app.py")
    finished = same("app.py")
    # Before lazy annotations (Python 3.14) evaluating this one must fail.
    assert ("NameError" in finished.stderr) == (sys.version_info < (3, 14))


def test_classes_of_the_program_can_be_pickled(same, program):
    program(
        """
        import pickle

        class Thing:
            def __init__(self, value):
                self.value = value

        print(pickle.loads(pickle.dumps(Thing(42))).value)
        """
    )
    assert same("app.py").stdout == "42\n"


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_program_starts_processes_of_itself(same, program, method):
    program(
        f"""
        import multiprocessing

        def double(number):
            return 2 * number

        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print(pool.map(double, [1, 2, 3]))
        """
    )
    assert same("app.py").stdout == "[2, 4, 6]\n"


def test_interpreter_options_apply(launch, program):
    program("import sys; print(sys.flags.dev_mode, sys.flags.optimize)")
    finished = launch("-X", "dev", "-O", "-m", "aioxide", "app.py")
    assert finished.stdout == "True 1\n"
    assert finished.stderr == ""
