"""An answer in JSON that holds a list of records, read piece by piece: memory holds a record, however long the list is."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from headline.sources.json_text import raw_decode
from headline.sources.storage import LONGEST_RECORD
from headline.sources.text import is_text

_BLANKS = re.compile(r"[ \t\n\r]*")
_AFTER_A_VALUE = frozenset(",]}: \t\n\r")


class TooLongError(Exception):
    """A value is longer than a record may be, or its end is lost."""


class Element(NamedTuple):
    """A value and its original text."""

    value: Any
    text: str


class Answer:
    """The object that an answer is. `members`: all of it but the list of records, once that has been read to its end.

    `has_list`: whether the member that was asked for is there, and a list.
    """

    def __init__(self, pieces: Iterator[bytes], encoding: str = "utf-8") -> None:
        self.members: dict[str, Any] = {}
        self.has_list = False
        self._text = _Text(_decoded(pieces, encoding))

    @property
    def beginning(self) -> str:
        """What the answer begins with, for a message."""
        return self._text.beginning

    def elements(self, name: str) -> Iterator[Element]:
        """The elements of the list under this name, as they come.

        Raises ValueError where the answer is no JSON or has a member twice, TooLongError where it holds more than a record.
        """
        text = self._text
        if text.sign() != "{":
            text.value()
        else:
            text.take("{")
            while not text.skips("}"):
                if self.members or self.has_list:
                    text.take(",")
                if text.sign() != '"':
                    raise ValueError(f"{text.sign() or 'its end'} found where a name is expected")
                member = text.legible()
                text.take(":")
                if member in self.members or (member == name and self.has_list):
                    raise ValueError(f"the member {member!r:.40} is duplicated")
                if member == name and text.sign() == "[":
                    self.has_list = True
                    yield from text.elements()
                else:
                    self.members[member] = text.legible()
        if text.sign():
            raise ValueError("something follows its end")


class _Text:
    """Text that comes in pieces, and the place up to which it has been read."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self.beginning = ""

    def sign(self) -> str:
        """The next sign that is no blank; an empty text at the end."""
        while True:
            found = _BLANKS.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> None:
        """Skip a sign; raises ValueError if another sign is found."""
        if not self.skips(wanted):
            raise ValueError(f"{self.sign() or 'its end'} found where {wanted} is expected")

    def skips(self, wanted: str) -> bool:
        """Whether a sign comes next; if so, go behind it."""
        if self.sign() != wanted:
            return False
        self._at += 1
        return True

    def elements(self) -> Iterator[Element]:
        """The elements of the list that begins here."""
        self.take("[")
        is_first = True
        while not self.skips("]"):
            if not is_first:
                self.take(",")
            is_first = False
            yield self.value()

    def legible(self) -> Any:
        """The next value; raises ValueError where its bytes are no text."""
        value, text = self.value()
        if not is_text(text):
            raise ValueError(f"its bytes are not in the encoding that was agreed: {text!r:.80}")
        return value

    def value(self) -> Element:
        """The next value, of whatever kind."""
        self.sign()
        while True:
            try:
                value, end = raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            # A number, or what looks like one, may go on with the next piece.
            if self._text[end : end + 1] in _AFTER_A_VALUE or not self._more():
                text, self._at = self._text[self._at : end], end
                return Element(value, text)

    def _more(self) -> bool:
        """Take in as much as waits again, so that a long value is not looked at anew with every piece of it."""
        if len(self._text) - self._at > LONGEST_RECORD:
            raise TooLongError(f"a record of the answer is longer than {LONGEST_RECORD} characters, or its end is lost")
        parts, wanted = [self._text[self._at :]], max(len(self._text) - self._at, 1)
        for piece in self._pieces:
            parts.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        self._text, self._at = "".join(parts), 0
        self.beginning = self.beginning or self._text[:80]
        return len(parts) > 1


def _decoded(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    """The text of the pieces, none of them empty; bytes that are not in the encoding are half surrogates.

    JSON says by its first bytes which form of Unicode it is in.
    """
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(codecs.BOM_UTF32_LE):
            break
    name = json.detect_encoding(start) if encoding == "utf-8" else encoding
    decoder = codecs.getincrementaldecoder(name)("surrogateescape")
    if text := decoder.decode(start):
        yield text
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text
