import os
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headline.errors import HeadlineError
from headline.local.postgres import DATABASES, SOCKET_NAME, Postgres


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    made = Postgres(tmp_path / "postgres")
    yield made
    made.stop()
    made.remove_socket()


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


def test_nobody_else_may_connect(server: Postgres) -> None:
    server.start()
    assert stat.S_IMODE((server.socket / SOCKET_NAME).stat().st_mode) == 0o700
    with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("show listen_addresses")
        assert cursor.fetchone() == ("",)


def test_it_comes_back_after_it_was_killed(server: Postgres) -> None:
    server.start()
    process = server._server()
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


def test_a_long_path_gets_a_socket_with_a_short_one(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 20)
    folder.mkdir()
    server = Postgres(folder / "postgres")
    try:
        server.start()
        assert server.socket != server.data
        assert server.socket == Postgres(folder / "postgres").socket
        assert databases(server) >= set(DATABASES)
    finally:
        server.stop()
        server.remove_socket()
    assert not server.socket.exists()


def test_what_goes_wrong_is_told_with_the_end_of_the_log(server: Postgres) -> None:
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(HeadlineError, match=r"(?s)pg_ctl failed.*no_such_setting"):
        server.start()
