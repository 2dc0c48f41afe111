"""Any text can be kept of what is refused."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headline.sources.names import storable


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=20))
def test_any_text_can_be_stored(text: str) -> None:
    stored = storable(text)
    stored.encode()
    assert "\0" not in stored
    assert stored == text or "\ufffd" in stored


def test_half_a_pair_is_replaced_and_a_whole_one_stays() -> None:
    assert storable("a\ud83d b \ud83d\ude00 c\0") == "a\ufffd b \U0001f600 c\ufffd"
