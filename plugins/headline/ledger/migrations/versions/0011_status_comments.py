"""The comments of `status` name all that it can be."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COMMENT = "complete, partial or open"


def upgrade() -> None:
    for table in ("publication", "period_state"):
        op.alter_column(table, "status", existing_type=sa.String(), existing_nullable=False, comment=COMMENT)


def downgrade() -> None:
    for table in ("publication", "period_state"):
        op.alter_column(table, "status", existing_type=sa.String(), existing_nullable=False, comment="complete or partial")
