"""Publications keep the snapshots of their tables, which together are a consistent set for readers of an Iceberg warehouse."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "table and quarantine to their snapshot, on engines that have them"
    op.add_column("publication", sa.Column("snapshots", JSONB(), nullable=True, comment=comment))


def downgrade() -> None:
    op.drop_column("publication", "snapshots")
