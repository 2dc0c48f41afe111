"""Soda verifies the contracts of staging tables: the result and a sample of every check, in three statements per table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from headline.errors import HeadlineError, SpecError
from headline.intervals import Interval
from headline.ledger import CheckResult
from headline.pipeline.anomalies import ANOMALY, INSUFFICIENT_HISTORY, OUTLIER, of_outliers, outliers
from headline.pipeline.samples import Select, found_on, sample
from headline.specs import Check, Table, load_contract
from headline.sql import DIALECT, Resolution, check_selects, prepare_checks, rows_found, transpiled
from headline.warehouse import Session, staging_of

log = logging.getLogger(__name__)
# Soda logs every step; the audit logs its own results.
logging.getLogger("soda").setLevel(logging.WARNING)

FOUND_SOMETHING = ("failed", "warned")
_OUTCOMES = {"PASSED": "passed", "WARN": "warned", "FAILED": "failed"}


@dataclass(frozen=True)
class Staged:
    """A staging table to verify: its rows (`dataset`), its intervals, and the tables that names in its checks mean."""

    table: Table
    dataset: str
    intervals: list[Interval]
    names: Mapping[str, Resolution]


@dataclass(frozen=True)
class Verification:
    """The result of every check of a contract, and what went wrong on the way; empty where nothing did."""

    results: list[CheckResult]
    problems: str


class _Counts(NamedTuple):
    """What the query of a check found: rows at fault, and rows that cannot be judged yet."""

    found: Any
    untold: int = 0


def verify(staged: Sequence[Staged], session: Session, dialect: str) -> dict[str, Verification]:
    """What Soda says of each staging table, over all its intervals at once, by the table's full name.

    An anomaly check fails for its outliers; it is `insufficient_history` where there are none but
    something that cannot be told yet. A check
    that Soda passes over is not evaluated, and named among the problems. Raises SpecError for a contract that is broken.
    """
    return {one.table.full_name: _verified(one, session, dialect) for one in staged}


def statements(staged: Staged, session: Session, dialect: str) -> list[str]:
    """What `verify` asks of a staging table, as the engine is asked it; samples of rows, where something is found, come after."""
    from headline.pipeline import soda

    examined = _Examined(staged, session, dialect)
    own = [text for path, (text, _) in examined.selects.items() if path not in examined.countable]
    counted = [examined.together()] if examined.countable else []
    source = session.soda_data_source(soda.DATA_SOURCE)
    contract = load_contract(staged.table).for_audit
    return [*counted, *own, *(transpiled(text, dialect) for text in soda.statements(contract, staged.dataset, source))]


def prepare_contracts(tables: Iterable[Table], dialect: str = DIALECT) -> None:
    """Parse the contracts of tables and compile their queries, so that a process forked afterwards finds them ready.

    A faulty contract is left to the audit of its table, which says what is wrong.
    """
    from headline.pipeline import soda

    staging = staging_of(dialect)
    source = staging.unconnected(soda.DATA_SOURCE)
    for table in tables:
        try:
            if dataset := staging.staging_name_of_every_run(table.full_name):
                soda.prepare(load_contract(table).for_audit, dataset, source)
            prepare_checks(table, dialect)
        except SpecError as error:
            log.warning("%s: the contract is not prepared: %s", table.full_name, error)


class _Examined:
    """One staging table while it is verified; `problems` collects what goes wrong on the way."""

    def __init__(self, staged: Staged, session: Session, dialect: str) -> None:
        self.staged = staged
        self.session = session
        self.dialect = dialect
        self.checks = {check.path: check for check in load_contract(staged.table).listed_checks}
        selects = check_selects(staged.table, staged.intervals, staged.names, dialect)
        self.selects = {path: Select(*select) for path, select in selects.items()}
        self.problems: list[str] = []

    def select(self, path: str) -> Select | None:
        """The rows that a check finds fault with; None where it is about no rows."""
        if path in self.selects:
            return self.selects[path]
        query = rows_found(self.staged.table, self.checks[path], self.staged.dataset)
        return None if query is None else Select.of(query, self.dialect)

    def counts(self) -> dict[str, _Counts]:
        """What each check with a query of its own found, by one statement; where that fails, by one each."""
        texts = {path: select.text for path, select in self.selects.items()}
        try:
            counts = self._together()
        except HeadlineError:
            counts = {}
        for path, text in texts.items():
            if path not in counts and (count := self._alone(path, text)):
                counts[path] = count
        return counts

    @property
    def countable(self) -> list[str]:
        """The checks whose rows are counted."""
        return [path for path in self.selects if self.checks[path].type == "failed_rows"]

    def together(self) -> str:
        """The statement that counts what all of them find."""
        selects = (
            f"select {number} as number, {self._count(path, self.selects[path].text)}"
            for number, path in enumerate(self.countable)
        )
        return "\nunion all\n".join(selects)

    def _together(self) -> dict[str, _Counts]:
        if not (paths := self.countable):
            return {}
        return {paths[number]: _Counts(found, untold) for number, found, untold in self.session.query(self.together()).rows}

    def _alone(self, path: str, text: str) -> _Counts | None:
        counted = self.checks[path].type == "failed_rows"
        try:
            rows = self.session.query(f"select {self._count(path, text)}" if counted else text).rows
        except HeadlineError as error:
            self.problems.append(f"«{self.checks[path].name}» ({path}) could not be evaluated: {error}")
            return None
        return _Counts(*rows[0]) if counted else _Counts(rows[0][0]) if rows else None

    def _count(self, path: str, text: str) -> str:
        counted = "count(*) as found, 0 as untold"
        if self.checks[path].dimension == ANOMALY:
            each = ((OUTLIER, "found"), (INSUFFICIENT_HISTORY, "untold"))
            counted = ", ".join(f"count(case when finding = '{finding}' then 1 end) as {name}" for finding, name in each)
        return f"{counted} from (\n{text}\n) as rows_found"

    def described(self) -> list[tuple[str, str]] | None:
        """The columns of the staging table with their types, as the engine writes them."""
        try:
            columns = self.session.columns(self.staged.dataset)
        except HeadlineError as error:
            self.problems.append(f"the columns of {self.staged.dataset} could not be read: {error}")
            return None
        return list(columns.items())

    def with_sample(self, result: CheckResult, count: _Counts) -> CheckResult:
        """The result with rows that the check found; they are asked for where there are some."""
        check = self.checks[result.path]
        told = result.outcome in FOUND_SOMETHING
        if told and (select := self.select(check.path)):
            if check.dimension == ANOMALY:
                found = outliers(select, self.session)
                return replace(result, sample=found, found_on=found_on(found, of_outliers(select), self.session))
            found = sample(select, self.session)
            return replace(result, sample=found, found_on=found_on(found, select, self.session))
        return replace(result, outcome="insufficient_history") if result.outcome == "passed" and count.untold else result


def _verified(staged: Staged, session: Session, dialect: str) -> Verification:
    from headline.pipeline import soda

    contract, examined = load_contract(staged.table).for_audit, _Examined(staged, session, dialect)
    counts, columns = examined.counts(), examined.described()
    try:
        source = session.soda_data_source(soda.DATA_SOURCE)
        values: dict[str, Any] = {path: count.found for path, count in counts.items()}
        if columns is not None:
            described = soda.column_metadata(source, columns)
            values |= {path: described for path, check in examined.checks.items() if check.type == "schema"}
        judged = soda.judge(contract, staged.dataset, source, values)
    except Exception as error:  # whatever Soda stumbles over, it has not checked the data
        return Verification([], "\n".join([*examined.problems, f"{type(error).__name__}: {error}"]))
    results, problems = _compared(judged.results, load_contract(staged.table).listed_checks)
    results = [examined.with_sample(result, counts.get(result.path, _Counts(0))) for result in results]
    return Verification(results, "\n".join(examined.problems + judged.errors + problems))


def _compared(judged: Sequence[Any], checks: Sequence[Check]) -> tuple[list[CheckResult], list[str]]:
    """Soda's results as ours, and how they differ from the contract's list of checks; one that Soda left out is not evaluated."""
    by_path = {check.path: check for check in checks}
    told = Counter(found.check.relative_path for found in judged)
    expected = Counter(check.path for check in checks)
    results = [_result(found, by_path[path]) for found in judged if (path := found.check.relative_path) in by_path]
    left_out = [check for path, check in by_path.items() if path not in told]
    problems = [f"Soda left out «{check.name}» ({check.path})" for check in left_out]
    different = [path for path, number in told.items() if number != expected[path]]
    problems += [f"{path}: Soda gave {told[path]} result(s), the contract has {expected[path]}" for path in different]
    return results + [_not_evaluated(check) for check in left_out], problems


def _result(result: Any, check: Check) -> CheckResult:
    measured = result.threshold_value
    return CheckResult(
        path=check.path,
        name=result.check.name or check.name,
        type=check.type,
        outcome=_OUTCOMES.get(result.outcome.name, "not_evaluated"),
        measured=None if measured is None else Decimal(str(measured)),
        threshold=_limit(result.check.threshold),
        kind=check.dimension,
    )


def _limit(threshold: Any) -> str:
    """A limit as people write it: «must be 0», of Soda's lines «level: fail» and «must be: 0»; the outcome says the level."""
    lines = str(threshold or "").splitlines()
    return ", ".join(line.replace(": ", " ", 1) for line in lines if line.startswith("must"))


def _not_evaluated(check: Check) -> CheckResult:
    return CheckResult(check.path, check.name, check.type, "not_evaluated", None, "", check.dimension)
