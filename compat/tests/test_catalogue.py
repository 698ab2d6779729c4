"""The list of programs agrees with the files."""

import re
from pathlib import Path

import pytest
from harness import catalogue

COMPAT = Path(__file__).resolve().parent.parent
REQUIREMENTS = COMPAT.parent / "requirements"


def listed(file):
    lines = (REQUIREMENTS / file).read_text().splitlines()
    names = [re.split("[=;]", line)[0].lower() for line in lines if line and line[0] != "#"]
    return {re.sub("[-_.]+", "-", name) for name in names}


@pytest.mark.parametrize("program", catalogue.PROGRAMS, ids=lambda program: program.name)
def test_each_program_has_a_module_with_a_main_function(program):
    source = (COMPAT / "programs" / f"{program.name}.py").read_text()
    assert "\ndef main(given: Given) -> None:" in source


@pytest.mark.parametrize(
    ("environment", "constraints"),
    [
        (catalogue.TOGETHER, "constraints.txt"),
        (catalogue.APART, f"{catalogue.APART}-constraints.txt"),
    ],
)
def test_each_distribution_is_required_and_has_its_version(environment, constraints):
    programs = [it for it in catalogue.PROGRAMS if it.environment == environment]
    needed = {name for program in programs for name in program.distributions}
    assert {re.sub("[-_.]+", "-", name) for name in needed} <= listed(f"{environment}.txt")
    assert listed(f"{environment}.txt") <= listed(constraints)


def test_programs_are_chosen_by_name_in_the_order_of_the_list():
    names = [program.name for program in catalogue.chosen(["redis", "aiohttp"])]
    assert names == ["aiohttp", "redis"]
    assert catalogue.chosen([]) == list(catalogue.PROGRAMS)


def test_the_short_form_leaves_programs_out_unless_they_are_named():
    assert {it.name for it in catalogue.chosen([], quick=True)} < {
        it.name for it in catalogue.PROGRAMS
    }
    assert [it.name for it in catalogue.chosen(["scrapy"], quick=True)] == ["scrapy"]


def test_an_unknown_program_is_named():
    with pytest.raises(ValueError, match="no program 'nothing'; there are aiofiles, "):
        catalogue.chosen(["nothing"])
