"""The roles and databases of the server: Airflow's, the ledger's and the demo shop's, each with no more rights than it needs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

SUPERUSER = "postgres"  # only set-up has its password


@dataclass(frozen=True)
class Database:
    """A database: whose it is and its tables are, and who else may connect to it."""

    owner: str
    others: tuple[str, ...] = ()


DATABASES = {
    "airflow": Database("airflow"),
    "ledger": Database("ledger_migrator", ("ledger_writer", "ledger_reader", "ledger_eraser")),
    "shop": Database("shop_owner", ("shop_reader",)),
}
# Stretching protects passwords that can be guessed, at 5 ms for each connection; ours are 128 random bits.
ITERATIONS = 1
READERS = ("ledger_reader", "shop_reader")
LOGINS = tuple(role for database in DATABASES.values() for role in (database.owner, *database.others))
ROLES = (SUPERUSER, *LOGINS)

Connect = Callable[[str], psycopg2.extensions.connection]

_GIVE_TO_OWNER = """
do $$
declare
    found record;
begin
    for found in
        select format('alter table public.%%I owner to %%I', relname, %(owner)s) as statement
        from pg_class
        where
            relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S') and relowner <> %(owner)s::regrole
            and not exists (  -- the sequence of a column goes with its table
                select from pg_depend where objid = pg_class.oid and classid = 'pg_class'::regclass and deptype in ('a', 'i')
            )
        union all
        select format('alter type public.%%I owner to %%I', typname, %(owner)s)
        from pg_type
        where typnamespace = 'public'::regnamespace and typtype in ('e', 'd') and typowner <> %(owner)s::regrole
        union all
        select format('alter routine %%s owner to %%I', oid::regprocedure, %(owner)s)
        from pg_proc
        where pronamespace = 'public'::regnamespace and proowner <> %(owner)s::regrole
    loop
        execute found.statement;
    end loop;
end
$$
"""


def prepare(connect: Connect, passwords: Mapping[str, str]) -> None:
    """Bring roles, passwords, databases and rights to what they are to be; again is safe, and an older server's tables stay.

    `connect` gives a connection of the superuser to a database on which every statement counts at once.
    """
    with closing(connect("postgres")) as connection, connection.cursor() as cursor:
        for statement in _roles(cursor, passwords):
            cursor.execute(statement)
        for statement in _databases(cursor):
            cursor.execute(statement)
    for name, database in DATABASES.items():
        with closing(connect(name)) as connection, connection.cursor() as cursor:
            cursor.execute(_GIVE_TO_OWNER, {"owner": database.owner})
            if name == "shop":
                cursor.execute("grant select on all tables in schema public to shop_reader")
                cursor.execute(
                    "alter default privileges for role shop_owner in schema public grant select on tables to shop_reader"
                )


def _roles(cursor: Any, passwords: Mapping[str, str]) -> Iterator[str]:
    cursor.execute("select rolname, rolpassword from pg_authid")
    known = dict(cursor.fetchall())
    for role in LOGINS:
        if role not in known:
            yield f"create role {role} login"
        if not is_password(passwords[role], known.get(role)):
            yield f"alter role {role} password '{verifier(passwords[role])}'"
    for role in READERS:
        yield f"alter role {role} set default_transaction_read_only = on"


def _databases(cursor: Any) -> Iterator[str]:
    cursor.execute("select datname from pg_database")
    known = {name for (name,) in cursor.fetchall()}
    yield "revoke connect, temporary on database postgres, template1 from public"
    for name, database in DATABASES.items():
        # From template0, which takes any encoding: Airflow's texts fail where a server's own is SQL_ASCII.
        made = f"create database {name} encoding 'UTF8' template template0 owner"
        yield f"{f'alter database {name} owner to' if name in known else made} {database.owner}"
        yield f"revoke all on database {name} from public"
        for role in database.others:
            yield f"grant connect on database {name} to {role}"
    # After a crash of the machine Airflow may repeat its last moment; what is published stands in the ledger.
    yield "alter database airflow set synchronous_commit = off"


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL keeps of a password (RFC 5803). Made here, so that no statement that a log may show holds the password."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client, server = (hmac.digest(salted, part, "sha256") for part in (b"Client Key", b"Server Key"))
    told = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    salt_, stored, server_ = told
    return f"SCRAM-SHA-256${iterations}:{salt_}${stored}:{server_}"


def is_password(password: str, kept: str | None) -> bool:
    """Whether what the server keeps of a password is of this one."""
    kind, _, rest = (kept or "").partition("$")
    if kind != "SCRAM-SHA-256":
        return False
    iterations, _, salt = rest.partition("$")[0].partition(":")
    return hmac.compare_digest(kept or "", verifier(password, base64.b64decode(salt), int(iterations)))
