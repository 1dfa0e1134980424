#!/bin/bash
# Knows POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE, and scripts in SQL.
set -euo pipefail
if [[ $1 == postgres && $(id -u) -eq 0 ]]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [[ $1 == postgres && ! -s $PGDATA/PG_VERSION ]]; then
    password=${POSTGRES_PASSWORD:-$(<"$POSTGRES_PASSWORD_FILE")}
    user=${POSTGRES_USER:-postgres}
    initdb --username="$user" --pwfile=<(echo "$password") --auth-host=scram-sha-256 --auth-local=trust \
        --encoding=UTF8 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    pg_ctl --wait --options="-c listen_addresses=''" start >/dev/null
    [[ ${POSTGRES_DB:-$user} == postgres ]] || createdb --username="$user" "${POSTGRES_DB:-$user}"
    for script in /docker-entrypoint-initdb.d/*.sql; do
        [[ -e $script ]] && psql -v ON_ERROR_STOP=1 --no-psqlrc --username="$user" --dbname="${POSTGRES_DB:-$user}" -f "$script"
    done
    pg_ctl --wait --mode=fast stop >/dev/null
fi
exec "$@"
