"""Graph version: which steps a ticket goes through, so that releases with other steps work side by side."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("tickets", sa.Column("graph_version", sa.SmallInteger(), server_default="1", nullable=False))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("tickets", "graph_version")
