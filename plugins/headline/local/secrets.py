"""The keys and passwords of an installation: each in a file of its own, so that each process is given those that it needs."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from headline.local.private import private_folder, write_private
from headline.local.roles import ROLES

# Airflow signs with HMAC-SHA512, which asks for a key of at least so many bytes.
SIGNING_KEY_BYTES = 64
WATCH = "watch"  # the user as whom tasks ask Airflow's API what runs
PEOPLE = "people"  # the folder with the passwords of the engineers of team.yml


def _password() -> str:
    return secrets.token_hex(16)


def _signing_key() -> str:
    return secrets.token_urlsafe(SIGNING_KEY_BYTES)


MADE: Mapping[str, Callable[[], str]] = {
    "fernet_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "api_secret_key": _signing_key,
    "jwt_secret": _signing_key,
    "admin": lambda: secrets.token_hex(10),
    WATCH: _password,
    **dict.fromkeys(ROLES, _password),
}
CONNECTIONS = {
    "LEDGER": ("ledger", "ledger_writer"),
    "LEDGER_READER": ("ledger", "ledger_reader"),
    "LEDGER_MIGRATOR": ("ledger", "ledger_migrator"),
    "LEDGER_ERASER": ("ledger", "ledger_eraser"),
    "SHOP": ("shop", "shop_reader"),
    "SHOP_OWNER": ("shop", "shop_owner"),
}
SIGNING_KEYS = ("api_secret_key", "jwt_secret")


@dataclass(frozen=True)
class Secrets:
    """The folder with these files."""

    folder: Path

    def make(self, names: Iterable[str] = MADE, before: Mapping[str, str] | None = None) -> None:
        """Make those that are missing: of `before` where that has one, else at random; raises BadRequest for somebody's folder.

        A key that is too short to sign with is made again, which only ends the sessions in the UI.
        """
        private_folder(self.folder)
        for name in names:
            known = self.get(name) or (before or {}).get(name, "")
            is_fit = known and (name not in SIGNING_KEYS or len(known) >= SIGNING_KEY_BYTES)
            if not is_fit or known != self.get(name):
                write_private(self.path(name), known if is_fit else MADE.get(name, _password)())

    def path(self, name: str) -> Path:
        return self.folder / name

    def get(self, name: str) -> str:
        """A secret; empty where there is none."""
        path = self.path(name)
        return path.read_text().strip() if path.is_file() and not path.is_symlink() else ""

    def __getitem__(self, name: str) -> str:
        return self.path(name).read_text().strip()

    def airflow_database(self, host: str) -> str:
        """The URL of Airflow's database; `host` may be the folder of a socket."""
        where = f"/airflow?host={quote(host)}" if host.startswith("/") else f"{host}/airflow"
        return f"postgresql+psycopg2://airflow:{self['airflow']}@{where}"

    def airflow(self, url: str) -> str:
        """The connection to Airflow's API as the user that may only look what runs, as JSON."""
        return json.dumps({"conn_type": "http", "host": url, "login": WATCH, "password": self[WATCH]})

    def databases(self, host: str) -> dict[str, str]:
        """The connections to the ledger and the demo shop as roles whose passwords are here, as JSON by the end of conn_id."""
        return {
            name: json.dumps({"conn_type": "postgres", "host": host, "schema": schema, "login": role, "password": self.get(role)})
            for name, (schema, role) in CONNECTIONS.items()
            if self.get(role)
        }
