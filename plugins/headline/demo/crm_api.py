"""The sales team's customer relations system behind a JSON interface over HTTP.

    POST /crm/customers {"export": …, "rows": [{"idempotency_key": …, "key": {…}, "row": {…} or null}]}
        → {"accepted": 2, "repeated": 0, "refused": [{"idempotency_key": …, "reason": …}]}

What it took under an idempotency key it does not do again, whatever becomes of it meanwhile. It knows no customers of Poland yet.
Its customers are in a file of SQLite beside the demo company's other data.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

NOT_SERVED = "PL"
_TABLES = """
create table if not exists customers (customer_id text primary key, content text not null, change_count integer not null);
create table if not exists deliveries (idempotency_key text primary key);
"""


class FaultyBodyError(ValueError):
    """The body of a request is not as agreed; the message says what is wrong."""


class Crm:
    """The customers that the sales team sees. Every request is one transaction."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._lock = file, Lock()
        with closing(self._connect()) as connection:
            connection.executescript(_TABLES)

    def take(self, body: bytes) -> dict[str, Any]:
        """Take rows; raises FaultyBodyError where none of them can be read."""
        try:
            rows = json.loads(body)["rows"]
            wanted = [(str(one["idempotency_key"]), str(one["key"]["customer_id"]), one["row"]) for one in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise FaultyBodyError(f"rows with idempotency_key, key and row are expected: {error!r}") from error
        refused, repeated = [], 0
        with self._lock, closing(self._connect()) as connection, connection:
            for key, customer, row in wanted:
                if row and row.get("country_code") == NOT_SERVED:
                    refused.append({"idempotency_key": key, "reason": f"the territory {NOT_SERVED} is not set up"})
                elif not connection.execute("insert or ignore into deliveries values (?)", (key,)).rowcount:
                    repeated += 1
                elif row is None:
                    connection.execute("delete from customers where customer_id = ?", (customer,))
                else:
                    connection.execute(
                        "insert into customers values (?, ?, 1) on conflict (customer_id) do update "
                        "set content = excluded.content, change_count = change_count + 1",
                        (customer, json.dumps(row, sort_keys=True)),
                    )
        return {"accepted": len(wanted) - len(refused) - repeated, "repeated": repeated, "refused": refused}

    def customers(self) -> dict[str, tuple[dict[str, Any], int]]:
        """By id, what the sales team sees, and how often it changed."""
        with closing(self._connect()) as connection:
            found = connection.execute("select customer_id, content, change_count from customers order by customer_id").fetchall()
        return {customer: (json.loads(content), count) for customer, content, count in found}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=30)
