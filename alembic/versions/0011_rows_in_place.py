"""Rows in place: what changes while a chain is out is in no index, and each page has room for the next version."""

from alembic import op

from ticketflow.storage.online_ddl import build_index, drop_index, replace_check

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    replace_check("ck_tickets_lease", "tickets", "lease_token IS NULL OR lease_until IS NOT NULL")
    drop_index("ix_tickets_leased", "tickets")
    op.execute("ALTER TABLE tickets SET (fillfactor = 70)")


def downgrade() -> None:
    """Take the change back."""
    op.execute("ALTER TABLE tickets RESET (fillfactor)")
    op.execute("UPDATE tickets SET lease_until = NULL WHERE lease_token IS NULL AND lease_until IS NOT NULL")
    build_index("ix_tickets_leased", "tickets", ["lease_until"], postgresql_where="lease_token IS NOT NULL")
    replace_check("ck_tickets_lease", "tickets", "(lease_token IS NULL) = (lease_until IS NULL)")
