"""Traces: the request a ticket came with, the trace its steps belong to; log levels changed at run time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("tickets", sa.Column("request_id", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("traceparent", sa.Text(), nullable=True))
    op.create_table(
        "log_levels",
        sa.Column("logger", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("logger", name=op.f("pk_log_levels")),
        sa.CheckConstraint("level IN ('debug', 'info', 'warning', 'error')", name=op.f("ck_log_levels_level")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("log_levels")
    op.drop_column("tickets", "traceparent")
    op.drop_column("tickets", "request_id")
