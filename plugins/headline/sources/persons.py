"""Persons who were erased: wherever their id arrives again, it becomes the same pseudonym before it lands."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

from headline.ledger import Tombstones
from headline.sources.refused import ORIGIN, REFUSED_TEXT
from headline.specs import AnyIngest

ERASED_TEXT = "(erased)"
Change = Callable[[pa.RecordBatch], pa.RecordBatch]
# A pseudonym has so many digits, which every kind of column holds exactly, and a minus before them, which no id has.
_SMALLEST, _COUNT = 10**14, 9 * 10**14
_TOKENS = (re.compile(r"\w+"), re.compile(r"[\w.@+-]+"))


@dataclass(frozen=True)
class Persons:
    """The persons of whom the tombstones keep no more than a salted hash of their id."""

    tombstones: Tombstones

    def pseudonym(self, value: str) -> str | None:
        """What an id becomes; None where nobody of that id was erased."""
        digest = digest_of(value, self.tombstones.salt)
        return pseudonym_of(digest) if digest in self.tombstones.digests else None

    def found_in(self, text: str) -> dict[str, str]:
        """The ids that are separate words of a text, with their pseudonyms."""
        words = {word for tokens in _TOKENS for word in tokens.findall(text)}
        words |= {word.strip(".+-") for word in words}
        return {word: found for word in words - {""} if (found := self.pseudonym(word))}

    def without(self, text: str) -> str:
        """A text with ids replaced by pseudonyms."""
        for word, pseudonym in self.found_in(text).items():
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", pseudonym, text)
        return text

    def replaced(self, rows: pa.RecordBatch, person: str | None, personal: Collection[str]) -> pa.RecordBatch:
        """The rows with a pseudonym for each erased person, without their personal data and without refused texts that name them.

        `person`: the column with the id of a row's person. `personal`: the columns with other personal data.
        """
        columns = {name: rows.column(name) for name in rows.schema.names}
        own = _spelled(person, columns)
        if own:
            columns[own], is_theirs = self._pseudonyms(columns[own])
            if is_theirs is not None:
                for name in filter(None, (_spelled(one, columns) for one in personal)):
                    columns[name] = pc.if_else(is_theirs, pa.scalar(None, columns[name].type), columns[name])
                if REFUSED_TEXT in columns:
                    texts = columns[REFUSED_TEXT]
                    is_told = pc.and_(is_theirs, pc.is_valid(texts))
                    columns[REFUSED_TEXT] = pc.if_else(is_told, pa.scalar(ERASED_TEXT, texts.type), texts)
        if REFUSED_TEXT in columns:
            columns[REFUSED_TEXT] = _each(columns[REFUSED_TEXT], lambda text: ERASED_TEXT if self.found_in(text) else text)
        if ORIGIN in columns:
            columns[ORIGIN] = _each(columns[ORIGIN], self.without)
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _pseudonyms(self, values: pa.Array) -> tuple[pa.Array, pa.Array | None]:
        """The ids with pseudonyms among them, and which of them are; None where there is none."""
        if pa.types.is_integer(values.type):
            values = values.cast(pa.int64())
        elif pa.types.is_floating(values.type):
            values = values.cast(pa.float64())
        texts = {value: written(value) for value in pc.unique(values).to_pylist() if value is not None}
        known = {value: found for value, text in texts.items() if (found := self.pseudonym(text))}
        for value, found in known.items():
            is_this = pc.fill_null(pc.equal(values, pa.scalar(value, values.type)), False)
            values = pc.if_else(is_this, pa.scalar(found).cast(values.type), values)
        if not known:
            return values, None
        found_values = pa.array(known.values(), pa.string()).cast(values.type)
        return values, pc.is_in(values, found_values)


def border(ingest: AnyIngest, tombstones: Tombstones) -> Change | None:
    """What happens to the rows of a landing before they land; None while nobody was erased."""
    if not tombstones.digests:
        return None
    return partial(Persons(tombstones).replaced, person=ingest.person, personal=ingest.personal)


def digest_of(value: str, salt: str) -> str:
    """The salted hash that a tombstone keeps of an id."""
    return blake2b(value.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def pseudonym_of(digest: str) -> str:
    """The number that replaces an erased person everywhere."""
    return f"-{_SMALLEST + int(digest, 16) % _COUNT}"


def written(value: object) -> str:
    """An id as text: that of a float is a whole number."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _spelled(name: str | None, columns: Collection[str]) -> str | None:
    """A column as it is spelled here: case makes no difference to SQL."""
    return next((one for one in columns if name and one.casefold() == name.casefold()), None)


def _each(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    def changed() -> Iterator[str | None]:
        for text in texts.to_pylist():
            yield None if text is None else change(text)

    return pa.array(changed(), texts.type)
