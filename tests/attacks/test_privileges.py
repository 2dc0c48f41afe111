"""Every role, user and file has the rights that it needs and no others."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import psutil
import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg2.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from rich.console import Console
from tests.unit.records import days_of, record

from headline import connections
from headline.demo import shop
from headline.demo.company import Company
from headline.errors import BadRequest, HeadlineError
from headline.ledger import Ledger, Read, Reads, only_read, reading
from headline.ledger.rights import ERASED, current, history
from headline.local import postgres_place
from headline.local.account import owner
from headline.local.airflow_database import _set_user
from headline.local.home import DERIVED, HEADER, Home, lines
from headline.local.postgres import ACCESS, Postgres
from headline.local.processes import Processes
from headline.local.roles import DATABASES, LOGINS, ROLES, SUPERUSER
from headline.local.screen import Screen
from headline.local.secrets import MADE, WATCH
from headline.local.setup import free_port, open_home
from headline.local.told import process_environment
from headline.pages.app import app as pages
from headline.pages.ledger import ReadsTheLedger
from headline.settings import ROLES as USER_ROLES

D1 = date(2026, 3, 1)
SOCKET = Path("socket")
Connection = psycopg2.extensions.connection
REFUSED = (InsufficientPrivilege, ReadOnlySqlTransaction)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# PostgreSQL


@pytest.fixture
def server(postgres: str, ledger_database: str, server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The server of all tests, and no password in the environment."""
    monkeypatch.delenv("PGPASSWORD")
    return Postgres(server_folder / "postgres")


def opened(server: Postgres, role: str, database: str, password: str | None = None) -> Connection:
    connection = psycopg2.connect(
        host=str(server.socket), user=role, dbname=database, password=server.secrets[role] if password is None else password
    )
    connection.autocommit = True
    return connection


