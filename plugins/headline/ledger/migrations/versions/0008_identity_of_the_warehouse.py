"""Which warehouse belongs to the ledger; the first publication fills it in."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warehouse",
        sa.Column("id", sa.String(), nullable=False, comment="as the warehouse itself says"),
        sa.Column("publication", sa.BigInteger(), nullable=False, comment="how many publications it holds"),
        sa.Column("mark", sa.String(), nullable=False, comment="of the last of them; empty before the first"),
        sa.Column(
            "planned", sa.String(), nullable=True, comment="mark of a publication that has begun; null once it is recorded"
        ),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("warehouse")
