import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headline.errors import HeadlineError
from headline.local import postgres, postgres_place, roles
from headline.local.account import own, owner
from headline.local.postgres import Postgres
from headline.local.postgres_place import SOCKET_NAME
from headline.local.postgres_processes import main_process
from headline.local.roles import DATABASES

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account to run the server")


@pytest.fixture(autouse=True)
def outside(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where root's servers have their data, which pytest's own folders are closed to."""
    folder = server_folder / "outside"
    monkeypatch.setattr(postgres_place, "OUTSIDE", folder)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    made = Postgres(tmp_path / "postgres")
    yield made
    made.stop()
    made.remove_outside()


def databases(server: Postgres) -> set[str]:
    with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database")
        return {name for (name,) in cursor.fetchall()}


def test_it_starts_with_its_databases_and_again_is_safe(server: Postgres) -> None:
    server.start()
    server.start()
    assert server.is_running()
    assert databases(server) >= set(DATABASES)
    server.stop()
    server.stop()
    assert not server.is_running()
    server.start()
    assert databases(server) >= set(DATABASES)


def test_databases_take_every_text_whatever_the_server_was_made_for(server: Postgres) -> None:
    server.start()
    with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        for name in DATABASES:
            cursor.execute(f"drop database {name}")
        cursor.execute("alter database template1 is_template false")
        cursor.execute("drop database template1")
        cursor.execute("create database template1 encoding 'SQL_ASCII' template template0 is_template true")
        roles.prepare(server.connect, {role: server.secrets[role] for role in roles.ROLES})
        cursor.execute(
            "select datname, pg_encoding_to_char(encoding) from pg_database where datname = any(%s)", [list(DATABASES)]
        )
        assert dict(cursor.fetchall()) == dict.fromkeys(DATABASES, "UTF8")


def test_nobody_else_may_connect(server: Postgres) -> None:
    server.start()
    assert stat.S_IMODE((server.socket / SOCKET_NAME).stat().st_mode) == 0o700
    with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("show listen_addresses")
        assert cursor.fetchone() == ("",)


def test_it_comes_back_after_it_was_killed(server: Postgres) -> None:
    server.start()
    process = main_process(server.data)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    while server.is_running():
        pass
    assert (server.data / "postmaster.pid").exists()
    server.start()
    assert databases(server) >= set(DATABASES)


def test_a_number_that_belongs_to_another_program_is_no_server(server: Postgres) -> None:
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert not server.is_running()
    server.start()
    assert server.is_running()


def test_a_long_path_gets_a_socket_with_a_short_one(server_folder: Path) -> None:
    folder = server_folder / ("long " * 20)
    folder.mkdir()
    folder.chmod(0o711)
    server = Postgres(folder / "postgres")
    try:
        server.start()
        socket = server.socket
        assert socket != server.data
        assert server.socket == Postgres(folder / "postgres").socket
        assert databases(server) >= set(DATABASES)
    finally:
        server.stop()
        server.remove_outside()
    assert not socket.exists()


def test_what_goes_wrong_is_told_with_the_end_of_the_log(server: Postgres) -> None:
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(HeadlineError, match=r"(?s)pg_ctl failed.*no_such_setting"):
        server.start()


@AS_ROOT
def test_no_folder_is_opened_for_the_account_that_runs_it(server: Postgres, tmp_path: Path, outside: Path) -> None:
    tmp_path.chmod(0o700)
    server.start()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert server.place.parent.parent == outside
    assert Postgres(server.data).socket == server.socket
    assert databases(server) >= set(DATABASES)
    server.stop()
    server.remove_outside()
    assert not outside.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


@AS_ROOT
def test_data_stay_where_they_are_and_go_along_when_their_folder_is_closed(server_folder: Path, outside: Path) -> None:
    home = server_folder / "home"
    home.mkdir()
    home.chmod(0o711)
    server = Postgres(home / "postgres")
    server.prepare()
    (server.data / "base").mkdir()
    (server.data / "base" / "1").write_text("kept")
    server.prepare()
    assert server.place == server.data
    home.chmod(0o700)
    server.prepare()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert server.place.parent.parent == outside
    account = owner()
    assert account
    assert (server.data / "base" / "1").read_text() == "kept"
    assert {path.stat().st_uid for path in (server.place, *server.place.rglob("*"))} == {account.pw_uid}
    server.remove_outside()
    assert not outside.exists()


@AS_ROOT
def test_programs_in_a_closed_folder_are_copied(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    (closed / "bin" / "greet").write_text("#!/bin/sh\ncat $(dirname $0)/../share/greeting\n")
    (closed / "share").mkdir()
    (closed / "share" / "greeting").write_text("hello")
    for path in (closed, *closed.rglob("*")):
        path.chmod(0o700)
    monkeypatch.setattr(postgres, "programs", lambda: closed / "bin")
    server.prepare()
    account = owner()
    assert account
    program = server._programs(account) / "greet"
    assert subprocess.run([program], user=account.pw_uid, capture_output=True, check=True, cwd="/").stdout == b"hello"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_folder_of_somebody_elses_or_a_link_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    before = (tmp_path / "theirs").stat()
    with pytest.raises(HeadlineError, match="belongs to somebody else"):
        own(tmp_path / "link")
    after = (tmp_path / "theirs").stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
