"""The step before the others: read a source and land what it gives, a file a day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, cast, overload

from headline import settings
from headline.errors import BadData, BadRequest, HeadlineError, NoSpace, SpecError, Transient
from headline.intervals import DAY, Interval, from_days, in_words
from headline.ledger import Load, Upkeep
from headline.pipeline.run import PipelineRun
from headline.specs import AnyIngest, Source

log = logging.getLogger(__name__)

# Told of each landing, when it ends: its name and what it brought or why it failed.
Report = Callable[[str, "Ingested | Exception"], None]
# What no retry cures is raised only where nothing else has failed: a retry brings the other landings.
_INCURABLE: tuple[type[HeadlineError], ...] = (BadData, SpecError, BadRequest)


@dataclass(frozen=True)
class Ingested:
    """What one ingest brought for a landing: files and rows read, and how many files differ from what had arrived before."""

    landing: str
    intervals: list[Interval]
    file_count: int
    row_count: int
    changed_count: int


@overload
def ingest(run: PipelineRun, *, report: Report = ...) -> list[Ingested]: ...


@overload
def ingest(run: PipelineRun, name: str) -> Ingested: ...


def ingest(run: PipelineRun, name: str | None = None, *, report: Report = lambda *_: None) -> list[Ingested] | Ingested:
    """Land all tables of a source, or the one named, for the requested days and, within the lookback, for those landed before.

    A day whose content has not changed leaves no trace, so nothing downstream is computed again for it. A file of the lookback
    that is gone, or came again and cannot be read, leaves its day as it was loaded. A run for certain landings leaves the others
    alone. One landing that fails keeps no other from being landed and recorded; then the error is
    raised with the names of all that failed. Raises BadData, and records nothing of the landing, where columns are not as
    agreed: what arrived is kept all the same; BadRequest where a landing that is left alone has yet to arrive for the
    requested days.
    """
    from headline.sources.database_connection import one_connection_each

    if settings.load().environment == settings.SANDBOX:
        raise BadRequest("a sandbox reads no source, for what lands is not masked: headline sample brings published rows")
    source = cast(Source, run.pipeline)
    names = list(source.ingest) if name is None else [name]
    done: dict[str, Ingested] = {}
    failed: dict[str, Exception] = {}
    # One after the other: memory is bounded once, a source gets one query at a time, and a timeout ends the task at once.
    with one_connection_each():
        for one in names:
            log.info("::group::ingest %s", one)
            try:
                done[one] = _ingest(run, source, one)
                report(one, done[one])
            except Exception as error:
                if len(names) > 1:
                    log.exception("landing.%s could not be ingested", one)
                failed[one] = error
                report(one, error)
            finally:
                log.info("::endgroup::")
    if failed:
        _fail(failed, len(names))
    return list(done.values()) if name is None else done[name]


def _ingest(run: PipelineRun, source: Source, name: str) -> Ingested:
    from headline.pipeline.arrival import Arrival
    from headline.pipeline.closed_days import hold_unreadable, let_through
    from headline.sources import files_again, read
    from headline.sources.landing import LandingWriter
    from headline.sources.persons import border
    from headline.sources.without_day import WithoutDay

    spec = source.ingest[name]
    landing = f"landing.{name}"
    if run.landings is not None and name not in run.landings:
        return _left_alone(run, landing)
    # In a repair too: with the missing day came late rows of those before, the oldest of which no later run reads again.
    reach = Interval(run.requested.start - timedelta(days=spec.lookback_days), run.requested.end)
    known = {load.ds: load for load in run.ledger.current_loads(landing, [reach])}
    again = files_again(spec, known.keys() - set(run.requested))
    intervals = from_days({*run.requested, *known}) if again is None else sorted([run.requested, *again])
    arrival = Arrival(run, name)
    erased = border(spec, Upkeep(run.ledger.conn_id).tombstones())
    without_day = WithoutDay(lambda: run.ledger.current_loads(landing), spec.key, run.requested.end - DAY)
    origin = f"{spec.kind} {spec.connection}"
    writer = LandingWriter(source.id, landing, origin, arrival.agreed, border=erased, without_day=without_day)
    loads = []
    for interval in intervals:
        try:
            with arrival.reading(interval):
                loads += writer.write(read(spec, source.folder, interval), interval, known)
        except (BadData, Transient) as error:
            if interval not in (again or ()):
                raise
            hold_unreadable(run, known[interval.start], error)
    read_days = from_days(load.ds for load in loads)
    arrival.require_agreed(loads, known)  # first, for what is something else altogether holds nothing too
    _require_something(spec, [load for load in loads if load.ds in run.requested])
    loads = let_through(run, spec, loads, known)
    changed = run.ledger.record_loads(loads, run.run_id)
    ingested = Ingested(landing, read_days, len(loads), sum(load.row_count for load in loads), changed)
    log.info("%s: %s rows in %s files landed, %s of them new or changed", landing, ingested.row_count, len(loads), changed)
    return ingested


def _require_something(spec: AnyIngest, loads: Iterable[Load]) -> None:
    """Raises Transient where nothing came for days on which the source is open."""
    if spec.calendar is None:
        return
    if empty := [load for load in loads if not load.row_count and not spec.calendar.is_closed(load.ds)]:
        raise Transient(
            f"{empty[0].landing}: what arrived for {in_words(load.ds for load in empty)} is empty, and by the `calendar` of "
            "source.yml the source is open then: the day is missing. Ask its sender; if it is closed then, add that to `calendar`"
        )


def _left_alone(run: PipelineRun, landing: str) -> Ingested:
    """Nothing is read, but what never arrived must not be published as a day on which nothing happened."""
    arrived = {load.ds for load in run.ledger.current_loads(landing, [run.requested])}
    if lacking := [day for day in run.requested if day not in arrived]:
        raise BadRequest(
            f"{landing} has not arrived for {len(lacking)} day(s) from {lacking[0]} on: this run, which is for "
            f"{', '.join(run.landings or ['nothing'])} alone, would publish them without it; add it to the landings"
        )
    log.info("%s: not ingested, this run ingests %s", landing, ", ".join(run.landings or ["nothing"]))
    return Ingested(landing, [], 0, 0, 0)


def _fail(failed: Mapping[str, Exception], count: int) -> NoReturn:
    """Raise one error for all landings that failed; one that nobody foresaw stays what it is where it is the only one."""
    first = next(iter(failed.values()))
    if len(failed) == 1 and not isinstance(first, HeadlineError):
        first.add_note(f"while landing.{next(iter(failed))} was ingested")
        raise first
    is_curable = any(not isinstance(error, _INCURABLE) for error in failed.values())
    is_full = any(isinstance(error, NoSpace) for error in failed.values())
    curable = NoSpace if is_full else Transient
    kind = curable if is_curable else next(kind for kind in _INCURABLE if any(isinstance(one, kind) for one in failed.values()))
    messages = [line for name, error in failed.items() for line in _messages(name, error)]
    if len(failed) > 1:
        others = f"; the other {count - len(failed)} have been recorded" if count > len(failed) else ""
        messages.insert(0, f"{len(failed)} of {count} landings could not be ingested{others}")
    raise (SpecError(messages) if kind is SpecError else kind("\n".join(messages))) from first


def _messages(name: str, error: Exception) -> list[str]:
    landing = f"landing.{name}: "
    if isinstance(error, SpecError):
        return [landing + fault for fault in error.faults]
    text = str(error) if isinstance(error, HeadlineError) else f"{type(error).__name__}: {error}"
    return [text if text.startswith(landing) else landing + text]
