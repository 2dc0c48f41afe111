"""Who takes changed rows: an HTTP service, or a table of a database."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from headline.errors import SpecError, Transient
from headline.redaction import redact
from headline.specs.exports import FILE, DatabaseTable, Export, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

TIMEOUT_SECONDS = 30
TRIES = 5
LONGEST_PAUSE = 60.0
WORTH_RETRYING = {408, 425, 429}
# What a service answers that can take a request, but not these rows.
REFUSES_ROWS = {400, 409, 413, 422}
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Delivery:
    """A row to be sent; `row` is None where it is gone. The receiver does what has one idempotency key once."""

    idempotency_key: str
    key: Mapping[str, Any]
    row: Mapping[str, Any] | None


class Receiver(Protocol):
    """Takes rows; again is safe, by their idempotency keys."""

    place: str

    def send(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """Send rows; gives by idempotency key why rows were refused. Raises Transient where a retry may help, SpecError where
        the export or its connection is wrong, Refused where these rows as a whole are not taken."""
        ...


class Refused(Exception):
    """The receiver takes none of these rows; with fewer of them it may take some."""


def receiver_of(export: Export) -> Receiver:
    """Who takes the rows of an export."""
    to = export.changing
    return HttpReceiver(export.id, to) if isinstance(to, Webhook) else TableReceiver(export, to)


def send_all(receiver: Receiver, deliveries: Sequence[Delivery]) -> dict[str, str]:
    """Send rows, and halves of them where they are refused as a whole, until it is known which rows are refused, and why."""
    try:
        return receiver.send(deliveries)
    except Refused as error:
        if len(deliveries) == 1:
            return {deliveries[0].idempotency_key: str(error)}
        half = len(deliveries) // 2
        return send_all(receiver, deliveries[:half]) | send_all(receiver, deliveries[half:])


class HttpReceiver:
    """Posts rows as JSON: `{"export": …, "rows": [{"idempotency_key": …, "key": {…}, "row": {…} or null}]}`.

    The header Idempotency-Key is that of the row, or of all rows of the request together. The answer may name rows that were
    refused: `{"refused": [{"idempotency_key": …, "reason": …}]}`.
    """

    def __init__(self, export: str, to: Webhook, pause: Callable[[float], None] = time.sleep) -> None:
        self._export, self._to, self._pause = export, to, pause
        self.place = f"{to.path} (connection {to.connection})"

    def send(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        rows = [{"idempotency_key": one.idempotency_key, "key": one.key, "row": one.row} for one in deliveries]
        keys = [one.idempotency_key for one in deliveries]
        header = keys[0] if len(keys) == 1 else hashlib.sha256("".join(keys).encode()).hexdigest()[:32]
        body = json.dumps({"export": self._export, "rows": rows}, default=str).encode()
        answer = self._answer(body, {"Content-Type": "application/json", "Idempotency-Key": header})
        if answer.status_code in REFUSES_ROWS:
            raise Refused(_shortened(f"{answer.status_code} {answer.text[:_LONGEST_REASON]}"))
        if answer.status_code >= 300:
            raise SpecError(
                [
                    f"exports/{self._export}/{FILE}: to: {self.place} answered {answer.status_code} {answer.reason}: "
                    f"{_shortened(answer.text[:_LONGEST_REASON])}. Look at the path, and at login and password of the connection"
                ]
            )
        return _refused_in(answer, set(keys))

    def _answer(self, body: bytes, headers: dict[str, str]) -> requests.Response:
        """The first answer that another try would not make another; raises Transient after the last one."""
        import requests
        from airflow.providers.http.hooks.http import HttpHook

        said = ""
        for attempt in range(TRIES):
            try:
                hook = HttpHook(method="POST", http_conn_id=self._to.connection)
                how = {"timeout": TIMEOUT_SECONDS, "check_response": False, "allow_redirects": False}
                answer: requests.Response = hook.run(self._to.path, data=body, headers=headers, extra_options=how)
            except requests.RequestException as error:
                said, asked = str(error), 0.0
            else:
                if answer.status_code < 500 and answer.status_code not in WORTH_RETRYING:
                    return answer
                said = f"answered {answer.status_code} {answer.reason}"
                retry_after = answer.headers.get("Retry-After", "")
                asked = float(retry_after) if retry_after.isdecimal() else 0.0
            if attempt < TRIES - 1:
                own = 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, not secrecy)
                self._pause(min(LONGEST_PAUSE, max(asked, own)))
        raise Transient(redact(f"{self.place}: no answer that counts after {TRIES} tries: {said}"))


class TableReceiver:
    """Writes rows to a table of a PostgreSQL database by their key, and deletes those that are gone: again changes nothing."""

    def __init__(self, export: Export, to: DatabaseTable) -> None:
        self._export, self._to = export, to
        self.place = f"{to.table} (connection {to.connection})"

    def send(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """All of them in one transaction."""
        import psycopg

        present = [one for one in deliveries if one.row is not None]
        gone = [one for one in deliveries if one.row is None]
        try:
            with self._connected() as connection, connection.cursor() as cursor:
                if present:
                    rows = [[(one.row or {})[name] for name in self._export.columns] for one in present]
                    cursor.executemany(self._upsert(), rows)
                if gone:
                    cursor.executemany(self._delete(), [[one.key[name] for name in self._export.key] for one in gone])
                connection.commit()
        except psycopg.OperationalError as error:
            raise Transient(redact(f"{self.place}: the database is out of reach: {error}")) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Refused(_shortened(str(error))) from error
        except psycopg.Error as error:
            raise SpecError(
                [f"exports/{self._export.id}/{FILE}: to: {self.place}: the database rejected the statement: {redact(str(error))}"]
            ) from error
        return {}

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        connection = PostgresHook(self._to.connection).get_conn()
        try:
            yield connection
        finally:
            connection.close()

    def _upsert(self) -> Any:
        from psycopg import sql

        columns, key = list(self._export.columns), self._export.key
        others = [name for name in columns if name not in key]
        changed = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
        return sql.SQL("insert into {} ({}) values ({}) on conflict ({}) do {}").format(
            self._table(),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
            sql.SQL(", ").join(map(sql.Identifier, key)),
            sql.SQL("update set {}").format(changed) if others else sql.SQL("nothing"),
        )

    def _delete(self) -> Any:
        from psycopg import sql

        same = sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in self._export.key)
        return sql.SQL("delete from {} where {}").format(self._table(), same)

    def _table(self) -> Any:
        from psycopg import sql

        return sql.Identifier(*self._to.table.split("."))


def as_json(value: Any) -> Any:
    """A value of a row as JSON has it: decimals, days and moments as exact text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value


def _refused_in(answer: requests.Response, keys: set[str]) -> dict[str, str]:
    """By idempotency key why rows were refused; an answer that says nothing of rows has taken all of them."""
    try:
        said = answer.json() if answer.content else {}
    except ValueError:
        return {}
    refused = said.get("refused") if isinstance(said, dict) else None
    found = {}
    for one in refused if isinstance(refused, list) else ():
        if isinstance(one, dict) and one.get("idempotency_key") in keys:
            found[str(one["idempotency_key"])] = _shortened(str(one.get("reason", "no reason was given")))
    return found


def _shortened(text: str) -> str:
    return redact(" ".join(text.split()))[:_LONGEST_REASON]
