"""Decks that are read, refused, brought in again, and written out."""

import csv
import io
import json
import sqlite3
import zipfile

import hypothesis
import jsonschema
import pytest
from aioxide_learn import deck as model
from aioxide_learn.deck import reading, writing
from aioxide_learn.store import cards, decks, reviews
from conftest import NOON, make_deck
from hypothesis import strategies as st

CARD = {"id": "a", "front": "Q?", "back": "A."}


def as_file(**changes):
    return json.dumps({"deck": "D", "cards": [CARD], **changes}).encode()


def problems(file, content):
    with pytest.raises(model.DeckError) as caught:
        reading.read_deck(file, content)
    return caught.value.problems


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(reading.schema_text()))


def test_a_deck_is_read():
    card = {**CARD, "concept_ref": "tasks#gather", "difficulty": 3, "tags": ["x", "y"]}
    deck = reading.read_deck("d.json", as_file(description="About.", cards=[card]))
    assert deck == model.Deck(
        "D", "About.", (model.DeckCard("a", "Q?", "A.", "tasks#gather", 3, ("x", "y")),)
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "d.json:1:2: expected JSON: Expecting property name enclosed in double quotes"),
        (b"\xff", "d.json: expected UTF-8, got other bytes at 0"),
        (b"[]", 'd.json: $: expected an object with "deck" and "cards"; got []'),
        (as_file(deck=1),
         "d.json: $.deck: expected the name of the deck, 1 to 200 characters; got 1"),
        (as_file(cards=[]), "d.json: $.cards: expected a list of 1 to 100000 cards; got []"),
        (as_file(card=1), "d.json: $: expected no other properties than deck, description, cards;"
         " got 'card'"),
        (as_file(cards=[CARD, {"id": "b", "front": "Q"}]),
         'd.json: $.cards[1]: expected an object with "id", "front" and "back";'
         " 'back' is missing"),
        (as_file(cards=[{**CARD, "difficulty": 4}]),
         "d.json: $.cards[0].difficulty: expected 1 (easy), 2 or 3 (hard); got 4"),
        (as_file(cards=[{**CARD, "tags": ["a b"]}]),
         "d.json: $.cards[0].tags[0]: expected a word of 1 to 60 characters without blanks;"
         ' got "a b"'),
        (as_file(cards=[{**CARD, "front": " "}]),
         "d.json: $.cards[0].front: expected the question, in Markdown, 1 to 20000 characters;"
         ' got " "'),
        (as_file(cards=[CARD, CARD]),
         "d.json: $.cards[1].id: expected an id of its own; $.cards[0] has 'a' too"),
        (b'{"deck": "D", "deck": "E", "cards": []}',
         "d.json: expected each key once in an object, got 'deck' twice"),
        (as_file(cards=[{**CARD, "front": "\ud800"}]),
         "d.json: $.cards[0].front: expected text; got \"'\\\\ud800'\""),
        (b'{"deck": ' + b"1" * 5000 + b"}",
         "d.json: expected a deck: Exceeds the limit (4300 digits) for integer string conversion: "
         "value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit"),
        (b"[" * 100_000, "d.json: expected a deck, got JSON that is nested too deeply"),
    ],
)  # fmt: skip
def test_a_wrong_deck_is_refused_with_file_path_and_what_was_expected(content, problem):
    assert problems("d.json", content) == [problem]


def test_all_problems_of_a_file_are_listed_up_to_a_number():
    wrong = as_file(cards=[{**CARD, "id": str(index), "difficulty": 9} for index in range(50)])
    found = problems("d.json", wrong)
    assert len(found) == 21 and found[-1] == "d.json: more problems are not listed"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("d.txt", "What is a task?\tA coroutine that the loop runs.\n\n# a remark\nQ2\tA2\n"),
        ("d.csv", "question,answer\nWhat is a task?,A coroutine that the loop runs.\nQ2,A2\n"),
        ("d.csv", "Front;Back\nWhat is a task?;A coroutine that the loop runs.\nQ2;A2\n"),
        ("d.tsv", '"What is a task?"\tA coroutine that the loop runs.\nQ2\tA2'),
    ],
)
def test_text_of_two_columns_is_a_deck(file, text):
    deck = reading.read_deck(file, text.encode())
    assert deck.name == "d"
    assert [(card.front, card.back) for card in deck.cards] == [
        ("What is a task?", "A coroutine that the loop runs."),
        ("Q2", "A2"),
    ]


def test_a_cell_in_quotes_may_have_line_breaks():
    deck = reading.read_deck("d.csv", b'"What does\nthis print?","```\n1\n```"\n')
    assert deck.cards[0].front == "What does\nthis print?"


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("d.txt", "Q1\tA1\nQ2\n", "d.txt:2: expected a question and an answer with a tab between;"
         " got 1 column"),
        ("d.csv", "Q1,A1,x\n", "d.csv:1: expected a question and an answer with ',' between;"
         " got 3 columns"),
        ("d.txt", "Q1\t \n", "d.txt:1: expected a question and an answer; the answer is empty"),
        ("d.txt", "Q1\tA\nQ1\tB\n", "d.txt:2: expected a question of its own; line 1 has the same"),
        ("d.txt", "\n", "d.txt: expected a question and an answer in at least one row"),
        ("d.txt", "Q\0\tA", "d.txt: expected text, got a zero byte"),
        ("d.pdf", "x", "d.pdf: expected a file that ends in .json, .csv, .tsv, .txt"),
    ],
)  # fmt: skip
def test_wrong_text_is_refused_with_its_line(file, text, problem):
    assert problems(file, text.encode()) == [problem]


