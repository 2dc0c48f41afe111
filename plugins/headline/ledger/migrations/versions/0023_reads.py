"""Who has read which numbers, and how: a row for every page, answer, query, export and report."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# As migration 0013 has it, and a query or an address may name a person too.
REPLACE = """
    create or replace function replace_in_history(person text, pseudonym text) returns void language plpgsql
    security definer set search_path = public, pg_temp as $$
    declare
        word text := '(?<!\\w)' || regexp_replace(person, '(\\W)', '\\\\\\1', 'g') || '(?!\\w)';
    begin
        if person = '' or pseudonym !~ '^-[0-9]{{15}}$' then
            raise exception 'a pseudonym stands for a person, and nothing else';
        end if;
        perform set_config('headline.upkeep', 'on', true);
        update audit set sample = cast(regexp_replace(cast(sample as text), word, pseudonym, 'g') as jsonb)
        where cast(sample as text) ~ word;
        update schema_change set changes = cast(regexp_replace(cast(changes as text), word, pseudonym, 'g') as jsonb)
        where cast(changes as text) ~ word;
        update incident_event set detail = regexp_replace(detail, word, pseudonym, 'g') where detail ~ word;
        {reads}
        perform set_config('headline.upkeep', 'off', true);
    end
    $$
"""
READS = "update read set detail = regexp_replace(detail, word, pseudonym, 'g') where detail ~ word;"


def upgrade() -> None:
    op.create_table(
        "read",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("reader", sa.Text(), nullable=False, comment="Airflow's user name, or the run of an export or report"),
        sa.Column("channel", sa.String(), nullable=False, comment="page, api, query, export or report"),
        sa.Column("names", ARRAY(sa.Text()), nullable=False, comment="tables and metrics"),
        sa.Column("detail", sa.Text(), nullable=False, server_default="", comment="the address, the statement or the file"),
        sa.Column("row_count", sa.BigInteger(), nullable=True, comment="null where it was refused or failed"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("channel in ('page', 'api', 'query', 'export', 'report')", name="read_by_channel"),
        sa.Index("read_at", "read_at"),
        sa.Index("read_by_reader", "reader", "read_at"),
    )
    op.execute(
        "create trigger history_stays before update or delete or truncate on read "
        "for each statement execute function history_stays()"
    )
    op.execute(REPLACE.format(reads=READS))


def downgrade() -> None:
    op.execute(REPLACE.format(reads=""))
    op.drop_table("read")
