"""Point-in-time features: of each label only what was known at its moment, by what had landed then.

A day of a landing may land again with other rows. Each of its loads was known from when it was read until the next one was. The
SELECT of an export reads `known.<landing>`: for each label the rows of its entity in the loads that were known at its moment. Who
serves a model asks the same SELECT, with the present moment as that of every entity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlglot import exp, parse_one

from headline.errors import BadRequest, SpecError
from headline.exports.entitled import KNOWN, LABEL, LABELS, check_entitled, tables_of
from headline.exports.result import Work, schema_promised, select_of
from headline.intervals import DAY, Interval
from headline.ledger import Load, Read, Reads
from headline.pipeline.names import landing_rows
from headline.pipeline.run import PipelineRun
from headline.specs import Source, Table
from headline.specs.exports import Export, Labels
from headline.sql import DIALECT, Resolution, parse, render, resolve, write
from headline.warehouse import Session

_FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
_MOST_ENTITIES = 1_000


def names_in(work: Work, period: Interval, session: Session) -> dict[str, Resolution]:
    """What `known.labels` and `known.<landing>` stand for in the training rows of a period."""
    export, spec = work.export, labels_of(work.export)
    file = export.folder / spec.sql
    labels = parse(render(file.read_text(), period, file.name), f"exports/{export.id}/{file.name}")
    asked = f"select min({spec.moment}), max({spec.moment}) from (\n{write(labels.copy(), work.warehouse.dialect)}\n) as labels"
    [(first, last)] = session.query(asked).rows
    days = Interval(first.date(), last.date() + DAY) if first else period
    return _names(work, labels, days, session)


def serve(work: Work, entities: Sequence[Mapping[str, str]], moment: datetime) -> list[dict[str, Any]]:
    """`features_at`, and a row of audit that they were served."""
    found = features_at(work, entities, moment)
    told = f"served as of {moment.isoformat()}"
    read = Read(f"{work.export.id} {work.run_id}", "export", tuple(tables_of(work.export)), told, len(found))
    Reads(work.ledger.conn_id).record(read)
    return found


def features_at(work: Work, entities: Sequence[Mapping[str, str]], moment: datetime) -> list[dict[str, Any]]:
    """The features of some entities as they are known at a moment: by the same SELECT as the rows that a model was trained on.

    `entities`: for each the columns of the labels' key. Raises as an export does, and BadRequest for no entity or too many.
    """
    export, spec = work.export, labels_of(work.export)
    check_entitled(export, work.catalog)
    if not 0 < len(entities) <= _MOST_ENTITIES or any(set(one) != set(spec.key) for one in entities):
        raise BadRequest(f"name 1 to {_MOST_ENTITIES} entities, each by {', '.join(spec.key)}")
    day = moment.astimezone(UTC).date()
    period = Interval(day, day + DAY)
    rows = [
        exp.select(*(exp.alias_(exp.Literal.string(one[name]), name) for name in spec.key), _moment(moment, spec.moment))
        for one in entities
    ]
    labels = rows[0] if len(rows) == 1 else exp.union(*rows, distinct=False)
    with work.warehouse.session(read_only=True) as session:
        names = _names(work, labels, period, session)
        sql = select_of(export, period, work.warehouse.dialect, names)
        return [row for batch in session.batches(sql, schema_promised(export), _MOST_ENTITIES) for row in batch.to_pylist()]


def labels_of(export: Export) -> Labels:
    """What makes it an export of features; raises TypeError where it is none."""
    if export.features is None:
        raise TypeError(f"{export.id} has no features")
    return export.features


def known_loads(loads: Sequence[Load], source: Source, spec: Labels) -> list[tuple[Load, datetime, datetime]]:
    """Every load of a landing with when it was known: since it was read, until the next one of its day was."""
    by_day: dict[date, list[Load]] = {}
    for load in loads:
        by_day.setdefault(load.ds, []).append(load)
    found = []
    for day, of_day in by_day.items():
        starts = [load.extracted_at for load in of_day]
        if spec.first_known == "deadline":
            starts[0] = min(starts[0], source.due_at(day))
        found += [(load, *known) for load, known in zip(of_day, pairwise([*starts, _FOR_EVER]), strict=True)]
    return found


def _names(work: Work, labels: exp.Query, moments: Interval, session: Session) -> dict[str, Resolution]:
    """`moments`: the days of the labels' moments, in UTC."""
    spec = labels_of(work.export)
    # A business day may begin a day before or after the same day in UTC; the moment of each label bounds what it sees.
    days = Interval(moments.start - timedelta(days=spec.days + 1), moments.end + DAY)
    named: dict[str, Resolution] = {LABELS: labels.subquery()}
    for name, entity in spec.landings.items():
        named[f"{KNOWN}.{name}"] = _known(work, name, entity, labels, days, session)
    return named


