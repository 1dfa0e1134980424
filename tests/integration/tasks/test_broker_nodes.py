import pytest
from celery import Celery

from tests.harness.processes import find_free_port
from tests.harness.proxy import Mode, Proxy
from ticketflow.errors import BrokerUnavailableError
from ticketflow.tasks.broker import check_broker, list_nodes, open_connection


@pytest.fixture
def frozen(rabbitmq_server):
    """Give the port of a node that takes connections and says nothing."""
    with Proxy("127.0.0.1", rabbitmq_server.port) as proxy, proxy.misbehaving(Mode.FREEZE):
        yield proxy.port


def test_a_node_that_answers_is_found_behind_those_that_do_not_and_asked_first_from_then_on(frozen, broker_url):
    nodes = [f"amqp://127.0.0.1:{port}//" for port in (find_free_port(), frozen)] + [broker_url]
    app = Celery(broker=";".join(nodes))

    connection = open_connection(app, 0.5)

    assert connection.connected
    connection.release()
    assert list_nodes(app.conf.broker_write_url) == [broker_url, *nodes[:2]]
    check_broker(app, 0.5)


def test_a_broker_none_of_whose_nodes_answers_is_away_and_each_node_says_why(frozen):
    app = Celery(broker=f"amqp://127.0.0.1:{find_free_port()}//;amqp://127.0.0.1:{frozen}//")

    with pytest.raises(BrokerUnavailableError, match=r"refused.*; .*timed out"):
        check_broker(app, 0.5)
