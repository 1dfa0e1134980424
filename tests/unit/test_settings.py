import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError
from sqlalchemy import create_engine

from ticketflow.settings import Settings, name_hosts
from ticketflow.tasks.broker import list_nodes

NAMED = "postgresql://clerk:s%40cret@db1:5433,db2,[::1]:5434/tickets?sslmode=require"


def connect_arguments(url: str) -> dict[str, str]:
    engine = create_engine(url)
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return arguments


def test_sqlalchemy_and_libpq_find_the_same_servers_in_a_url_of_several():
    url = Settings(database_url=NAMED).database_url

    seen = connect_arguments(url)
    libpq = conninfo_to_dict(url.replace("+psycopg", ""))
    for found in (seen, libpq):
        assert found["host"] == "db1,db2,::1"
        assert found["port"] == "5433,5432,5434"
        assert (found["user"], found["password"], found["dbname"]) == ("clerk", "s@cret", "tickets")
        assert (found["sslmode"], found["target_session_attrs"]) == ("require", "read-write")


def test_a_url_of_several_servers_keeps_what_it_says_of_the_session_wanted():
    url = name_hosts("postgresql+psycopg://db1,db2/tickets?target_session_attrs=any")

    assert connect_arguments(url)["target_session_attrs"] == "any"


@pytest.mark.parametrize("url", ["postgresql+psycopg://a@db1:5433/tickets?sslmode=require", "postgresql+psycopg:///x"])
def test_a_url_of_one_server_stays_as_it_is(url):
    assert name_hosts(url) == url


@pytest.mark.parametrize("places", ["db1:port,db2", "db1,:5432", "db1,"])
def test_a_url_with_a_server_that_cannot_be_is_refused_and_the_server_named(places):
    with pytest.raises(ValidationError, match="is no host:port"):
        Settings(database_url=f"postgresql://{places}/tickets")


def test_each_node_of_a_broker_must_be_a_whole_url():
    whole = "amqp://a:b@mq1//;amqps://a:b@mq2//"

    assert Settings(broker_url=whole).broker_url == whole
    with pytest.raises(ValidationError, match="after a semicolon"):
        Settings(broker_url="amqp://a:b@mq1//;mq2")


def test_nodes_that_never_answered_are_asked_in_the_order_they_are_named():
    assert list_nodes("amqp://mq1;amqp://mq2") == ["amqp://mq1", "amqp://mq2"]
