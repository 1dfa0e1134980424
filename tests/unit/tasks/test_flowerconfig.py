"""Where Flower asks for the length of queues."""

import runpy
from pathlib import Path

import pytest

from ticketflow.observability import logging
from ticketflow.settings import load_settings

CONFIG = Path(__file__).parents[3] / "deploy" / "flowerconfig.py"


@pytest.mark.parametrize(
    ("broker", "api"),
    [
        ("amqp://a:b%40c@mq:5672//;amqp://mq2//", "http://a:b%40c@mq:15672/api/"),
        ("amqps://a:b@mq/x", "https://a:b@mq:15671/api/"),
        ("amqp://[::1]:5672//", "http://guest:guest@[::1]:15672/api/"),
        ("", None),
    ],
)
def test_the_management_plugin_listens_beside_the_broker(monkeypatch, broker, api):
    monkeypatch.setattr(logging, "configure_logging", lambda *_: None)
    monkeypatch.setenv("TICKETFLOW_BROKER_URL", broker)
    load_settings.cache_clear()

    assert runpy.run_path(str(CONFIG)).get("broker_api") == api

    monkeypatch.setenv("FLOWER_BROKER_API", "http://else.example/api/")
    assert "broker_api" not in runpy.run_path(str(CONFIG))
    load_settings.cache_clear()
