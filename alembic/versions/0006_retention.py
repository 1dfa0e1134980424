"""Retention: what deleting old tickets looks up, so that it costs the same however many there are."""

import sqlalchemy as sa
from alembic import op

from ticketflow.storage.online_ddl import build_index

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    build_index(
        "ix_tickets_forked_from", "tickets", ["forked_from"], postgresql_where=sa.text("forked_from IS NOT NULL")
    )
    build_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    build_index("ix_idempotency_keys_ticket_id", "idempotency_keys", ["ticket_id"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_idempotency_keys_ticket_id", table_name="idempotency_keys")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_index("ix_tickets_forked_from", table_name="tickets")
