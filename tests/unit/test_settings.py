import pytest
from pydantic import ValidationError

from ticketflow.settings import Settings
from ticketflow.tasks.broker import list_nodes


def test_each_node_of_a_broker_must_be_a_whole_url():
    whole = "amqp://a:b@mq1//;amqps://a:b@mq2//"

    assert Settings(broker_url=whole).broker_url == whole
    with pytest.raises(ValidationError, match="after a semicolon"):
        Settings(broker_url="amqp://a:b@mq1//;mq2")


def test_nodes_that_never_answered_are_asked_in_the_order_they_are_named():
    assert list_nodes("amqp://mq1;amqp://mq2") == ["amqp://mq1", "amqp://mq2"]
