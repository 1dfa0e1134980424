"""Hung steps: which threads of a worker do not come back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    hung = sa.Column("hung", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    op.add_column("workers", hung)
    op.add_column("workers", sa.Column("hung_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("workers", "hung_at")
    op.drop_column("workers", "hung")
