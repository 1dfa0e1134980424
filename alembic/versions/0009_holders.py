"""Processes that hold leases, so that only what their end proves counts as a death."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "holders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("born", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holders")),
    )
    op.add_column("tickets", sa.Column("holder", sa.Uuid()))
    op.add_column("tickets", sa.Column("lost_holders", postgresql.JSONB(), server_default="{}", nullable=False))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_tickets_in_doubt",
            "tickets",
            ["id"],
            postgresql_where=sa.text("lost_holders <> '{}'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_tickets_in_doubt", "tickets")
    op.drop_column("tickets", "lost_holders")
    op.drop_column("tickets", "holder")
    op.drop_table("holders")
