"""Statements on Athena: started once, waited for, cancelled where nobody waits any more, and accounted for."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from headline.errors import BadRequest, Transient
from headline.ledger import Statement, Statements
from headline.warehouse.athena.dialect import DIALECT
from headline.warehouse.athena.errors import failed, is_throttling, refused
from headline.warehouse.athena.values import rows_of
from headline.warehouse.base import Result
from headline.warehouse.iceberg.prefix import prefixed

# Seconds between two looks at a statement, and how often a call is repeated that was refused for being one too many.
_FIRST_PAUSE, _LONGEST_PAUSE, _TRIES = 0.1, 5.0, 8
_ENDED = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELLED": "cancelled"}
# Athena counts whole megabytes, 10 at least.
_MB, _MB_AT_LEAST, _MB_IN_TB = 2**20, 10, 2**20
# Statements of this process that are running, for `cancel_running`.
_RUNNING: dict[str, Any] = {}


def cancel_running() -> None:
    """Cancel every statement that this process waits for, as a task does that is killed."""
    for query_id, client in list(_RUNNING.items()):
        with suppress(BotoCoreError, ClientError):
            client.stop_query_execution(QueryExecutionId=query_id)


@dataclass(frozen=True)
class About:
    """What a statement is for: the table (`schema.table`) and the step, as people and the ledger are told."""

    table: str = ""
    step: str = "query"


class AthenaStatements:
    """Runs statements in a workgroup. `output`: where results go, unless the workgroup says it. `price`: dollars per TB scanned.

    `record`: where statements of the run `run_key` are written down, so that a retry finds those of the process before it.
    `prefix`: what comes before the names of databases; callers do not know of it.
    Raises SpecError for faulty SQL or a missing permission, BadData for bad values, Transient for what may be over.
    """

    def __init__(
        self,
        client: Any,
        workgroup: str,
        output: str = "",
        price: Decimal = Decimal(5),
        run_key: str = "",
        record: Statements | None = None,
        prefix: str = "",
    ) -> None:
        self._client = client
        self._where: dict[str, Any] = {"WorkGroup": workgroup}
        if output:
            self._where["ResultConfiguration"] = {"OutputLocation": output}
        self._price = price
        self._run_key = run_key
        self._record = record
        self._prefix = prefix
        self._ended: list[Statement] = []

    def take(self) -> list[Statement]:
        """The statements that have ended since this was asked last."""
        ended, self._ended = self._ended, []
        return ended

    def execute(self, sql: str, about: About | None = None, seconds: float | None = None) -> Result:
        """Run a statement and fetch its rows; raises BadRequest where it takes more than so many `seconds`."""
        columns, rows = self.rows(sql, about, seconds)
        return Result(columns, list(rows))

    def rows(
        self, sql: str, about: About | None = None, seconds: float | None = None
    ) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """The same, with its columns and an iterator of its rows, which fetches and holds a thousand at a time."""
        query_id = self._start(prefixed(sql, self._prefix, DIALECT), uuid4().hex)
        self._wait(self._begun(query_id, about or About()), seconds)
        return rows_of(self._pages(query_id))

    def execute_once(self, sql: Callable[[int], str], about: About, is_done: Callable[[int], bool]) -> None:
        """Run a statement that an earlier process of the run may have begun: where it is running it is waited for, and where it
        has succeeded and what it made `is_done` it is not run again. Others of the run for the same step and table are cancelled.

        `sql`: the text for each attempt, counted from 0, by which the process before is known.
        """
        for attempt in count():
            text = prefixed(sql(attempt), self._prefix, DIALECT)
            query_id = self._start(text, hashlib.sha256(f"{self._run_key}\n{text}".encode()).hexdigest())
            for other in self._running(about):
                if other.query_id != query_id:
                    self.cancel(other)
            statement, is_new = self._begun_or_known(query_id, about)
            state = self._status(query_id)["Status"]["State"]
            if is_new or state not in _ENDED:
                self._wait(statement, None)
                return
            if state == "SUCCEEDED" and is_done(attempt):
                self._end(statement)
                return

    def cancel_others(self, step: str) -> None:
        """Cancel what earlier processes of any run have begun for a step and not ended, and wait until it has ended."""
        for statement in self._record.running(step=step) if self._record else ():
            self.cancel(statement)

    def cancel(self, statement: Statement) -> None:
        """Cancel a statement, and wait until it has ended, in whatever way."""
        self._call("stop_query_execution", QueryExecutionId=statement.query_id)
        for pause in _pauses():
            if self._status(statement.query_id)["Status"]["State"] in _ENDED:
                break
            time.sleep(pause)
        self._end(statement)

    # inside

    def _start(self, sql: str, token: str) -> str:
        asked = {"QueryString": sql, "ClientRequestToken": token, **self._where}
        return str(self._call("start_query_execution", **asked)["QueryExecutionId"])

    def _begun(self, query_id: str, about: About) -> Statement:
        return self._begun_or_known(query_id, about)[0]

    def _begun_or_known(self, query_id: str, about: About) -> tuple[Statement, bool]:
        statement = Statement(query_id, self._run_key, about.table, about.step)
        return statement, self._record.started(statement) if self._record else True

    def _running(self, about: About) -> list[Statement]:
        return self._record.running(self._run_key, about.table, about.step) if self._record else []

    def _wait(self, statement: Statement, seconds: float | None) -> None:
        """Until it has succeeded; whatever ends the wait before that cancels it."""
        deadline = time.monotonic() + seconds if seconds else None
        _RUNNING[statement.query_id] = self._client
        has_ended = False
        try:
            for pause in _pauses():
                status = self._status(statement.query_id)["Status"]
                if has_ended := status["State"] in _ENDED:
                    break
                if deadline and time.monotonic() > deadline:
                    raise BadRequest(f"the query was stopped after {seconds:g} s (HEADLINE_QUERY_SECONDS); query fewer days")
                time.sleep(pause)
        finally:
            del _RUNNING[statement.query_id]
            if not has_ended:
                self.cancel(statement)
        if self._end(statement).state != "succeeded":
            raise failed(statement.query_id, status)

    def _end(self, statement: Statement) -> Statement:
        """Write down how it has ended, and what it took."""
        found = self._status(statement.query_id)
        statistics = found.get("Statistics") or {}
        scanned = int(statistics.get("DataScannedInBytes") or 0)
        state = _ENDED[found["Status"]["State"]]
        is_charged = found.get("StatementType") == "DML" and state != "failed"
        megabytes = max(_MB_AT_LEAST, -(-scanned // _MB)) if is_charged else 0
        ended = replace(
            statement,
            state=state,
            seconds=Decimal(int(statistics.get("TotalExecutionTimeInMillis") or 0)) / 1000,
            bytes_scanned=scanned,
            cost=(self._price * megabytes / _MB_IN_TB).quantize(Decimal("0.000001")),
            reason=str(found["Status"].get("StateChangeReason") or ""),
        )
        self._ended.append(ended)
        if self._record:
            self._record.ended(ended)
        return ended

    def _status(self, query_id: str) -> dict[str, Any]:
        return dict(self._call("get_query_execution", QueryExecutionId=query_id)["QueryExecution"])

    def _pages(self, query_id: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._call("get_query_results", QueryExecutionId=query_id, MaxResults=1000, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """A call to the service; one that was refused for being one too many is repeated a little later."""
        for pause in _pauses(_TRIES):
            try:
                return dict(getattr(self._client, operation)(**arguments))
            except ClientError as error:
                code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
                if not is_throttling(code):
                    raise refused(code, text) from error
                last: Exception = error
            except BotoCoreError as error:
                raise Transient(f"Athena cannot be reached for now: {error}") from error
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (jitter, not secrecy)
        raise Transient(f"Athena rejected {operation} {_TRIES} times, because too many calls came at once: {last}") from last


def _pauses(most: int | None = None) -> Iterator[float]:
    """Seconds to wait after each of so many tries, or for ever; each twice the one before, up to a limit."""
    for number in count() if most is None else range(most):
        yield min(_FIRST_PAUSE * 2 ** min(number, 10), _LONGEST_PAUSE)
