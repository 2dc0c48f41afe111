"""With a figure its limit when it was issued, with a request everybody who has caused it; metrics are known across pipelines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# As migration 0017 has it.
ROW = """
    jsonb_build_array(
        new.id, new.pipeline, new.metric, new.definition_version, new.segment, new.start, new."end",
        cast(new.value as text), cast(new.coverage as text), new.status, new.reason, new.requester, new.approver,
        new.request_id, new.run_id, new.commit, new.code_version, new.contract_version, new.inputs, new.as_of,
        to_char(new.recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), new.previous_hash
    )
"""
# Rows from before have no limit, and keep their hash. issued.py verifies by the same.
WITH_LIMIT = f"""
    {ROW} || case when new.materiality is null then cast('[]' as jsonb) else jsonb_build_array(new.materiality) end
"""
CHAIN = """
    create or replace function issued_figures_chain() returns trigger language plpgsql as $$
    declare
        last record;
    begin
        perform pg_advisory_xact_lock(hashtext('headline issued figures'));
        select id, hash into last from issued_figures order by id desc limit 1;
        new.id := coalesce(last.id, 0) + 1;
        new.previous_hash := coalesce(last.hash, repeat('0', 64));
        new.recorded_at := clock_timestamp();
        new.hash := encode(sha256(convert_to(cast(({row}) as text), 'UTF8')), 'hex');
        return new;
    end
    $$
"""
FIGURES = """
    select
        pipeline, metric, definition_version, segment, start, "end", value, coverage, status, reason, requester, approver,
        request_id, run_id, commit, code_version, contract_version, inputs, as_of, recorded_at, id, hash{more}
"""
# A CHECK sees one row: who else has caused a request stands with the request.
DECIDES = """
    create or replace function nobody_decides_what_they_caused() returns trigger language plpgsql as $$
    begin
        if new.person is not null and exists (
            select from figure_request, jsonb_array_elements_text(involved) as one
            where figure_request.id = new.request_id and lower(btrim(one)) = lower(btrim(new.person))
        ) then
            raise exception 'nobody_decides_what_they_caused: % has caused request %', new.person, new.request_id
                using errcode = 'check_violation';
        end if;
        return new;
    end
    $$
"""


def upgrade() -> None:
    op.add_column(
        "issued_figures",
        sa.Column(
            "materiality", sa.String(), nullable=True, comment="as metrics.yml had it; null in rows from before it was recorded"
        ),
    )
    op.execute(CHAIN.format(row=WITH_LIMIT))
    _reads(", materiality")
    op.drop_index("issued_figures_by_period", "issued_figures")
    op.create_index("issued_figures_by_period", "issued_figures", ["metric", "start", "segment", "id"])
    op.create_index(
        "issued_figures_by_pipeline", "issued_figures", ["pipeline", "metric"], postgresql_where=sa.text("status = 'issued'")
    )
    op.add_column(
        "figure_request",
        sa.Column(
            "involved",
            JSONB(),
            nullable=False,
            server_default="[]",
            comment="who else has caused it, such as who cleared the run; they cannot decide it either",
        ),
    )
    op.execute("comment on column figure_decision.event is 'asked, approved, refused, published or superseded'")
    op.execute(DECIDES)
    op.execute(
        "create trigger nobody_decides_what_they_caused before insert on figure_decision "
        "for each row execute function nobody_decides_what_they_caused()"
    )


def _reads(more: str) -> None:
    """The three reads, as data vendors call them."""
    figures = FIGURES.format(more=more)
    for statement in (
        "drop function if exists figures_as_of(timestamptz)",
        "drop view figures_most_recent",
        "drop view figures_as_first_reported",
        f"""
        create view figures_as_first_reported as
        select distinct on (metric, segment, start) * from ({figures} from issued_figures where status = 'issued') as told
        order by metric, segment, start, id
        """,
        f"""
        create view figures_most_recent as
        select distinct on (metric, segment, start) * from ({figures} from issued_figures where status = 'issued') as told
        order by metric, segment, start, id desc
        """,
        f"""
        create function figures_as_of(moment timestamptz) returns setof figures_most_recent language sql stable as $$
            select distinct on (metric, segment, start) *
            from ({figures} from issued_figures where status = 'issued' and recorded_at <= moment) as told
            order by metric, segment, start, id desc
        $$
        """,
    ):
        op.execute(statement)


def downgrade() -> None:
    """Rows that were recorded with a limit do not verify any more: the code of before knows nothing of it."""
    op.execute("drop trigger nobody_decides_what_they_caused on figure_decision")
    op.execute("drop function nobody_decides_what_they_caused()")
    op.execute("comment on column figure_decision.event is 'asked, approved, refused or published'")
    op.drop_column("figure_request", "involved")
    op.drop_index("issued_figures_by_pipeline", "issued_figures")
    op.drop_index("issued_figures_by_period", "issued_figures")
    op.create_index("issued_figures_by_period", "issued_figures", ["pipeline", "start", "metric", "segment", "id"])
    _reads("")
    op.execute(CHAIN.format(row=ROW))
    op.drop_column("issued_figures", "materiality")
