"""Postgres is the truth. One module per table's queries; nothing here commits on its own."""
