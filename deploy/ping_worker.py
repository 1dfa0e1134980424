"""Tell whether the worker in this container consumes; its health check.

The worker sends itself a message every few seconds and puts down in the database that it came through
(``ticketflow/tasks/canary.py``). `celery -A ticketflow.tasks inspect ping` says less, as a worker that consumes nothing
answers it, and loads LangGraph each time: 2.4 s of processor time against 0.2 s.

A container that is started again keeps its name, so what its worker put down counts since it was started.
"""

import os
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from ticketflow.database_url import POOLER, SCHEMA, read_database_url

# With all slots busy, a canary waits for as long as the longest step may take (ticketflow/workflow/graph.py).
LONGEST_WAIT = timedelta(minutes=3)

# starttime of proc_pid_stat(5): when this container began, in ticks since the machine did.
began_at = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
running_for = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - began_at)

given = read_database_url(os.environ["TICKETFLOW_DATABASE_URL"])
schema = given.get(SCHEMA)
libpq: dict[str, Any] = {name: value for name, value in given.items() if name not in {SCHEMA, POOLER}}
node = f"worker@{socket.gethostname()}"
with psycopg.connect(**{"connect_timeout": 3, **libpq}) as connection:
    if schema is not None:
        connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", (schema,))
    seen = connection.execute("SELECT now() - seen_at FROM workers WHERE name = %s", (node,)).fetchone()
if seen is None or seen[0] > min(LONGEST_WAIT, running_for):
    sys.exit(f"{node} was last seen {f'{seen[0]} ago' if seen else 'never'}")