def _known(work: Work, name: str, entity: str, labels: exp.Query, days: Interval, session: Session) -> exp.Expr:
    """The rows of the loads of a landing that were known at the moment of each label, beside its key and moment."""
    spec = labels_of(work.export)
    table = work.catalog.tables[f"raw.{name}"]
    source = work.catalog.makers[table.full_name]
    if not isinstance(source, Source) or not table.takes_over_landing:
        raise SpecError([f"features.landings: {table.full_name} does not map landing.{name} row for row"])
    run = PipelineRun(source, work.run_id, days, work.catalog, work.ledger, work.warehouse)
    parts = [
        _of_load(run, table, load, since, until, session)
        for load, since, until in known_loads(work.ledger.loads(f"landing.{name}", days), source, spec)
        if load.row_count
    ] or [_nothing(run, table, days, session)]
    rows = parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False)
    moment = exp.column(spec.moment, "labels")
    taken = [exp.alias_(exp.column(column, "labels"), f"{LABEL}{column}") for column in (*spec.key, spec.moment)]
    return (
        exp.select(*taken, exp.column(exp.Star(), "known"))
        .from_(exp.alias_(labels.subquery(), "labels", table=True))
        .join(
            exp.alias_(rows.subquery(), "known", table=True),
            on=exp.and_(
                exp.column(entity, "known").eq(exp.column(spec.entity, "labels")),
                exp.column("known_from", "known") <= moment,
                exp.column("known_to", "known") > moment,
                parse_one(f"known.ds >= labels.{spec.moment} - interval '{spec.days}' day", read=DIALECT),
            ),
        )
        .subquery()
    )


def _of_load(run: PipelineRun, table: Table, load: Load, since: datetime, until: datetime, session: Session) -> exp.Query:
    """The rows of one load as the raw table maps them, without those that were refused."""
    return _mapped(run, table, [load], Interval(load.ds, load.ds + DAY), since, until, session)


def _nothing(run: PipelineRun, table: Table, days: Interval, session: Session) -> exp.Query:
    return _mapped(run, table, [], days, _FOR_EVER, _FOR_EVER, session)


def _mapped(
    run: PipelineRun,
    table: Table,
    loads: Sequence[Load],
    days: Interval,
    since: datetime,
    until: datetime,
    session: Session,
) -> exp.Query:
    text = render(table.sql_file.read_text(), days, table.sql_file.name, **table.template_names)
    [landing] = table.reads
    query = resolve(parse(text, table.sql_file.name), {landing: landing_rows(run, landing, loads, session, text)})
    columns = [exp.column(name, "arrived") for name in query.named_selects]
    selected = exp.select(*columns, _moment(since, "known_from"), _moment(until, "known_to")).from_(
        exp.alias_(query.subquery(), "arrived", table=True)
    )
    if "refusal" in query.named_selects:
        selected = selected.where(exp.column("refusal", "arrived").is_(exp.null()))
    return selected


def _moment(moment: datetime, name: str) -> exp.Expr:
    text = f"{moment.astimezone(UTC).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"
    return exp.alias_(exp.cast(exp.Literal.string(text), "timestamp", dialect=DIALECT), name)
