"""The current state of every period of every table, beside the history."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of each day the newest publication counts. A run has seen what it published itself, so its days are as new as its last table.
FROM_PUBLICATIONS = """
insert into period_state (table_name, start, "end", version, as_of, fingerprint, row_count, status, coverage, run_id, changed_at,
    computed_at)
select distinct on (table_name, day)
    table_name, day, day + 1, version, greatest(as_of, last_version), null, row_count, status, coverage, run_id, published_at,
    published_at
from (
    select *, max(version) over (partition by pipeline, run_key, published_at) as last_version,
        cast(generate_series(start, "end" - 1, interval '1 day') as date) as day
    from publication
) as days
order by table_name, day, version desc
"""
FROM_LOADS = """
insert into period_state (table_name, start, "end", version, as_of, fingerprint, row_count, status, coverage, run_id, changed_at,
    computed_at)
select distinct on (landing, ds)
    landing, ds, ds + 1, version, version, checksum, row_count, 'complete', 1, run_id, extracted_at,
    extracted_at
from load
order by landing, ds, version desc
"""


def upgrade() -> None:
    op.create_table(
        "period_state",
        sa.Column("table_name", sa.String(), nullable=False, comment="schema.table, or landing.<name>"),
        sa.Column("start", sa.Date(), nullable=False, comment="first day of the period"),
        sa.Column("end", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="at which its content became what it is"),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="inputs up to this version are in it"),
        sa.Column(
            "fingerprint", sa.String(), nullable=True, comment="of its rows; empty while in doubt, null where it was never known"
        ),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="complete or partial"),
        sa.Column("coverage", sa.Numeric(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False, comment="the run that made this version"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "computed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was computed last, changed or not",
        ),
        sa.PrimaryKeyConstraint("table_name", "start"),
    )
    op.create_index("period_state_by_version", "period_state", ["table_name", "version"])
    op.create_index("period_state_by_as_of", "period_state", ["table_name", "as_of"])
    op.execute(FROM_PUBLICATIONS)
    op.execute(FROM_LOADS)


def downgrade() -> None:
    op.drop_table("period_state")
