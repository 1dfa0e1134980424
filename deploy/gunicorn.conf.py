"""How gunicorn serves the API: ``gunicorn -c deploy/gunicorn.conf.py wsgi:app``, from a checkout and in the image.

The number of processes is gunicorn's own variable, ``WEB_CONCURRENCY``; unset means one.
"""

from ticketflow.settings import load_settings

_settings = load_settings()

# TICKETFLOW_HOST is 127.0.0.1 unless somebody says otherwise; the image does, because there a published port leads in.
bind = f"{_settings.host}:{_settings.port}"

# Requests wait for Postgres or for a ticket, hardly ever for the processor: threads. Long polls and streams may take
# 24 of them (WAITING_SEATS in ticketflow/api/backend.py); the other eight keep taking tickets in.
worker_class = "gthread"
threads = 32

# Each process dispatches tickets from a thread that `wsgi` starts, and a thread does not survive a fork: every process
# loads the application itself.
preload_app = False

# A request that stores something takes milliseconds. A long poll or a stream that is cut short loses nothing: its
# caller asks again, so a restart need not wait for it.
graceful_timeout = 10

# gunicorn 27 opens a control socket in the home folder, which is read-only in the image, and nothing here uses it.
control_socket_disable = True
