"""What `POST /tickets` is measured against: Flask, one INSERT through psycopg, and nothing else."""

import os
from functools import cache

import psycopg_pool
from flask import Flask, request

INSERT = "INSERT INTO chained (body) VALUES (%s) RETURNING id"

app = Flask("bare")


@cache
def open_pool() -> psycopg_pool.ConnectionPool:
    """Return the process's connections, made after the fork."""
    return psycopg_pool.ConnectionPool(os.environ["CHAIN_DATABASE_URL"].replace("+psycopg", ""), min_size=8)


@app.post("/tickets")
def store() -> tuple[dict[str, object], int]:
    """Store a ticket."""
    with open_pool().connection() as connection:
        row = connection.execute(
            "INSERT INTO chained (body) VALUES (%s) RETURNING id", [request.json["body"]]
        ).fetchone()
    return {"id": row[0] if row else None, "status": "queued"}, 202
