"""The different sets of columns that loads had are found without reading every load."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("load_by_columns", "load", ["landing", sa.text("md5(columns::text)"), "ds"])


def downgrade() -> None:
    op.drop_index("load_by_columns", table_name="load")