def run(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("password", ["", "postgres", "0" * 32])
def test_no_role_gets_in_without_its_password(server: Postgres, password: str) -> None:
    for role in ROLES:
        with pytest.raises(psycopg2.OperationalError, match=r"no password supplied|password authentication failed"):
            opened(server, role, "ledger", password)


def test_another_roles_password_opens_nothing(server: Postgres) -> None:
    assert len({server.secrets[role] for role in ROLES}) == len(ROLES)
    for role in LOGINS:
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            opened(server, SUPERUSER, "ledger", server.secrets[role])


def test_a_role_connects_to_its_own_database_only_and_may_administer_nothing(server: Postgres) -> None:
    own = {role: name for name, database in DATABASES.items() for role in (database.owner, *database.others)}
    for role in LOGINS:
        for name in (*DATABASES, "postgres", "template1"):
            if name != own[role]:
                with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                    opened(server, role, name)
        with closing(opened(server, role, own[role])) as connection:
            for statement in (
                "create role another login superuser",
                f"alter role {SUPERUSER} password 'mine'",
                "create database another",
                "alter system set fsync = off",
                "select * from pg_authid",
                "select pg_read_file('postgresql.conf')",
                "copy (select 1) to program 'true'",
                f"set role {SUPERUSER}",
            ):
                with pytest.raises(REFUSED):
                    run(connection, statement)


def test_postgresql_trusts_no_connection_without_a_password(server: Postgres) -> None:
    with closing(server.connect("postgres")) as connection:
        rules = run(connection, "select type, database, user_name, auth_method, error from pg_hba_file_rules")
        assert {(method, error) for *_, method, error in rules} == {("scram-sha-256", None)}
        assert {kind for kind, *_ in rules} == {"local", "host"}
        assert run(connection, "show listen_addresses") == [("",)]
        kept = run(connection, "select rolname, rolpassword from pg_authid where rolcanlogin")
    assert {name for name, _ in kept} == set(ROLES)
    assert all(str(password).startswith("SCRAM-SHA-256$") for _, password in kept)


@pytest.fixture
def filled(ledger: Ledger, server: Postgres) -> Postgres:
    """A row in every table of the ledger that a run fills."""
    record(ledger, *days_of("core.x", D1, D1))
    with closing(server.connect("ledger")) as connection:
        run(connection, "set session_replication_role = replica")
        for table in history():
            if not run(connection, f"select 1 from {table} limit 1"):
                run(connection, _row_of(connection, table))
    return server


def _row_of(connection: Connection, table: str) -> str:
    """A statement that adds a row with something in each column that must have it."""
    values = {
        "bigint": "1",
        "integer": "1",
        "bytea": "''",
        "date": "'2026-03-01'",
        "jsonb": "'{}'",
        "ARRAY": "'{}'",
        "boolean": "true",
        "numeric": "1",
        "timestamp with time zone": "now()",
    }
    columns = run(
        connection,
        "select column_name, data_type from information_schema.columns "
        f"where table_name = '{table}' and table_schema = 'public' and is_nullable = 'NO'",
    )
    names = ", ".join(f'"{name}"' for name, _ in columns)
    chosen = {"id": "0", "report_id": "0", "event": "'sent'", "state": "'delivered'", "status": "'draft'", "channel": "'page'"}
    given = ", ".join(chosen.get(str(name)) or values.get(str(kind), "'x'") for name, kind in columns)
    return f"insert into {table} ({names}) values ({given})"


CHANGES = ("update {table} set {column} = {column}", "delete from {table}", "truncate {table} cascade")


def changes(connection: Connection, table: str) -> list[str]:
    [(column,)] = run(connection, f"select attname from pg_attribute where attrelid = '{table}'::regclass and attnum = 1")
    return [change.format(table=table, column=column) for change in CHANGES]


@pytest.mark.parametrize("role", ["ledger_writer", "ledger_migrator", SUPERUSER])
def test_no_role_changes_history(filled: Postgres, role: str) -> None:
    assert set(history()) == {"load", "audit", "publication", "schema_change", "incident_event", "retirement"} | {
        *("figure_request", "figure_decision", "issued_figures", "read", "export_run", "report", "report_sending"),
    }
    with closing(opened(filled, role, "ledger")) as connection:
        for table in history():
            before = run(connection, f"select count(*) from {table}")
            assert before != [(0,)]
            for statement in changes(connection, table):
                with pytest.raises(InsufficientPrivilege, match=r"is history|permission denied for table"):
                    run(connection, statement)
            assert run(connection, f"select count(*) from {table}") == before


def test_the_writer_adds_to_history_keeps_the_present_and_makes_no_tables(filled: Postgres) -> None:
    with closing(opened(filled, "ledger_writer", "ledger")) as connection:
        for table in sorted({*current()} - {ERASED}):
            update, delete, truncate = changes(connection, table)
            run(connection, update)
            run(connection, delete)
            with pytest.raises(InsufficientPrivilege):
                run(connection, truncate)
        for statement in (
            "create table mine (x int)",
            "alter table load disable trigger all",
            "drop trigger history_stays on load",
            "drop function history_stays() cascade",
            "set session_replication_role = replica",
            "update alembic_version set version_num = '0001'",
            "alter sequence version restart",
            "select setval('version', 1)",
        ):
            with pytest.raises(InsufficientPrivilege):
                run(connection, statement)


def test_tasks_cannot_erase_persons(filled: Postgres) -> None:
    erase = "select replace_in_history('C12', '-123456789012345')"
    insert = f"insert into {ERASED} (digest, salt, asked_by) values ('d', 's', 'somebody')"
    with closing(opened(filled, "ledger_writer", "ledger")) as connection:
        for statement in (erase, insert, *changes(connection, ERASED), "set role ledger_eraser"):
            with pytest.raises(InsufficientPrivilege):
                run(connection, statement)
    with closing(opened(filled, "ledger_eraser", "ledger")) as connection:
        run(connection, erase)
        run(connection, insert)
        update, *others = changes(connection, ERASED)
        run(connection, update)
        more = [statement for table in history() for statement in changes(connection, table)]
        for statement in (*others, *more, "select forget_audits(1)", "create table mine (x int)"):
            with pytest.raises(InsufficientPrivilege):
                run(connection, statement)


def test_pages_use_the_reader_and_only_actions_use_the_writer(
    filled: Postgres, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    for name, text in filled.secrets.databases(str(filled.socket)).items():
        monkeypatch.setenv(f"AIRFLOW_CONN_HEADLINE_{name}", text)
    forget_settings()
    seen: list[str] = []

    def role() -> str:
        with Ledger()._begin() as connection:
            seen.append(str(connection.exec_driver_sql("select current_user").scalar()))
        return seen[-1]

    app = FastAPI()
    app.add_middleware(ReadsTheLedger)
    app.get("/in-a-thread")(lambda: role())

    @app.post("/action")
    def action() -> str:
        with reading(is_on=False):
            role()
        return role()

    with TestClient(app) as client:
        client.get("/in-a-thread")
        client.post("/action")
    assert seen == ["ledger_reader", "ledger_writer", "ledger_reader"]
    assert role() == "ledger_writer", "what others do in this process stays as it is"
    assert ReadsTheLedger in [one.cls for one in pages.user_middleware]


def test_the_reader_reads_everything_and_writes_nothing(filled: Postgres) -> None:
    with closing(opened(filled, "ledger_reader", "ledger")) as connection:
        for table in (*history(), *current(), "alembic_version"):
            run(connection, f"select count(*) from {table}")
        for is_read_only in ("on", "off"):
            run(connection, f"set default_transaction_read_only = {is_read_only}")
            for table in (*history(), *current()):
                for statement in (*changes(connection, table), f"insert into {table} select * from {table}"):
                    with pytest.raises(REFUSED):
                        run(connection, statement)
            for statement in ("create table mine (x int)", "create temporary table mine (x int)", "select nextval('version')"):
                with pytest.raises(REFUSED):
                    run(connection, statement)


def test_commands_that_only_read_use_the_reader(
    filled: Postgres, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    for name, text in filled.secrets.databases(str(filled.socket)).items():
        monkeypatch.setenv(f"AIRFLOW_CONN_HEADLINE_{name}", text)
    forget_settings()
    only_read()
    assert connections.get("headline_ledger").login == "ledger_reader"
    assert Ledger().newest_version() > 0
    with pytest.raises(Exception, match=r"permission denied|read-only"):
        Ledger().distrust({"core.x": [D1]})
    with reading(is_on=False):  # as the audit log of their queries is written
        Reads().record(Read("ada", "query", ("core.x",)))
    assert Reads().newest(1)[0].reader == "ada"
    with reading(), pytest.raises(Exception, match=r"permission denied|read-only"):
        Reads().record(Read("ada", "query", ("core.x",)))


def test_tasks_can_only_read_the_shop(server: Postgres) -> None:
    with closing(opened(server, "shop_owner", "shop")) as filling:
        filling.autocommit = False
        shop.fill(filling, D1, D1, Company(lines_on_first_day=5))
    try:
        with closing(opened(server, "shop_reader", "shop")) as connection:
            tables = [str(name) for (name,) in run(connection, "select tablename from pg_tables where schemaname = 'public'")]
            assert "orders" in tables
            for is_read_only in ("on", "off"):
                run(connection, f"set default_transaction_read_only = {is_read_only}")
                for table in tables:
                    run(connection, f"select count(*) from {table}")
                    for statement in (*changes(connection, table), f"insert into {table} select * from {table}"):
                        with pytest.raises(REFUSED):
                            run(connection, statement)
    finally:
        with closing(opened(server, "shop_owner", "shop")) as connection:
            run(connection, f"drop table {', '.join(tables)} cascade")


# A server of an earlier version, which listens on the network


@pytest.fixture
def other(server_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server of one test's own, in a home and on a port of its own."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPORT", str(free_port(20000)))
    monkeypatch.setattr(postgres_place, "OUTSIDE", server_folder / "outside")
    made = Postgres(tmp_path / "home" / "postgres")
    yield made
    Processes(Home(made.data.parent)).stop()  # or else its supervisor starts it again
    made.stop()
    made.remove_outside()


OF_BEFORE = """
create type mood as enum ('calm', 'busy');
create table kept (id bigserial primary key, mood mood, text text);
create view seen as table kept;
create function twice(x int) returns int language sql return 2 * x;
insert into kept (mood, text) values ('calm', 'of before')
"""


def start_as_before(server: Postgres) -> None:
    """As earlier versions did: one superuser without a password; and on the network, where somebody has set that."""
    server.prepare()
    options = ("--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
    server._run("initdb", "-D", str(server.place), "--auth=trust", *options)
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("listen_addresses = '127.0.0.1'\nfsync = off\n")
    server._start()
    for name in ("postgres", *DATABASES):
        with closing(psycopg2.connect(host=str(server.socket), user="postgres", dbname=name)) as connection:
            connection.autocommit = True
            for statement in [f"create database {name}" for name in DATABASES] if name == "postgres" else [OF_BEFORE]:
                run(connection, statement)


def test_a_home_of_an_earlier_version_gets_roles_and_passwords_and_keeps_its_data(
    other: Postgres, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    home = Home(other.data.parent)
    home.make()
    of_before = {"AIRFLOW__CORE__FERNET_KEY": "f" * 43 + "=", "HEADLINE_ADMIN_PASSWORD": "known to somebody"}
    derived = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://postgres@/airflow"}
    text = "\n".join([HEADER, *lines(of_before), DERIVED, *lines(derived), ""])
    home.env_file.write_text(text)
    start_as_before(other)
    assert other.is_open()

    printed = io.StringIO()
    with patch.dict(os.environ):
        os.environ.update(home.environment())  # as the command line does
        variables = open_home(home, Screen(Console(file=printed)), (), {})
        assert not {*of_before, *derived} & set(process_environment(variables, home))

    assert not other.is_open()
    assert (other.place / "pg_hba.conf").read_text().startswith(ACCESS)
    assert (home.secrets["fernet_key"], home.secrets["admin"]) == tuple(of_before.values())
    for name, database in DATABASES.items():
        for host in (str(other.socket), "127.0.0.1"):
            for role, password in ((SUPERUSER, ""), (database.owner, ""), (database.owner, "postgres")):
                with pytest.raises(psycopg2.OperationalError, match=r"no password supplied|password authentication failed"):
                    psycopg2.connect(host=host, user=role, dbname=name, password=password)
            psycopg2.connect(host=host, user=database.owner, dbname=name, password=other.secrets[database.owner]).close()
        with closing(opened(other, database.owner, name)) as connection:
            run(connection, "insert into kept (mood, text) values ('busy', 'of now'); alter type mood add value 'angry'")
            assert run(connection, "select id, mood, text, twice(2) from seen order by id") == [
                (1, "calm", "of before", 4),
                (2, "busy", "of now", 4),
            ]
            run(connection, "drop view seen; drop table kept; drop type mood; drop function twice")
    told = printed.getvalue() + (other.place / "server.log").read_text()
    assert not [name for name in MADE if home.secrets[name] in told]

    # Somebody removes the files of secrets: the next start makes new ones, and the old ones open nothing any more.
    Processes(home).stop()
    old = {role: home.secrets[role] for role in ROLES}
    for role in ROLES:
        home.secrets.path(role).unlink()
    other.start()
    for role, name in ((SUPERUSER, "postgres"), ("ledger_writer", "ledger")):
        opened(other, role, name).close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            opened(other, role, name, old[role])


# The environment of tasks, what is printed, and what others see of processes


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def test_processes_inherit_no_password_but_those_that_tasks_need(home: Home) -> None:
    variables = home.write(SOCKET, {})
    told = json.dumps(variables)
    inherited = {name for name in MADE if home.secrets[name] in told}
    assert inherited == {WATCH, "ledger_writer", "ledger_reader", "shop_reader"}
    assert {name: json.loads(variables[f"AIRFLOW_CONN_HEADLINE_{name}"])["login"] for name in ("LEDGER", "SHOP", "AIRFLOW")} == {
        "LEDGER": "ledger_writer",
        "SHOP": "shop_reader",
        "AIRFLOW": WATCH,
    }
    assert not [name for name in variables if name.endswith(("_CONN", "_PASSWORD", "_SECRET", "_KEY"))]


def test_airflow_reads_its_secrets_where_the_environment_says(home: Home) -> None:
    variables = home.write(SOCKET, {})
    commands = {name: command for name, command in variables.items() if name.endswith("_CMD")}
    assert len(commands) == 4
    printed = {name: subprocess.check_output(command.split(), text=True) for name, command in commands.items()}
    database = printed["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"]
    assert database == f"postgresql+psycopg2://airflow:{home.secrets['airflow']}@socket/airflow"
    assert printed["AIRFLOW__CORE__FERNET_KEY_CMD"] == home.secrets["fernet_key"]


def test_only_set_up_has_the_connections_of_migrator_eraser_and_shop_owner(home: Home) -> None:
    home.write(SOCKET, {})
    lent = home.lent(SOCKET)
    assert {name: json.loads(text)["login"] for name, text in lent.items()} == {
        "headline_ledger_migrator": "ledger_migrator",
        "headline_ledger_eraser": "ledger_eraser",
        "headline_shop_owner": "shop_owner",
    }
    before = dict(os.environ)
    with connections.lent(lent):
        assert connections.get("headline_shop_owner").login == "shop_owner"
    assert dict(os.environ) == before


def test_an_external_ledger_is_reached_with_the_given_connection(home: Home) -> None:
    chosen = json.dumps({"conn_type": "postgres", "host": "elsewhere", "login": "one for all"})
    variables = home.write(SOCKET, {"AIRFLOW_CONN_HEADLINE_LEDGER": chosen})
    assert home.lent(SOCKET)["headline_ledger_migrator"] == chosen
    assert "AIRFLOW_CONN_HEADLINE_LEDGER_READER" not in variables
    assert home.lent(SOCKET)["headline_ledger_eraser"] == chosen
    other = json.dumps({"conn_type": "postgres", "host": "elsewhere", "login": "its migrator"})
    home.write(SOCKET, {"AIRFLOW_CONN_HEADLINE_LEDGER_MIGRATOR": other})
    assert home.lent(SOCKET)["headline_ledger_migrator"] == other
    assert home.lent(SOCKET)["headline_ledger_eraser"] == other


def test_the_screen_names_the_file_of_the_password_and_never_shows_it(home: Home) -> None:
    home.write(SOCKET, {})
    file = io.StringIO()
    Screen(Console(file=file, width=300)).console.print(home.login)
    assert str(home.login_file) in file.getvalue()
    assert not [name for name in MADE if home.secrets[name] in file.getvalue()]
    assert {mode(path) for path in home.secrets.folder.iterdir()} == {0o600} == {mode(home.login_file), mode(home.env_file)}
    assert mode(home.secrets.folder) == 0o700


def test_no_password_stands_in_the_list_of_processes(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    popen = subprocess.Popen.__init__

    def start(self: subprocess.Popen[str], args: object, *others: object, **options: object) -> None:
        started.append(repr(args))
        popen(self, args, *others, **options)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", start)
    server._run("postgres", "--version", told="alter role x password 'y'")
    server.start()
    with suppress(psutil.Error):
        started += [repr(process.cmdline()) for process in psutil.process_iter() if process.name().startswith("postgres")]
    assert started
    assert not [name for name in ROLES if server.secrets[name] in "".join(started)]


# The user as whom tasks ask Airflow's API


def test_the_watch_user_may_only_see_dags_runs_and_tasks() -> None:
    rights = [role for role in json.loads(USER_ROLES.read_text()) if role["name"] == WATCH]
    assert {(one["resource"], one["action"]) for one in rights} == {
        ("DAGs", "can_read"),
        ("DAG Runs", "can_read"),
        ("Task Instances", "can_read"),
        ("Audit Logs", "can_read"),  # who has cleared a run cannot approve what it restates
    }


def test_set_up_gives_each_user_its_role_and_password() -> None:
    users: dict[str, list[str]] = {}
    security = SimpleNamespace(
        find_user=lambda name: SimpleNamespace(id=name) if name in users else None,
        find_role=lambda name: f"role {name}",
        add_user=lambda name, _first, _last, _mail, role, password: users.setdefault(name, [role, password]),
        reset_password=lambda name, password: users[name].__setitem__(1, password) or True,
    )
    for password in ("first", "second"):
        _set_user(security, WATCH, "watch", password)
        assert users == {WATCH: ["role watch", password]}
    security.reset_password = lambda *_: False
    with pytest.raises(SystemExit, match="watch could not be set up"):
        _set_user(security, WATCH, "watch", "third")


# Links and folders


@pytest.mark.parametrize("dangling", [False, True])
def test_a_home_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dangling: bool) -> None:
    target = tmp_path / "of somebody"
    if not dangling:
        target.mkdir(mode=0o755)
        target.chmod(0o755)
    (tmp_path / "home").symlink_to(target)
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    with pytest.raises(BadRequest, match="is a link to"):
        Home.current().make()
    assert target.exists() is not dangling
    if not dangling:
        assert (mode(target), list(target.iterdir())) == (0o755, [])


@pytest.mark.parametrize("name", ["env", "login", "starting", "secrets", "landing", "logs", "processes.json", "postgres-socket"])
def test_a_link_planted_in_a_home_is_refused(home: Home, tmp_path: Path, name: str) -> None:
    home.write(SOCKET, {})
    victim = tmp_path / "victim"
    victim.write_text("of somebody")
    path = home.path / name
    if path.is_dir():
        path.rename(path.with_name("aside"))
    path.unlink(missing_ok=True)
    path.symlink_to(victim)
    with pytest.raises(BadRequest, match=r"is a link to|holds other things"), home.starting():
        pass
    assert victim.read_text() == "of somebody"


def test_a_link_that_appears_while_a_file_is_written_is_not_followed(home: Home, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("of somebody")
    for name in (".env.unfinished", ".login.unfinished", "login"):
        (home.path / name).unlink(missing_ok=True)
        (home.path / name).symlink_to(victim)
    home.write(SOCKET, {})
    assert victim.read_text() == "of somebody"
    assert not home.login_file.is_symlink()


def test_data_of_a_server_are_no_link_that_somebody_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root the server's account would be given what the link leads to."""
    monkeypatch.setattr(postgres_place, "OUTSIDE", tmp_path / "outside")
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (tmp_path / "postgres").symlink_to(victim)
    with pytest.raises(HeadlineError, match="is a link to"):
        Postgres(tmp_path / "postgres").prepare()
    assert (victim.stat().st_uid, mode(victim)) == (os.geteuid(), 0o700)


def test_a_home_that_others_may_write_to_or_own_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.path.chmod(0o777)
    with pytest.raises(BadRequest, match="others may write to"):
        home.make()
    assert mode(home.path) == 0o777
    home.path.chmod(0o700)
    if account := owner():
        os.chown(home.path, account.pw_uid, account.pw_gid)
        with pytest.raises(BadRequest, match="belongs to somebody else"):
            home.make()


def test_folders_outside_of_the_home_keep_their_rights(
    server_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_place, "OUTSIDE", server_folder / "outside of all")
    above = tmp_path / "a" / "b"
    above.mkdir(parents=True)
    for folder, rights in ((above.parent, 0o750), (above, 0o700)):
        folder.chmod(rights)
    home = Home(above / "home")
    home.make()
    server = Postgres(home.postgres)
    server.prepare()
    home.write(server.socket, {})
    try:
        assert (mode(above.parent), mode(above), mode(home.path)) == (0o750, 0o700, 0o700)
    finally:
        server.remove_outside()


def test_the_folder_of_a_socket_has_a_random_name(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_place, "OUTSIDE", server_folder / "outside of all")
    found = []
    for number in range(2):
        folder = server_folder / ("deep " * 20) / str(number)
        folder.mkdir(parents=True)
        folder.parent.chmod(0o711)
        folder.chmod(0o711)
        server = Postgres(folder / "postgres")
        server.prepare()
        again = Postgres(folder / "postgres")
        again.prepare()
        assert server.socket == again.socket != server.data
        assert mode(server.socket) == 0o700
        found.append(server.socket)
        # Somebody else removes it and puts a folder of their own, or a link, in its place: another is taken.
        server.socket.rmdir()
        server.socket.symlink_to(folder)
        before = server.socket
        server.prepare()
        assert server.socket != before
        before.unlink()
        server.remove_outside()
    assert found[0] != found[1]
