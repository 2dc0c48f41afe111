"""Which names can be given to what is new."""

from __future__ import annotations

import keyword
import re

from headline.errors import BadRequest
from headline.rules.report import WITHOUT_PIPELINES
from headline.specs import Catalog, Pipeline, load_team

_NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST = 50


def require_name(name: str, what: str) -> str:
    """The name, which SQL, Python and folders can take; raises BadRequest otherwise. `what`: whose it is, for the message."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a {what}: write small letters, digits and _, a letter first, such as daily_refunds"
        )
    if len(name) > LONGEST:
        raise BadRequest(f"{name!r} cannot be the name of a {what}: it has {len(name)} letters, and {LONGEST} is the most")
    if keyword.iskeyword(name) or _is_reserved(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a {what}: it is a word of SQL or Python; add to it, such as {name}_count"
        )
    return name


def require_place(place: str, catalog: Catalog) -> tuple[str, str]:
    """Area and name of a new pipeline; raises BadRequest where the area has no owner or the name is taken."""
    area, slash, name = place.partition("/")
    if not slash:
        raise BadRequest(f"{place!r} names no area: write <area>/<name>, such as profit/{place}")
    require_name(area, "area")
    require_name(name, "pipeline")
    if area in WITHOUT_PIPELINES:
        raise BadRequest(f"include/sql/{area} holds no pipelines" + (": headline new source" if area == "sources" else ""))
    owners = load_team().owners
    if area not in owners:
        raise BadRequest(
            f"nobody owns the area {area}: add owners.{area} to include/team.yml first; there are {', '.join(owners)}"
        )
    require_free_id(name, catalog)
    return area, name


def require_free_id(name: str, catalog: Catalog) -> None:
    """Raises BadRequest where a DAG is called so."""
    if taken := catalog.pipelines.get(name):
        raise BadRequest(f"the name {name} is taken by {taken.area}/{taken.id}; a folder's name is the id of its DAG")


def require_pipeline(place: str, catalog: Catalog) -> Pipeline:
    """The pipeline of `<area>/<name>` or `<name>`; raises BadRequest with those that exist otherwise."""
    found = catalog.pipelines.get(place.rpartition("/")[2])
    if found is None or ("/" in place and place != f"{found.area}/{found.id}"):
        there = ", ".join(sorted(f"{one.area}/{one.id}" for one in catalog.pipelines.values()))
        raise BadRequest(f"there is no pipeline {place}; there are: {there}")
    return found


def _is_reserved(name: str) -> bool:
    """Whether SQL cannot take it as the name of a table and of a column."""
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError

    try:
        parse_one(f"select {name}.{name}, 1 as {name} from a.{name} as {name} group by {name}.{name}", dialect="duckdb")
    except SqlglotError:
        return True
    return name in {"all", "default", "end", "order", "group", "select", "table", "user", "values", "window"}
