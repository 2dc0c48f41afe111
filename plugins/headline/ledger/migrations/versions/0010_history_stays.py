"""History is added to and stays: who changes, removes or empties it is refused, whatever rights the role has."""

from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

HISTORY = ("load", "audit", "publication", "schema_change", "incident_event")


def upgrade() -> None:
    op.execute("""
        create or replace function history_stays() returns trigger language plpgsql as $$
        begin
            raise exception 'the table % of the ledger is history: rows are added, % is refused', tg_table_name, lower(tg_op)
                using errcode = 'insufficient_privilege';
        end
        $$
    """)
    for table in HISTORY:
        op.execute(
            f"create trigger history_stays before update or delete or truncate on {table} "
            "for each statement execute function history_stays()"
        )


def downgrade() -> None:
    for table in HISTORY:
        op.execute(f"drop trigger history_stays on {table}")
    op.execute("drop function history_stays()")
