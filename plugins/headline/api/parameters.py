"""Parameters that several endpoints share, and how an endpoint is documented."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from headline.api.forms import ARROW, CSV, PARQUET, Column
from headline.api.problems import PROBLEMS

MOST_ROWS = 50_000
Area = Annotated[str | None, Query(max_length=100)]
First = Annotated[date | None, Query(alias="from", description="The first day; a week or month counts by its first day.")]
Last = Annotated[date | None, Query(alias="to", description="The last day, included.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="The most rows of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=1000, description="`next` of the page before, or the address of its header Link.")
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADERS = {
    "ETag": "Of this answer in this form: send it as If-None-Match.",
    "Headline-As-Of": "When what it is made of became what it is.",
    "Headline-Version": "The newest version of the ledger that is in it.",
    "Headline-Coverage": "The lowest coverage of its periods.",
    "Headline-Commit": "The commit of the code.",
    "Link": "The address of the next page (rel=next).",
}
_TYPES = {"bigint": int, "integer": int, "boolean": bool, "date": date, "varchar[]": list[str]}


class Meta(BaseModel):
    """What an answer says of itself."""

    model_config = ConfigDict(extra="allow")

    as_of: str | None = Field(description="when what it is made of became what it is")
    version: int = Field(description="the newest version of the ledger that is in it; of figures the newest place in the chain")
    coverage: str | None = Field(description="the lowest coverage of its periods, 1 where all that arrived is in it")
    commit: str = Field(description="of the code; empty where it is not known")


def documented(name: str, columns: tuple[Column, ...] | None, *, is_one: bool = False) -> dict[int | str, dict[str, Any]]:
    """What openapi.json says of the answers of an endpoint; `columns`: None where each table has its own."""
    if columns is None:
        row: Any = dict[str, Any]
    else:
        told = {one.name: (_TYPES.get(one.type, str) | None, Field(description=one.description or one.name)) for one in columns}
        row = create_model(name, **told)  # type: ignore[call-overload]
    following = {} if is_one else {"next": (str | None, Field(description="the cursor of the next page; null on the last"))}
    model = create_model(f"{name}Answer", meta=(Meta, ...), data=(row if is_one else list[row], ...), **following)  # type: ignore[call-overload]
    content = {CSV: {"schema": {"type": "string"}}, PARQUET: _BINARY, ARROW: _BINARY}
    headers = {header: {"description": text, "schema": {"type": "string"}} for header, text in _HEADERS.items()}
    ok = {"model": model, "content": content, "headers": headers, "description": "What was asked for."}
    return {200: ok, 304: {"description": "The reader has it: nothing has changed since."}, **PROBLEMS}
