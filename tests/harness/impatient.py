"""gunicorn's configuration as the API has it, for tests that cannot wait: every deadline is a second."""

from ticketflow.server import connection
from ticketflow.server.config import *  # noqa: F403

connection.HEAD_TIMEOUT_S = connection.BODY_TIMEOUT_S = connection.SEND_TIMEOUT_S = connection.LINGER_S = 1.0
connection.LEAST_BYTES_PER_S = 1024 * 1024
worker_connections = 400
