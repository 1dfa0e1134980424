"""What gunicorn is told wherever the API runs: ``gunicorn -c python:ticketflow.server.config wsgi:app``."""

from ticketflow.server.worker import Worker
from ticketflow.settings import load_settings

worker_class = Worker

# Requests wait for Postgres or for a ticket, hardly ever for the processor: threads. Long polls and streams may take
# 24 of them (WAITING_SEATS in ticketflow/api/seats.py); the other eight keep taking tickets in.
threads = 32

# Clients of one process, most of them idle: they cost a place in the loop and what they have sent so far.
worker_connections = 4096

# Longer than proxies keep an idle connection (nginx and AWS a minute, Caddy two): who sends the requests has to be the
# one that hangs up, or some are sent to nobody.
keepalive = 150

# gunicorn's own limit is 8,190 bytes at most; that of ticketflow.server.framing lets every query through.
limit_request_line = 0

# Nobody is believed about where a request comes from, unless the settings say so. No header becomes SCRIPT_NAME: with
# one, `/tickets/metrics` reads `/metrics` past a proxy's rule.
forwarded_allow_ips = ",".join(load_settings().trusted_proxies)
forwarder_headers = ""

# Its lines go where ours go, in the same format. `accesslog = "-"` adds its own line per request to `request.finished`.
logger_class = "ticketflow.observability.gunicorn.Logger"

# gunicorn 27 opens a control socket in the home folder, which is read-only in the image, and nothing here uses it.
control_socket_disable = True
