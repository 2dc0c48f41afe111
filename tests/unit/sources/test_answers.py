"""JSON that is read piece by piece says what it says when it is read as a whole."""

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from headline.sources.answers import Answer
from headline.sources.json_text import loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def read(body: bytes, size: int, encoding: str = "utf-8") -> tuple[list[Any], Answer]:
    answer = Answer((body[start : start + size] for start in range(0, len(body), size)), encoding)
    return [element.value for element in answer.elements("data")], answer


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.lists(VALUES, max_size=4),
    st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
    st.integers(1, 9),
    st.sampled_from([None, 1]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]),
)
def test_pieces_of_any_size_make_the_same(
    data: list[Any], more: dict[str, Any], size: int, indent: int | None, encoding: str
) -> None:
    body = json.dumps({**more, "data": data, "next": "x"}, indent=indent, ensure_ascii=False).encode(encoding, "surrogatepass")
    elements, answer = read(body, size)
    whole = loads(body)
    assert elements == whole.pop("data")
    assert answer.members == whole
    assert answer.has_list


@pytest.mark.parametrize(
    "body",
    ["", "{", '{"data": [1, 2', '{"data": [1,]}', '{"data": [1 2]}', '{"a": 1,}', '{"a" 1}', '{1: 2}', '{"a": 1}}', '{"a": tru}',
     '{"data": [1.]}', '{"data": [], "data": []}', '{"a": 1, "a": 2}', "[1", "[]]", "<html>"],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_json_is_told(body: str, size: int) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read(body.encode(), size)


@pytest.mark.parametrize("body", ["[1, 2]", '"data"', "7", '{"data": {"a": 1}}', '{"data": null}', "{}"])
def test_an_answer_without_the_list(body: str) -> None:
    elements, answer = read(body.encode(), 3)
    assert (elements, answer.has_list) == ([], False)


def test_a_number_is_the_text_that_stood_there_wherever_it_was_cut() -> None:
    for size in range(1, 12):
        assert read(b'{"data": [-12.50e+3, 0.10, 7]}', size)[0] == ["-12.50e+3", "0.10", "7"]


def test_bytes_of_another_encoding_are_one_records_fault() -> None:
    answer = Answer(iter([b'{"data": ["a", "\xe4", "b"], "next": null}']))
    assert [element.text.isascii() for element in answer.elements("data")] == [True, False, True]
    assert read("{'data': ['ä']}".replace("'", '"').encode("cp1252"), 4, "cp1252")[0] == ["ä"]


def test_bytes_of_another_encoding_outside_of_the_records_are_the_answers() -> None:
    with pytest.raises(ValueError, match="encoding"):
        read(b'{"data": [], "next": "\xe4"}', 4)
