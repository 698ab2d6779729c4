"""Do cards, chapters, labs and plans refer to what is there?"""

import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from importlib import resources

import pytest
from content import blocks

CHAPTERS = {file.stem.partition("_")[2]: file for file in blocks.CHAPTERS}
CODE = re.compile(r"^(```+).*?^\1\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
PLACES = [*blocks.CHAPTERS, *blocks.DAYS, *(lab / "README.md" for lab in blocks.LABS)]
#: What every chapter has, in this order.
SECTIONS = (
    "mental-model",
    *("pitfalls", "checklist", "interview-questions", "practice", "read-on"),
)


def headings_of(file):
    """The ids of a file's headings, named as GitHub names them, from top to bottom."""
    text = CODE.sub(lambda match: match[0] if "\n" not in match[0] else "", file.read_text("utf-8"))
    titles = re.findall(r"^#{1,4} (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles]


def test_there_are_eight_chapters_and_as_many_days():
    assert [file.name[:2] for file in blocks.CHAPTERS] == [f"{n:02}" for n in range(1, 9)]
    assert [file.name[:1] for file in blocks.DAYS] == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize("chapter", blocks.CHAPTERS, ids=lambda file: file.stem)
def test_chapter_has_its_sections(chapter):
    headings = headings_of(chapter)
    assert len(headings) == len(set(headings)), "two headings have the same id"
    assert [one for one in headings if one in SECTIONS] == list(SECTIONS)
    text = chapter.read_text("utf-8")
    model = text.partition("## Mental model\n")[2].partition("\n## ")[0]
    assert 8 <= len(re.findall(r"[.?!](?=\s)", model)) <= 14, "about ten sentences"
    assert text.count("\n- I can ") >= 5
    assert len(re.findall(r"^\*\*.+\?\*\*$", text, re.MULTILINE)) >= 5
    assert "https://docs.python.org/3/" in text


@pytest.mark.parametrize("place", PLACES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_links_lead_somewhere(place):
    for picture, target in LINK.findall(CODE.sub("", place.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = place.parent / path if path else place
        assert file.exists(), target
        assert not anchor or anchor in headings_of(file), target
        assert not picture or ElementTree.parse(file).getroot().tag.endswith("svg")


def test_links_to_the_documentation_name_known_pages():
    pages = {
        *("asyncio", "asyncio-dev", "asyncio-eventloop", "asyncio-exceptions", "asyncio-future"),
        *("asyncio-queue", "asyncio-runner", "asyncio-stream", "asyncio-sync", "asyncio-task"),
        *("concurrency", "concurrent.futures", "contextlib"),
    }
    for chapter in blocks.CHAPTERS:
        links = re.findall(r"docs\.python\.org/3/library/([\w.-]+)\.html", chapter.read_text())
        assert set(links) <= pages


def test_every_picture_is_of_a_program_and_shown():
    text = "".join(chapter.read_text("utf-8") for chapter in blocks.CHAPTERS)
    pictures = sorted((blocks.CONTENT / "pictures").glob("*.py"))
    assert pictures
    for program in pictures:
        root = ElementTree.parse(program.with_suffix(".svg")).getroot()
        title = root.find("{http://www.w3.org/2000/svg}title").text
        assert program.read_text("utf-8").startswith(f'"""{title}.')
        assert f"](../pictures/{program.stem}.svg)" in text


def test_labs_belong_to_chapters_and_chapters_name_their_labs():
    assert len(blocks.LABS) == 14
    text = {slug: file.read_text("utf-8") for slug, file in CHAPTERS.items()}
    for lab in blocks.LABS:
        options = tomllib.loads((lab / "lab.toml").read_text())
        assert f"`{lab.name}`" in text[options["chapter"]], lab.name


def test_cards_refer_to_headings():
    headings = {slug: set(headings_of(file)) for slug, file in CHAPTERS.items()}
    for file, card in blocks.cards():
        slug, _, heading = card["concept_ref"].partition("#")
        assert heading in headings.get(slug, ()), f"{file.name}: {card['id']}"


def test_there_are_cards_for_every_chapter_and_of_every_kind():
    cards = [card for _, card in blocks.cards()]
    assert len(cards) >= 120
    for slug in CHAPTERS:
        assert sum(card["concept_ref"].startswith(f"{slug}#") for card in cards) >= 10, slug
    for kind in ("definition", "difference", "output", "mistake"):
        assert sum(kind in card["tags"] for card in cards) >= 15, kind
    assert {card["difficulty"] for card in cards} == {1, 2, 3}


def test_cards_are_unique():
    cards = [card for _, card in blocks.cards()]
    assert len({card["id"] for card in cards}) == len(cards)
    assert len({card["front"] for card in cards}) == len(cards)


@pytest.mark.parametrize("deck", blocks.DECKS, ids=lambda file: file.stem)
def test_deck_has_the_form_of_a_deck(deck):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(resources.files("aioxide_learn.deck").joinpath("schema.json").read_text())
    jsonschema.validate(json.loads(deck.read_text("utf-8")), schema)


@pytest.mark.parametrize("day", blocks.DAYS, ids=lambda file: file.stem)
def test_day_has_goals_reading_steps_and_deliverables(day):
    text = day.read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles == ["Goals", "Reading", "Hands-on", "Deliverables"]
    deliverables = text.partition("## Deliverables\n")[2]
    assert deliverables.count("\n- [ ] ") >= 3
    labs = re.findall(r"lab start ([\w-]+)", text)
    assert set(labs) <= {lab.name for lab in blocks.LABS}
