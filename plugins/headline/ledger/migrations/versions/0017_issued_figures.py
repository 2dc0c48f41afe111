"""What investors were told: figures, requests and decisions, added to only; the figures are a chain of hashes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ("figure_request", "figure_decision", "issued_figures")
# All of a row but its hash, in one text that does not hang on the session's settings. issued.py verifies by the same.
ROW = """
    jsonb_build_array(
        {row}.id, {row}.pipeline, {row}.metric, {row}.definition_version, {row}.segment, {row}.start, {row}."end",
        cast({row}.value as text), cast({row}.coverage as text), {row}.status, {row}.reason, {row}.requester, {row}.approver,
        {row}.request_id, {row}.run_id, {row}.commit, {row}.code_version, {row}.contract_version, {row}.inputs, {row}.as_of,
        to_char({row}.recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), {row}.previous_hash
    )
"""
FIGURES = """
    select
        pipeline, metric, definition_version, segment, start, "end", value, coverage, status, reason, requester, approver,
        request_id, run_id, commit, code_version, contract_version, inputs, as_of, recorded_at, id, hash
"""


def upgrade() -> None:
    op.create_table(
        "figure_request",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(), nullable=False, comment="issue, or restatement of what was issued"),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False, comment="first day of what it is about"),
        sa.Column("end", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of the staged result: what is approved, and nothing else"),
        sa.Column(
            "figures", JSONB(), nullable=False, comment="each with its old and new value, and what the difference is put down to"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False, comment="who asked for the run; scheduler where nobody did"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("id", "requester", "sha256", name="figure_request_once"),
    )
    op.create_index("figure_request_by_result", "figure_request", ["pipeline", "sha256", "id"])
    op.create_table(
        "figure_decision",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False, comment="asked, approved, refused or published"),
        sa.Column("person", sa.String(), nullable=True, comment="who has decided; null where nobody did"),
        sa.Column("requester", sa.String(), nullable=False, comment="as the request says"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="as the request says"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(
            ["request_id", "requester", "sha256"],
            ["figure_request.id", "figure_request.requester", "figure_request.sha256"],
            name="figure_decision_of_request",
        ),
        sa.CheckConstraint("person is null or person <> requester or event = 'asked'", name="nobody_decides_their_own"),
        sa.CheckConstraint("person is not null or event not in ('approved', 'refused')", name="somebody_decides"),
    )
    op.create_index("figure_decision_by_request", "figure_decision", ["request_id", "id"])
    op.create_table(
        "issued_figures",
        sa.Column(
            "id", sa.BigInteger(), primary_key=True, autoincrement=False, comment="place in the chain; the database gives it"
        ),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("metric", sa.String(collation="C"), nullable=False, comment="as metrics.yml calls it"),
        sa.Column("definition_version", sa.String(), nullable=False, comment="hash of the definition in metrics.yml"),
        sa.Column("segment", sa.String(collation="C"), nullable=False, comment="column=value; empty for the whole"),
        sa.Column("start", sa.Date(), nullable=False, comment="first day of the period"),
        sa.Column("end", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("value", sa.Numeric(), nullable=True, comment="null where it is not defined, such as a rate of nothing"),
        sa.Column("coverage", sa.Numeric(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="draft, approved or issued"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(), nullable=True),
        sa.Column("approver", sa.String(), nullable=True),
        sa.Column("request_id", sa.BigInteger(), sa.ForeignKey("figure_request.id"), nullable=True),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("commit", sa.String(), nullable=False, comment="of the code; empty where it is not known"),
        sa.Column("code_version", sa.String(), nullable=False, comment="hash of SQL, contract and macros of the table"),
        sa.Column("contract_version", sa.String(), nullable=False, comment="hash of the contract of the table"),
        sa.Column("inputs", sa.String(), nullable=False, comment="hash of the input periods"),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="inputs up to this version are in it"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="the database gives it"),
        sa.Column("previous_hash", sa.String(64), nullable=False, unique=True, comment="hash of the row before"),
        sa.Column("hash", sa.String(64), nullable=False, comment="SHA-256 of the row before and of this one"),
        sa.CheckConstraint("approver <> requester", name="nobody_approves_their_own"),
        sa.CheckConstraint(
            "status <> 'approved' or (approver is not null and requester is not null)", name="approved_by_somebody"
        ),
        sa.CheckConstraint("status in ('draft', 'approved', 'issued')", name="status_is_known"),
    )
    op.create_index("issued_figures_by_period", "issued_figures", ["pipeline", "start", "metric", "segment", "id"])
    op.create_index(
        "issued_figures_as_of",
        "issued_figures",
        ["metric", "segment", "start", sa.text("id desc")],
        postgresql_where=sa.text("status = 'issued'"),
    )
    for table in TABLES:
        op.execute(
            f"create trigger history_stays before update or delete or truncate on {table} "
            "for each statement execute function history_stays()"
        )
    _chain()
    _reads()


def _chain() -> None:
    """Each row takes its place after the last one; who adds at the same time waits for the end of the transaction before."""
    op.execute(f"""
        create or replace function issued_figures_chain() returns trigger language plpgsql as $$
        declare
            last record;
        begin
            perform pg_advisory_xact_lock(hashtext('headline issued figures'));
            select id, hash into last from issued_figures order by id desc limit 1;
            new.id := coalesce(last.id, 0) + 1;
            new.previous_hash := coalesce(last.hash, repeat('0', 64));
            new.recorded_at := clock_timestamp();
            new.hash := encode(sha256(convert_to(cast({ROW.format(row="new")} as text), 'UTF8')), 'hex');
            return new;
        end
        $$
    """)
    op.execute(
        "create trigger issued_figures_chain before insert on issued_figures for each row execute function issued_figures_chain()"
    )


def _reads() -> None:
    """The three reads, as data vendors call them."""
    op.execute(f"""
        create view figures_as_first_reported as
        select distinct on (metric, segment, start) * from ({FIGURES} from issued_figures where status = 'issued') as told
        order by metric, segment, start, id
    """)
    op.execute(f"""
        create view figures_most_recent as
        select distinct on (metric, segment, start) * from ({FIGURES} from issued_figures where status = 'issued') as told
        order by metric, segment, start, id desc
    """)
    op.execute(f"""
        create or replace function figures_as_of(moment timestamptz) returns setof figures_most_recent language sql stable as $$
            select distinct on (metric, segment, start) *
            from ({FIGURES} from issued_figures where status = 'issued' and recorded_at <= moment) as told
            order by metric, segment, start, id desc
        $$
    """)


def downgrade() -> None:
    op.execute("drop function figures_as_of(timestamptz)")
    op.execute("drop view figures_most_recent")
    op.execute("drop view figures_as_first_reported")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("drop function issued_figures_chain()")
