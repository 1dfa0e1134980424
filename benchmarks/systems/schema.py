"""The table of the chains that keep what their steps gave."""

SCHEMA = """
    CREATE TABLE chained (
        id bigserial PRIMARY KEY, body text NOT NULL, state jsonb NOT NULL DEFAULT '{}', step int NOT NULL DEFAULT 0,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
"""
