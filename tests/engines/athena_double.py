"""A stand-in for Athena: moto answers the calls, and tables of another engine execute the statements.

With DuckDB (duck_tables.py) it proves the flow, not the dialect; with Trino (trino/tables.py) it proves both, as far as Athena
is a Trino.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.athena.models import AthenaBackend, Execution, QueryResults, athena_backends
from moto.athena.responses import AthenaResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError

REGION = "us-east-1"
LONGEST_QUERY = 262_144
# The names and types of columns, and rows of texts, as Athena gives them.
Rows = tuple[list[tuple[str, str]], list[tuple[str | None, ...]]]


@dataclass
class Failure:
    """How a statement is to fail: the reason, and AthenaError's category and whether it can be retried."""

    reason: str
    category: int = 2
    retryable: bool = False


class StatementFailed(Exception):
    """A statement failed; `args[0]` is the Failure."""


class Tables(Protocol):
    """What executes statements."""

    def execute(self, sql: str) -> Rows:
        """The rows of a statement, if it has any. Raises StatementFailed."""


@dataclass
class AthenaDouble:
    """What was asked of it, and how it is to behave.

    `executed`: every statement that ran, in order. `failures`: by a part of the statement's text, how the next such one fails.
    `throttled`: so many calls that start a statement are refused. `pages`: how many of results were asked for. `held`: a part of
    the text of statements that stay running.
    """

    tables: Tables
    executed: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    throttled: int = 0
    pages: int = 0
    held: str = ""
    scanned: int = 0
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def executions(self) -> dict[str, Execution]:
        return athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions

    def release(self) -> None:
        """Let the statements end that were held."""
        self.held = ""
        for execution in self.executions.values():
            if execution.__dict__.pop("is_held", False) and execution._status != "CANCELLED":
                self.finish(execution)

    def statements(self, kind: str) -> list[str]:
        """The statements that ran which begin with these words."""
        return [sql for sql in self.executed if " ".join(sql.split()).lower().startswith(kind)]

    # what moto is given

    def start(self, response: AthenaResponse) -> str:
        sql, token = response._get_param("QueryString"), response._get_param("ClientRequestToken")
        if self.throttled > 0:
            self.throttled -= 1
            raise JsonRESTError("TooManyRequestsException", "Rate exceeded")
        if len(sql.encode()) > LONGEST_QUERY:
            raise JsonRESTError("InvalidRequestException", f"queryString has {len(sql.encode())} bytes")
        if token in self.tokens:
            known, query_id = self.tokens[token]
            if known != sql:
                raise JsonRESTError("InvalidRequestException", "Idempotent parameters do not match")
            return json.dumps({"QueryExecutionId": query_id})
        workgroup = response.athena_backend.work_groups.get(response._get_param("WorkGroup"))
        config = response._get_param("ResultConfiguration") or {}
        execution = Execution(sql, response._get_param("QueryExecutionContext"), config, workgroup, None)
        execution._transitions, execution._status = [], "RUNNING"
        self.executions[execution.id] = execution
        self.tokens[token] = (sql, execution.id)
        if self.held and self.held in sql:
            execution.__dict__["is_held"] = True
        else:
            self.finish(execution)
        return json.dumps({"QueryExecutionId": execution.id})

    def finish(self, execution: Execution) -> None:
        """Execute a statement and say how it ended."""
        self.executed.append(execution.query)
        failure = next((self.failures.pop(part) for part in list(self.failures) if part in execution.query), None)
        try:
            if failure is None:
                self._store(execution.id, *self.tables.execute(execution.query))
        except StatementFailed as error:
            [failure] = error.args
        execution._status = "FAILED" if failure else "SUCCEEDED"
        execution.__dict__["failure"] = failure

    def described(self, response: AthenaResponse, original: Callable[[AthenaResponse], str]) -> str:
        told = json.loads(original(response))
        execution = self.executions[response._get_param("QueryExecutionId")]
        found = told["QueryExecution"]
        is_select = re.match(r"\s*(\(*\s*(select|with|insert|merge)|create table \S+ with)", execution.query, re.IGNORECASE)
        found["StatementType"] = "DML" if is_select else "DDL"
        found["Statistics"]["DataScannedInBytes"] = self.scanned
        if failure := execution.__dict__.get("failure"):
            found["Status"]["StateChangeReason"] = failure.reason
            found["Status"]["AthenaError"] = {
                "ErrorCategory": failure.category,
                "ErrorType": 1,
                "Retryable": failure.retryable,
                "ErrorMessage": failure.reason,
            }
        return json.dumps(told)

    def page(self, response: AthenaResponse) -> str:
        """So many rows of a result as are asked for, from where the page before it has ended."""
        self.pages += 1
        found = response.athena_backend.get_query_results(response._get_param("QueryExecutionId"))
        start, most = int(response._get_param("NextToken") or 0), int(response._get_param("MaxResults") or 1000)
        told = QueryResults(found.rows[start : start + most], found.column_info).to_dict()
        return json.dumps(told | ({"NextToken": str(start + most)} if start + most < len(found.rows) else {}))

    # inside

    def _store(self, query_id: str, described: list[tuple[str, str]], rows: list[tuple[str | None, ...]]) -> None:
        info = [{"Name": name, "Type": kind} for name, kind in described]
        head = [{"Data": [{"VarCharValue": name} for name, _ in described]}] if described else []
        body = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
        athena_backends[DEFAULT_ACCOUNT_ID][REGION].query_results[query_id] = QueryResults(head + body, info)


@cache
def client(service: str) -> Any:
    """A client of a service that moto answers; making one takes longer than all that is asked of it."""
    return boto3.client(service, REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@contextmanager
def athena_double(tables: Callable[[Path], Tables]) -> Iterator[AthenaDouble]:
    """While it is entered every AWS call of this process is answered by moto, and Athena's by the double.

    `tables`: makes what executes statements; it is given a folder of its own.
    """
    original = AthenaResponse.get_query_execution
    with tempfile.TemporaryDirectory(prefix="headline-athena-") as folder, mock_aws():
        client("s3").create_bucket(Bucket="tables")
        double = AthenaDouble(tables(Path(folder)))

        def stop(backend: AthenaBackend, exec_id: str) -> None:
            if backend.executions[exec_id]._status == "RUNNING":
                backend.executions[exec_id]._status = "CANCELLED"

        with (
            patch.object(AthenaResponse, "start_query_execution", lambda response: double.start(response)),
            patch.object(AthenaResponse, "get_query_results", lambda response: double.page(response)),
            patch.object(AthenaResponse, "get_query_execution", lambda response: double.described(response, original)),
            patch.object(AthenaBackend, "stop_query_execution", stop),
        ):
            yield double
