"""Validates rows against the types of their columns; rows that do not fit are quarantined alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.agreed import Agreed
from headline.sources.judged_texts import CHECKS, checked_id, filled
from headline.sources.judged_values import shown, text_of_bytes, typed, typed_id
from headline.sources.names import name_key, spelled
from headline.sources.refused import LONGEST_TEXT, ORIGIN, REFUSAL, REFUSED_TEXT, UNREAD


def judged(rows: pa.RecordBatch, agreed: Agreed) -> pa.RecordBatch:
    """The rows, each of which is as agreed in all of its columns or refused as `invalid_<column>`.

    A text keeps what arrived, but for what means the same: a moment with an offset becomes UTC, a comma the agreed point. A value
    of a type of its own is held against what is agreed too. ORIGIN is kept for refused rows only, and the reserved columns where
    there are any.
    """
    columns = {name: rows.column(name) for name in rows.schema.names}
    reasons, texts, origins, _ = (columns.pop(name, None) for name in (REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD))
    if reasons is not None and reasons.null_count == len(reasons):
        reasons = None
    found: list[tuple[pa.Array, str, pa.Array]] = []

    def refuse(name: str, wrong: pa.Array | None, values: pa.Array) -> None:
        if wrong is not None and pc.any(wrong).as_py():
            found.append((wrong, name, values))

    for name, values in columns.items():
        is_id = agreed.is_id(name)
        if agreed.is_agreed(name) and (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
            columns[name], wrong = text_of_bytes(values)
            refuse(name, wrong, shown(values))
            values = columns[name]
        if not pa.types.is_string(values.type):
            kind, is_read = agreed.kind(name), agreed.is_agreed(name)
            columns[name], wrong = (
                typed_id(values)
                if is_id and not pa.types.is_temporal(values.type)
                else typed(values, kind, agreed, is_read=is_read)
            )
            if wrong is not None:
                refuse(name, wrong, shown(values))
            continue
        if agreed.null_markers:
            is_null = pc.is_in(pc.utf8_trim_whitespace(values), pa.array(agreed.null_markers, pa.string()))
            columns[name] = values = pc.if_else(is_null, pa.scalar(None, pa.string()), values)
        if pc.any(pc.match_substring(values, "\0")).as_py():
            columns[name] = values = pc.replace_substring(values, "\0", "\ufffd")
        if check := checked_id if is_id else CHECKS.get(agreed.kind(name).partition("(")[0]):
            # SQL trims blanks only, and what is left of a tab or a line break is no number, and another id.
            values = filled(pc.utf8_trim_whitespace(values))
            columns[name], wrong = check(values, agreed.kind(name), agreed)
            refuse(name, wrong, values)
    if reasons is None and not found:
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    size, nothing = rows.num_rows, pa.nulls(rows.num_rows, pa.string())
    reasons, texts = (pa.nulls(size, pa.string()) if one is None else one for one in (reasons, texts))
    for wrong, name, values in found:  # the first fault of a row is recorded
        is_new = pc.and_(wrong, pc.is_null(reasons))
        reasons = pc.if_else(is_new, pa.scalar(f"invalid_{name}"), reasons)
        texts = pc.if_else(is_new, pc.utf8_slice_codeunits(values, 0, LONGEST_TEXT), texts)
    where = nothing if origins is None else pc.if_else(pc.is_valid(reasons), origins, nothing)
    if key := [name for one in agreed.key if (name := spelled(one, rows.schema.names))]:
        where = pc.coalesce(where, pc.if_else(pc.is_valid(reasons), _told_by(rows, key), nothing))
    unread, end = pc.if_else(pc.is_valid(reasons), pa.scalar(","), nothing), pa.scalar("")
    for wrong, name, _ in found:
        unread = pc.binary_join_element_wise(unread, pc.if_else(wrong, pa.scalar(f"{name_key(name)},"), end), end)
    columns |= {REFUSAL: reasons, REFUSED_TEXT: texts, ORIGIN: where, UNREAD: unread}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _told_by(rows: pa.RecordBatch, key: Sequence[str]) -> pa.Array:
    """Of each row its key in words."""
    values = [[f"{name} {value}" for value in _told(rows.column(name))] for name in key]
    return pa.array([", ".join(one) for one in zip(*values, strict=True)], pa.string())


def _told(values: pa.Array) -> list[Any]:
    """Values as Python shows them; a value that Python does not have, such as the year 0, as Arrow shows it."""
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError):
        return list(shown(values).to_pylist())
