"""The first ledger: loads, candidates, audits, publications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("version")))
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("run_key", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("check_path", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("check_type", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False, comment="passed, warned, failed or not_checked"),
        sa.Column("measured", sa.Numeric(), nullable=True),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("audited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_table", "audit", ["table_name", "audited_at"], unique=False)
    op.create_index(op.f("ix_audit_run_key"), "audit", ["run_key"], unique=False)
    op.create_table(
        "candidate",
        sa.Column("run_key", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("intervals", postgresql.JSONB(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="inputs up to this version were seen"),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="transformed, passed, failed, not_checked or published"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("run_key", "table_name"),
    )
    op.create_table(
        "load",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("landing", sa.String(), nullable=False, comment="landing.<name>"),
        sa.Column("ds", sa.Date(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.String(length=64), nullable=False, comment="SHA-256 of the file"),
        sa.Column("columns", postgresql.JSONB(), nullable=False, comment="name to type, as they arrived"),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("extracted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("load_by_day", "load", ["landing", "ds", "version"], unique=False)
    op.create_table(
        "publication",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="complete or partial"),
        sa.Column("coverage", sa.Numeric(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="rows of the whole candidate"),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="inputs up to this version were seen"),
        sa.Column("inputs", postgresql.JSONB(), nullable=False, comment="table to the newest version seen"),
        sa.Column("code_version", sa.String(), nullable=False),
        sa.Column("run_key", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("publication_by_day", "publication", ["table_name", "end", "version"], unique=False)


def downgrade() -> None:
    op.drop_index("publication_by_day", table_name="publication")
    op.drop_table("publication")
    op.drop_index("load_by_day", table_name="load")
    op.drop_table("load")
    op.drop_table("candidate")
    op.drop_index(op.f("ix_audit_run_key"), table_name="audit")
    op.drop_index("audit_by_table", table_name="audit")
    op.drop_table("audit")
    op.execute(sa.schema.DropSequence(sa.Sequence("version")))
