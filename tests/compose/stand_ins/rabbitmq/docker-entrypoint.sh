#!/bin/bash
set -euo pipefail
if [[ $1 == rabbitmq* && $(id -u) -eq 0 ]]; then
    find /var/lib/rabbitmq /var/log/rabbitmq ! -user rabbitmq -exec chown rabbitmq:rabbitmq {} +
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"
fi
exec "$@"