@hypothesis.settings(deadline=None, max_examples=300)
@hypothesis.given(
    file=st.sampled_from(["d.json", "d.csv", "d.tsv", "d.txt", "d"]),
    content=st.binary(max_size=200)
    | st.text(alphabet='"\t\n,;{}[]:a1\\', max_size=200).map(str.encode),
)
def test_any_file_is_a_deck_or_a_list_of_problems_that_name_it(file, content):
    try:
        deck = reading.read_deck(file, content)
    except model.DeckError as error:
        assert error.problems and all(each.startswith(file) for each in error.problems)
    else:
        assert deck.cards and len({card.id for card in deck.cards}) == len(deck.cards)


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["deck", "cards", "id", "front", "back", "tags", "difficulty", "x"]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=30,
    )
)
def test_any_json_is_a_deck_or_a_list_of_problems(value):
    try:
        deck = reading.read_deck("d.json", json.dumps(value).encode())
    except model.DeckError as error:
        assert all(each.startswith("d.json: ") for each in error.problems)
    else:
        assert reading.read_deck("d.json", writing.as_json(deck)) == deck


def test_an_id_of_a_question_stays_when_its_answer_changes():
    ids = [reading.read_deck("d.txt", f"Q\t{back}".encode()).cards[0].id for back in ("A", "B")]
    assert ids[0] == ids[1]


def test_a_folder_is_read_whole_or_not_at_all(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.json").write_bytes(as_file())
    (tmp_path / "sub" / "b.txt").write_text("Q\tA")
    (tmp_path / "readme.md").write_text("no deck")
    assert [deck.name for deck in reading.read_paths([tmp_path])] == ["D", "b"]
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(model.DeckError, match=r"c\.json: \$: expected"):
        reading.read_paths([tmp_path])


@pytest.mark.parametrize("name", ["missing.json", "empty"])
def test_a_path_without_a_deck_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(model.DeckError, match=name):
        reading.read_paths([tmp_path / name])


def test_two_files_of_the_same_deck_are_refused():
    with pytest.raises(model.DeckError, match=r"b.json: .* a.json has the name 'D' too"):
        reading.read_contents([("a.json", as_file()), ("b.json", as_file())])


def test_a_changed_deck_keeps_the_progress_of_its_cards(filled):
    card, _ = filled.read(reviews.next_card, cards.Filter(), NOON)
    filled.write(reviews.answer, card.id, card.version, 5, NOON, NOON)
    memory = filled.read(cards.get, card.id).memory
    old = make_deck()
    changed = model.Deck(
        old.name,
        "New words.",
        (
            model.DeckCard("new", "N?", "N."),
            old.cards[1],
            model.DeckCard("c0", "Reworded?", "Answer 0.", tags=("other",)),
        ),
    )
    (done,) = filled.write(decks.bring_in, [changed])
    assert done == decks.Imported("Tasks", added=1, changed=1, same=1, back=0, retired=1)
    kept = filled.read(cards.get, card.id)
    assert (kept.front, kept.tags, kept.memory) == ("Reworded?", ("other",), memory)
    assert [each.key for each in filled.read(cards.find, cards.Filter())[0]] == ["new", "c1", "c0"]
    (done,) = filled.write(decks.bring_in, [old])
    assert (done.back, done.retired) == (1, 1)


def test_a_deck_that_was_removed_comes_back_with_its_progress(filled):
    card, _ = filled.read(reviews.next_card, cards.Filter(), NOON)
    filled.write(reviews.answer, card.id, card.version, 5, NOON, NOON)
    assert filled.write(decks.remove, 1) == "Tasks"
    assert filled.read(decks.summaries) == []
    assert filled.read(reviews.next_card, cards.Filter(), NOON) is None
    filled.write(decks.bring_in, [make_deck()])
    assert filled.read(cards.get, card.id).memory.answers == 1
    assert filled.read(decks.summaries)[0].new == 2


def test_json_that_was_exported_is_read_as_the_same_deck(filled):
    deck = filled.read(decks.read, 1)
    assert reading.read_deck("x.json", writing.as_json(deck)) == deck == make_deck()


def test_csv_has_every_card(filled):
    rows = list(csv.reader(io.StringIO(writing.as_csv(filled.read(decks.read, 1)).decode())))
    assert rows[0] == ["id", "front", "back", "concept_ref", "difficulty", "tags"]
    assert rows[2] == ["c1", "Question 1?", "Answer 1.", "tasks#gather", "2", "tasks t1"]


def test_anki_gets_a_package_whose_notes_keep_their_identity(filled, tmp_path):
    deck = filled.read(decks.read, 1)

    def notes():
        with zipfile.ZipFile(io.BytesIO(writing.as_anki(deck))) as package:
            package.extract("collection.anki2", tmp_path)
        connection = sqlite3.connect(tmp_path / "collection.anki2")
        rows = connection.execute("SELECT guid, flds, tags FROM notes ORDER BY id").fetchall()
        connection.close()
        return rows

    first = notes()
    assert first[0][1].split("\x1f") == ["<p>Question 0?</p>\n", "<p>Answer 0.</p>\n", "c0"]
    assert first[0][2].split() == ["tasks", "t0"]
    assert notes() == first
