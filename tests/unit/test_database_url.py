"""What libpq, SQLAlchemy and providers write as the address of a database, and what becomes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ticketflow.database_url import read_database_url
from ticketflow.errors import ConfigurationError
from ticketflow.settings import Settings, load_settings

U = {"user": "u", "password": "p", "host": "h", "dbname": "d"}
# fmt: off
READ = {
    # libpq, https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
    "postgresql://": {},
    "postgresql://h": {"host": "h"},
    "postgresql://h:5433": {"host": "h", "port": "5433"},
    "postgresql://h/d": {"host": "h", "dbname": "d"},
    "postgresql://u@h": {"user": "u", "host": "h"},
    "postgresql://u:p@h": {"user": "u", "password": "p", "host": "h"},
    "postgresql://o@h/d?connect_timeout=10&application_name=a":
        {"user": "o", "host": "h", "dbname": "d", "connect_timeout": "10", "application_name": "a"},
    "postgresql://u@a:123,b:456/d?target_session_attrs=any&application_name=a":
        {"user": "u", "host": "a,b", "port": "123,456", "dbname": "d", "target_session_attrs": "any",
         "application_name": "a"},
    "postgresql://u:p@a,b:5433,[::1]:5434/d":
        {**U, "host": "a,b,::1", "port": ",5433,5434", "target_session_attrs": "read-write"},
    "postgresql:///d?host=h&port=5433": {"host": "h", "dbname": "d", "port": "5433"},
    "postgresql:///d?host=a,b&port=1,2":
        {"host": "a,b", "dbname": "d", "port": "1,2", "target_session_attrs": "read-write"},
    "postgresql://u%40h:p%3A%2F%3F%23%25%20%40@h/d": {**U, "user": "u@h", "password": "p:/?#% @"},
    "postgresql://[2001:db8::1234]/d": {"host": "2001:db8::1234", "dbname": "d"},
    "postgresql://u@[::1]:5433/d": {"user": "u", "host": "::1", "port": "5433", "dbname": "d"},
    "postgresql:///d?host=/var/run/postgresql": {"host": "/var/run/postgresql", "dbname": "d"},
    "postgresql://%2Fvar%2Frun%2Fpostgresql/d": {"host": "/var/run/postgresql", "dbname": "d"},
    "postgresql://u@/d?host=/var/run/postgresql&port=5433":
        {"user": "u", "host": "/var/run/postgresql", "port": "5433", "dbname": "d"},
    "postgresql:///?service=mine": {"service": "mine"},
    "postgresql://u@h/d?passfile=/run/secrets/pgpass": {"user": "u", "host": "h", "dbname": "d",
                                                        "passfile": "/run/secrets/pgpass"},
    "postgresql://u:p@h/d?sslnegotiation=direct&sslmode=require&channel_binding=require":
        {**U, "sslnegotiation": "direct", "sslmode": "require", "channel_binding": "require"},
    "postgresql://h/d?hostaddr=10.0.0.1&load_balance_hosts=random":
        {"host": "h", "dbname": "d", "hostaddr": "10.0.0.1", "load_balance_hosts": "random"},
    "postgresql://u:p@h/d?ssl=true": {**U, "sslmode": "require"},
    "postgresql://h/d?user=u&password=p": U,
    "host=h user=u password='p w' dbname=d": {**U, "password": "p w"},
    "dbname = d": {"dbname": "d"},
    # libpq takes these as they are, and so do we.
    "postgresql://u:p:w@h/d": {**U, "password": "p:w"},
    "postgresql://u:p#w@h/d": {**U, "password": "p#w"},
    "postgresql://u:p[w]@h/d": {**U, "password": "p[w]"},
    "postgresql://u:pä@h/d": {**U, "password": "pä"},
    # SQLAlchemy, https://docs.sqlalchemy.org/en/20/dialects/postgresql.html
    "postgres://u:p@h/d": U,
    "postgresql+psycopg://u:p@h/d": U,
    "postgresql+psycopg2://u:p@h/d": U,
    "postgresql+psycopg_async://u:p@h/d": U,
    "postgresql+asyncpg://u:p@h/d": U,
    "postgresql+psycopg2://u:p@/d?host=h": U,
    "postgresql+psycopg2://u@/d?host=a:5432&host=b:5432":
        {"user": "u", "dbname": "d", "host": "a,b", "port": "5432,5432", "target_session_attrs": "read-write"},
    "postgresql+psycopg://u@/d?host=a&host=b:5433":
        {"user": "u", "dbname": "d", "host": "a,b", "port": ",5433", "target_session_attrs": "read-write"},
    "postgresql+psycopg://u@/d?host=a:5433": {"user": "u", "dbname": "d", "host": "a", "port": "5433"},
    " POSTGRES://u:p@h/d\n": U,
    # Heroku and RDS
    "postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d?sslmode=require":
        {**U, "host": "ec2-1-2-3-4.compute-1.amazonaws.com", "port": "5432", "sslmode": "require"},
    "postgresql://u:p@x.abc.eu-central-1.rds.amazonaws.com:5432/d?sslmode=verify-full&sslrootcert=/etc/ssl/global.pem":
        {**U, "host": "x.abc.eu-central-1.rds.amazonaws.com", "port": "5432", "sslmode": "verify-full",
         "sslrootcert": "/etc/ssl/global.pem"},
    # Neon
    "postgresql://u:p@ep-a-1-pooler.eu-central-1.aws.neon.tech/d?sslmode=require&channel_binding=require":
        {**U, "host": "ep-a-1-pooler.eu-central-1.aws.neon.tech", "sslmode": "require", "channel_binding": "require"},
    "postgresql://u:p@h/d?options=endpoint%3Dep-a-1": {**U, "options": "endpoint=ep-a-1"},
    "postgresql://u:endpoint=ep-a-1;p@h/d": {**U, "password": "endpoint=ep-a-1;p"},
    # Supabase
    "postgresql://postgres.ref:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true":
        {"user": "postgres.ref", "password": "p", "host": "aws-0-eu-central-1.pooler.supabase.com", "port": "6543",
         "dbname": "postgres", "pgbouncer": "true"},
    "postgres://u:p@h/d?options=reference%3Dref": {**U, "options": "reference=ref"},
    # Azure
    "postgresql://u%40server:p@server.postgres.database.azure.com/d?sslmode=require":
        {**U, "user": "u@server", "host": "server.postgres.database.azure.com", "sslmode": "require"},
    "host=h port=5432 dbname=d user=u@server password=p sslmode=require":
        {**U, "user": "u@server", "port": "5432", "sslmode": "require"},
    # Schemas
    "postgresql://u:p@h/d?options=-csearch_path%3Dfoo": {**U, "options": "-csearch_path=foo"},
    "postgresql://u:p@h/d?options=-c%20search_path=foo%20-c%20jit=off":
        {**U, "options": "-c search_path=foo -c jit=off"},
    "postgresql://u:p@h/d?schema=foo&pgbouncer=false": {**U, "schema": "foo", "pgbouncer": "false"},
    "postgresql://u:p@h/d?currentSchema=foo": {**U, "schema": "foo"},
}
# Each with what must not be repeated, and a word of what to do.
REFUSED = {
    "postgresql://u:p@TAIL@h/d": "%40",
    "postgresql://u:p@TAIL:x@h/d": "%40",
    "postgresql://u:p@TAIL@a:1,b:2/d": "%40",
    "postgresql://u:1/TAIL@h/d": "%2F",
    "postgresql://u:TAIL/x@h/d": "%2F",
    "postgresql://u:p/TAIL@h:5432/d?sslmode=require": "%2F",
    "postgresql://u:1?TAIL@h/d": "%3F",
    "postgresql://u:1?TAIL=x@h/d": "%3F",
    "postgresql://u:TAIL?x@h/d": "%3F",
    "postgresql://u:p%TAIL@h/d": "%25",
    "postgresql://u:p TAIL@h/d": "%20",
    "postgresql://u@server:TAIL@server.postgres.database.azure.com/d": "%40",
    "postgresql://u:TAIL": "no number",
    "postgresql://u:TAIL/d": "no number",
    "postgresql://h:99999999/d": "no number",
    "postgresql://a,b:TAIL/d": "no number",
    "postgresql://a,:5432/d": "comma",
    "postgresql://a,/d": "comma",
    "postgresql://[::1/d": "libpq",
    "postgresql://u:p@h/d?password=a&TAIL": "libpq",
    "postgresql://u:p@h/d?password=a&TAIL=b": "parameters",
    "postgresql://u:p@h/d?sslmode": "libpq",
    "host=h password='TAIL": "libpq",
    "password=TAIL x": "libpq",
    "mysql://u:TAIL@h/d": "must start with postgresql://",
    "jdbc:postgresql://h/d?user=u&password=TAIL": "must start with postgresql://",
    "'postgresql://u:TAIL@h/d'": "must start with postgresql://",
    "u:TAIL@h/d": "must start with postgresql://",
    # Prisma, asyncpg, node-postgres
    "postgresql://u:p@h/d?pgbouncer=true&connection_limit=1": "connection_limit does not fit here",
    "postgresql://u:p@h/d?pool_timeout=0": "pool_timeout does not fit here",
    "postgresql://u:p@h/d?sslaccept=strict": "sslmode=require",
    "postgresql://u:p@h/d?ssl=require": "sslmode=require",
    "postgresql://u:p@h/d?pgbouncer=maybe": "pgbouncer must be true or false",
    "postgresql://u:p@h/d?schema=": "schema is empty",
    "host=h replication=database": "replication does not fit here",
}
# fmt: on


@pytest.mark.parametrize("url", READ)
def test_a_url_means_what_it_means_to_libpq(url):
    assert read_database_url(url) == READ[url]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_can_not_be_meant_is_refused_in_one_line_without_a_piece_of_it(url, monkeypatch):
    monkeypatch.setenv("TICKETFLOW_DATABASE_URL", url)
    load_settings.cache_clear()

    with pytest.raises(ConfigurationError) as refusal:
        load_settings()

    load_settings.cache_clear()
    said = str(refusal.value)
    assert said.startswith("TICKETFLOW_DATABASE_URL: ")
    assert REFUSED[url] in said
    assert "TAIL" not in said
    assert "\n" not in said
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_url_is_none(url):
    assert Settings(database_url=url).is_database_embedded


def test_a_command_with_a_password_not_written_as_it_should_be_says_so_without_it():
    env = os.environ | {"TICKETFLOW_DATABASE_URL": "postgresql://u:p@TAIL@h/d"}

    done = subprocess.run(
        [Path(sys.executable).with_name("ticketflow"), "--debug", "db", "check"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "write % as %25, @ as %40" in done.stderr
    assert "TAIL" not in done.stdout + done.stderr


def test_settings_that_are_shown_show_no_url():
    settings = Settings(database_url="postgresql://u:TAIL@h/d", broker_url="amqp://u:TAIL@h//")

    assert "TAIL" not in repr(settings)
    assert "TAIL" not in str(settings)


def test_a_refusal_in_pydantics_own_words_is_as_discreet():
    with pytest.raises(ValidationError) as refusal:
        Settings(database_url="postgresql://u:p@TAIL@h/d")

    assert "TAIL" not in str(refusal.value)
