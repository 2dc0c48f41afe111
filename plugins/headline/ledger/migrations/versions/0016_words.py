"""Staging tables, results of checks and kinds of incident are called as elsewhere in the field."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OUTCOMES = {"learning": "insufficient_history", "accepted": "waived", "not_checked": "not_evaluated"}
KINDS = {"contract_broken": "contract_failed", "contract_not_checked": "contract_not_evaluated"}
OUTCOME = "passed, warned, {learning}, {accepted}, failed or {not_checked}"
STATE = "transformed, passed, failed, {not_checked} or published"


def upgrade() -> None:
    op.rename_table("candidate", "staging_table")
    op.alter_column("publication", "row_count", comment="rows of the whole staging table")
    _rename(OUTCOMES, KINDS, OUTCOMES, "staging_table")


def downgrade() -> None:
    op.rename_table("staging_table", "candidate")
    op.alter_column("publication", "row_count", comment="rows of the whole candidate")
    _rename(_turned(OUTCOMES), _turned(KINDS), {old: old for old in OUTCOMES}, "candidate")


def _turned(names: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


def _rename(outcomes: dict[str, str], kinds: dict[str, str], called: dict[str, str], staging: str) -> None:
    """Rows of history are rewritten in this transaction, with their trigger off; `called`: what each outcome is called then."""
    found = f"kind = 'anomaly' and outcome in ('failed', '{called['accepted']}')"
    op.drop_index("audit_by_finding", "audit")
    op.execute("alter table audit disable trigger history_stays")
    for old, new in outcomes.items():
        op.execute(f"update audit set outcome = '{new}' where outcome = '{old}'")
        op.execute(f"update {staging} set state = '{new}' where state = '{old}'")
    op.execute("alter table audit enable trigger history_stays")
    for old, new in kinds.items():
        op.execute(f"update incident set kind = '{new}' where kind = '{old}'")
    op.create_index("audit_by_finding", "audit", ["table_name", "id"], postgresql_where=sa.text(found))
    op.alter_column("audit", "outcome", comment=OUTCOME.format(**called))
    op.alter_column(staging, "state", comment=STATE.format(**called))
    op.execute(f"""
        create or replace function forget_audits(days integer) returns bigint language plpgsql
            security definer set search_path = public, pg_temp as $$
        declare
            removed bigint;
        begin
            perform set_config('headline.upkeep', 'on', true);
            delete from audit
            where audited_at < now() - make_interval(days => greatest(days, 1))
                -- A waiver holds for as long as its figure does.
                and not ({found})
                and audited_at < (select max(newest.audited_at) from audit as newest where newest.table_name = audit.table_name);
            get diagnostics removed = row_count;
            perform set_config('headline.upkeep', 'off', true);
            return removed;
        end
        $$
    """)
