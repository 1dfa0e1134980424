"""People and models: article history, corrections, approvals, fitted classifiers, model calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ticketflow.storage.online_ddl import build_index, copy_rows, replace_check

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Articles that are there already get the version they are at as their first one on record.
RECORD_VERSIONS = """
INSERT INTO article_versions (article_id, version, tenant, title, body, tags, created_at)
SELECT id, version, tenant, title, body, tags, updated_at FROM articles
ON CONFLICT DO NOTHING
"""
# Nobody waits without a clock: not for a worker, and not for a person.
LIVE_WAKES = "status NOT IN ('queued', 'processing', 'awaiting_approval') OR wake_at IS NOT NULL"
LIVE_WAKES_BEFORE = "status NOT IN ('queued', 'processing') OR wake_at IS NOT NULL"


def keep_versions() -> None:
    """Keep versions of articles, by themselves and first: a knowledge base takes long to copy."""
    with op.get_context().autocommit_block():
        op.create_table(
            "article_versions",
            sa.Column("article_id", sa.Uuid(), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("tenant", sa.Text(), server_default="default", nullable=False),
            sa.Column("title", sa.Text(), nullable=False),
            sa.Column("body", sa.Text(), nullable=False),
            sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
            sa.Column(
                "created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False
            ),
            sa.ForeignKeyConstraint(
                ["article_id"], ["articles.id"], name=op.f("fk_article_versions_article_id_articles")
            ),
            sa.PrimaryKeyConstraint("article_id", "version", name=op.f("pk_article_versions")),
            if_not_exists=True,
        )
    copy_rows(RECORD_VERSIONS)


def upgrade() -> None:
    """Apply the change."""
    build_index("ix_tickets_awaiting", "tickets", ["wake_at"], postgresql_where=sa.text("status = 'awaiting_approval'"))
    replace_check(op.f("ck_tickets_live_wakes"), "tickets", LIVE_WAKES)
    keep_versions()
    op.execute(sa.schema.CreateSequence(sa.Sequence("resolved_tickets_revision_seq")))
    op.create_table(
        "classifier_models",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("taxonomy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("artefact", sa.LargeBinary(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "version", name=op.f("pk_classifier_models")),
        sa.UniqueConstraint("tenant", "fingerprint", name=op.f("uq_classifier_models_tenant_fingerprint")),
    )
    op.create_table(
        "llm_providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("allowance", sa.Double(), nullable=False),
        sa.Column("refilled_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("blocked_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_llm_providers")),
    )
    op.create_table(
        "llm_answers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), server_default="default", nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_llm_answers_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_llm_answers")),
    )
    op.create_index("ix_llm_answers_created_at", "llm_answers", ["created_at"], unique=False)
    op.create_index("ix_llm_answers_ticket_id", "llm_answers", ["ticket_id"], unique=False)
    op.create_table(
        "llm_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["llm_providers.name"], name=op.f("fk_llm_calls_provider_llm_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_llm_calls")),
    )
    op.create_index("ix_llm_calls_provider", "llm_calls", ["provider", "until"], unique=False)
    op.create_table(
        "resolved_tickets",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), server_default="default", nullable=False),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default=sa.text("nextval('resolved_tickets_revision_seq')"),
            nullable=False,
        ),
        sa.Column("encoder", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_resolved_tickets_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_resolved_tickets")),
    )
    op.create_index("ix_resolved_tickets_revision", "resolved_tickets", ["tenant", "revision"], unique=False)
    op.create_table(
        "ticket_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), server_default="default", nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("corrected_by", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "field IN ('category', 'priority', 'entities', 'final_response')", name=op.f("ck_ticket_corrections_field")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_corrections_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_corrections")),
    )
    op.create_index("ix_ticket_corrections_field", "ticket_corrections", ["tenant", "field", "id"], unique=False)
    op.create_index("ix_ticket_corrections_ticket_id", "ticket_corrections", ["ticket_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_constraint(op.f("ck_tickets_live_wakes"), "tickets", type_="check")
    op.create_check_constraint(op.f("ck_tickets_live_wakes"), "tickets", LIVE_WAKES_BEFORE)
    op.drop_index("ix_tickets_awaiting", table_name="tickets", postgresql_where=sa.text("status = 'awaiting_approval'"))
    op.drop_index("ix_ticket_corrections_ticket_id", table_name="ticket_corrections")
    op.drop_index("ix_ticket_corrections_field", table_name="ticket_corrections")
    op.drop_table("ticket_corrections")
    op.drop_index("ix_resolved_tickets_revision", table_name="resolved_tickets")
    op.drop_table("resolved_tickets")
    op.drop_index("ix_llm_calls_provider", table_name="llm_calls")
    op.drop_table("llm_calls")
    op.drop_index("ix_llm_answers_ticket_id", table_name="llm_answers")
    op.drop_index("ix_llm_answers_created_at", table_name="llm_answers")
    op.drop_table("llm_answers")
    op.drop_table("article_versions")
    op.drop_table("llm_providers")
    op.drop_table("classifier_models")
    op.execute(sa.schema.DropSequence(sa.Sequence("resolved_tickets_revision_seq")))
