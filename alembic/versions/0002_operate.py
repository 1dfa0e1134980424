"""Operate on tickets: deaths of workers, superseded steps, forks, pauses, workers that are alive."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTERS = "generation >= 0 AND version >= 1 AND attempt >= 0 AND dispatches >= 0"
# Versions were not kept before; any numbers in the order of finishing will do, for nothing was rewound.
NUMBER_STEPS = """
UPDATE ticket_steps SET ticket_version = numbered.ordinal
FROM (
    SELECT ticket_id, step, round, row_number() OVER (PARTITION BY ticket_id ORDER BY finished_at, round) AS ordinal
    FROM ticket_steps
) AS numbered
WHERE (ticket_steps.ticket_id, ticket_steps.step, ticket_steps.round)
    = (numbered.ticket_id, numbered.step, numbered.round)
"""


def upgrade() -> None:
    """Apply the change."""
    op.add_column("tickets", sa.Column("deaths", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("tickets", sa.Column("dispatched_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("forked_from", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_tickets_forked_from_tickets"), "tickets", "tickets", ["forked_from"], ["id"])
    op.drop_constraint(op.f("ck_tickets_counters"), "tickets", type_="check")
    op.create_check_constraint(op.f("ck_tickets_counters"), "tickets", f"{COUNTERS} AND deaths >= 0")
    op.create_index(
        "ix_tickets_leased",
        "tickets",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )

    op.create_index("ix_tickets_suspect", "tickets", ["wake_at"], unique=False, postgresql_where=sa.text("deaths >= 2"))

    op.add_column("ticket_steps", sa.Column("ticket_version", sa.Integer(), nullable=True))
    op.add_column("ticket_steps", sa.Column("superseded_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.execute(NUMBER_STEPS)
    op.alter_column("ticket_steps", "ticket_version", nullable=False)

    op.create_table(
        "pauses",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "step", name=op.f("pk_pauses")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slots", sa.SmallInteger(), nullable=False),
        sa.Column("queue_wait_s", sa.Double(), server_default="0", nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("slots >= 1 AND queue_wait_s >= 0", name=op.f("ck_workers_counters")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("workers")
    op.drop_table("pauses")
    op.drop_column("ticket_steps", "superseded_at")
    op.drop_column("ticket_steps", "ticket_version")
    op.drop_index("ix_tickets_suspect", table_name="tickets")
    op.drop_index("ix_tickets_leased", table_name="tickets")
    op.drop_constraint(op.f("ck_tickets_counters"), "tickets", type_="check")
    op.create_check_constraint(op.f("ck_tickets_counters"), "tickets", COUNTERS)
    op.drop_constraint(op.f("fk_tickets_forked_from_tickets"), "tickets", type_="foreignkey")
    op.drop_column("tickets", "forked_from")
    op.drop_column("tickets", "dispatched_at")
    op.drop_column("tickets", "deaths")
