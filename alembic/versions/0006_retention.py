"""Retention: what deleting old tickets looks up, so that it costs the same however many there are."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_index(
        "ix_tickets_forked_from",
        "tickets",
        ["forked_from"],
        unique=False,
        postgresql_where=sa.text("forked_from IS NOT NULL"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_index("ix_idempotency_keys_ticket_id", "idempotency_keys", ["ticket_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_idempotency_keys_ticket_id", table_name="idempotency_keys")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_index("ix_tickets_forked_from", table_name="tickets")
