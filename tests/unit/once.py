"""What a fixture computes is computed for one test and put back for the others: to compute it again takes longer than they do."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

import psycopg2

from headline.ledger.tables import metadata

if TYPE_CHECKING:
    from tests.unit.conftest import Project


@dataclass(frozen=True)
class State:
    """Where everything was, a copy of its files, and the ledger's rows."""

    root: str
    folder: Path
    rows: dict[str, bytes]
    version: tuple[int, bool]


class Once:
    """Computes what a project holds, or puts it back as it was after the first time.

    That time the project's files were the same, and lay in another folder.
    """

    def __init__(self, folder: Path, postgres: str) -> None:
        self._folder = folder
        self._postgres = postgres
        self._states: dict[Hashable, State] = {}

    def __call__(self, project: Project, compute: Callable[[Project], Any]) -> Project:
        files = {str(file.relative_to(project.sql)): file.read_text() for file in project.sql.rglob("*") if file.is_file()}
        key = (compute, *sorted(files.items()))
        if state := self._states.get(key):
            self._put_back(state, project)
        else:
            compute(project)
            self._states[key] = self._kept(project)
        return project

    def _kept(self, project: Project) -> State:
        folder = self._folder / str(len(self._states))
        copytree(project.folder, folder)
        with closing(psycopg2.connect(host=self._postgres, user="postgres", dbname="ledger")) as server:
            cursor, rows = server.cursor(), {}
            for table in metadata.sorted_tables:
                cursor.copy_expert(f"copy {table.name} to stdout", file := io.BytesIO())
                rows[table.name] = file.getvalue()
            cursor.execute("select last_value, is_called from version")
            return State(str(project.folder), folder, rows, cursor.fetchone())

    def _put_back(self, state: State, project: Project) -> None:
        rmtree(project.folder / "include")
        copytree(state.folder, project.folder, dirs_exist_ok=True)
        old, new = state.root.encode(), str(project.folder).encode()
        for manifest in (project.folder / "home").rglob("*.json"):
            manifest.write_bytes(manifest.read_bytes().replace(old, new))
        with closing(psycopg2.connect(host=self._postgres, user="postgres", dbname="ledger")) as server:
            cursor = server.cursor()
            cursor.execute("set session_replication_role = replica")
            for name, rows in state.rows.items():
                if rows:
                    cursor.copy_expert(f"copy {name} from stdin", io.BytesIO(rows.replace(old, new)))
            cursor.execute("select setval('version', %s, %s)", state.version)
            server.commit()
        project.forget()
