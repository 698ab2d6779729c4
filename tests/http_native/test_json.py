"""The native parser of JSON: the same objects as `json.loads`, or none."""

import json
import math
import os
import random

import pytest
from aioxide._aioxide import parse_json

pytestmark = pytest.mark.skipif(
    os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio", reason="aioxide only"
)

LEFT = object()

#: What is parsed natively.
TAKEN = [
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1E5",
    "0.1e-5",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "2.2250738585072011e-308",
    "123456789012345678901234567890.5",
    "9223372036854775807",
    "-9223372036854775808",
    " [1 , 2]\r\n\t",
    "[]",
    "{}",
    "[[[[]]]]",
    '{"a": 1, "b": 2, "a": 3}',
    '{"": 1, "": 2}',
    '[{"name": 1, "nbme": 2}, {"name": 3, "nbme": 4}]',
    '{"%s": 1}' % ("k" * 100),
    "[true, false, null]",
    '"\\ud83d\\ude00 \\u0000 \\/ \\n"',
    '"\u00e9\u20ac\U0001f600\u2028\x7f"',
]

#: What is left to Python, which takes it or has an exception of its own for it.
LEFT_TO_PYTHON = [
    "",
    "  ",
    "01",
    "1.",
    ".5",
    "+1",
    "- 1",
    "1 2",
    "NaN",
    "-Infinity",
    "tru",
    "[1,]",
    '{"a": 1,}',
    "{1: 2}",
    "'a'",
    '"\x01"',
    '"\\x41"',
    '"open',
    '"\\ud800"',
    "\ufeff1",
    "\x0b1",
    "9223372036854775808",
    "1" * 5000,
    "[" * 100 + "]" * 100,
]


def identical(one, other):
    """Compares with types, order of keys, and the signs of zeros."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(identical, one.values(), other.values()))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


@pytest.mark.parametrize("text", TAKEN)
def test_gives_what_loads_gives(text):
    assert identical(parse_json(text.encode(), LEFT), json.loads(text))


@pytest.mark.parametrize("text", LEFT_TO_PYTHON)
def test_leaves_the_unusual_to_python(text):
    assert parse_json(text.encode(), LEFT) is LEFT


def test_bytes_that_are_no_utf_8_are_left_to_python():
    for document in (b'"\xff"', b'"\xed\xa0\x80"', b"\xff\xfe1\x00", b'{"\xff": 1}'):
        assert parse_json(document, LEFT) is LEFT


def test_random_documents():
    numbers = random.Random(1)

    def text():
        alphabet = 'abk"\\/\n\x00\u00e9\u20ac\U0001f600'
        return "".join(numbers.choices(alphabet, k=numbers.randrange(12)))

    def value(depth):
        kind = numbers.randrange(8 if depth else 6)
        if kind == 0:
            return numbers.randrange(-(2**63), 2**63)
        if kind == 1:
            return numbers.choice((0, 1, -1, 10, 255))
        if kind == 2:
            return numbers.uniform(-1, 1) * 10.0 ** numbers.randrange(-300, 300)
        if kind == 3:
            return numbers.choice((True, False, None))
        if kind < 6:
            return text()
        count = numbers.randrange(6)
        if kind == 6:
            return [value(depth - 1) for _ in range(count)]
        return {text(): value(depth - 1) for _ in range(count)}

    for number in range(2000):
        document = json.dumps(
            value(4), ensure_ascii=number % 2 == 0, indent=None if number % 3 else 1
        )
        assert identical(parse_json(document.encode(), LEFT), json.loads(document)), document


def test_damaged_documents_give_the_same_or_are_left():
    numbers = random.Random(2)
    sound = json.dumps({"a": [1, 2.5, "x\u00e9", {"b": None}], "c": [True, -3e5]}).encode()
    for _ in range(5000):
        document = bytearray(sound)
        for _ in range(numbers.randrange(1, 3)):
            document[numbers.randrange(len(document))] = numbers.randrange(256)
        found = parse_json(bytes(document), LEFT)
        if found is not LEFT:
            assert identical(found, json.loads(bytes(document).decode())), document


def test_a_key_that_repeats_is_one_object():
    first, second = parse_json(b'[{"name": 1}, {"name": 2}]', LEFT)
    assert next(iter(first)) is next(iter(second))
