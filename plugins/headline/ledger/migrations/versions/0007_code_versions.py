"""By which version of SQL, contract and macros each published period was made; the findings of anomaly checks by table."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "period_state",
        sa.Column("code_version", sa.String(), nullable=True, comment="of what made it; null where that was never known"),
    )
    op.alter_column("publication", "code_version", comment="hash of SQL, contract and macros")
    op.create_index(
        "audit_by_finding",
        "audit",
        ["table_name", "id"],
        postgresql_where=sa.text("kind = 'anomaly' and outcome in ('failed', 'accepted')"),
    )


def downgrade() -> None:
    op.drop_index("audit_by_finding", "audit")
    op.alter_column("publication", "code_version", comment=None)
    op.drop_column("period_state", "code_version")
