"""Puts Flower's log lines through our pipe: ``celery -A ticketflow.tasks flower --conf=deploy/flowerconfig.py``.

Flower runs this file before it sets up lines of its own; any of its options may stand here as well.
"""

import os
from urllib.parse import urlsplit

from ticketflow.observability.context import name_process
from ticketflow.observability.logging import configure_logging
from ticketflow.settings import load_settings

name_process("flower")
configure_logging(load_settings().log_level, load_settings().log_format)

# The page "Broker" asks RabbitMQ's management plugin, which listens beside it unless somebody says where:
# FLOWER_BROKER_API or --broker-api. The folder of the embedded default has none, and the page says so.
if not os.environ.get("FLOWER_BROKER_API") and (url := load_settings().broker_url):
    node = urlsplit(url.split(";")[0])
    user, _, host = node.netloc.rpartition("@")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    scheme, port = ("https", 15671) if node.scheme == "amqps" else ("http", 15672)
    broker_api = f"{scheme}://{user or 'guest:guest'}@{name}:{port}/api/"
