"""A broker over TLS is believed when somebody we trust says that it is the host we asked for, and not otherwise."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from celery import Celery

from tests.harness.tls import tls_front
from ticketflow.errors import BrokerUnavailableError
from ticketflow.settings import load_settings
from ticketflow.tasks.broker import check_broker


class Tls:
    """Certificates, and doors to one broker."""

    def __init__(self, broker_url: str, folder: Path) -> None:
        self.ca = trustme.CA()
        self.ca_path = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_path)
        self.folder = folder
        self._plain = urlsplit(broker_url)
        assert self._plain.port
        self.port = self._plain.port

    def build_context(self, *names: str, asks_for_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(*names).configure_cert(context)
        if asks_for_certificate:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def build_url(self, port: int, host: str = "localhost") -> str:
        return f"amqps://guest:guest@{host}:{port}{self._plain.path}"

    def issue_client(self) -> tuple[str, str]:
        """Return the paths of a certificate of ours and its key."""
        mine = self.ca.issue_cert("worker@example.com")
        mine.cert_chain_pems[0].write_to_path(self.folder / "client.pem")
        mine.private_key_pem.write_to_path(self.folder / "client.key")
        return str(self.folder / "client.pem"), str(self.folder / "client.key")


@pytest.fixture
def tls(broker_url, tmp_path, monkeypatch) -> Iterator[Tls]:
    made = Tls(broker_url, tmp_path)
    monkeypatch.setenv("TICKETFLOW_BROKER_CA", str(made.ca_path))
    load_settings.cache_clear()
    yield made
    load_settings.cache_clear()


def connect(url: str) -> None:
    app = Celery("tls", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=url, broker_transport_options={})
    check_broker(app, 5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_for_the_host_is_believed(tls, host):
    with tls_front(tls.build_context(host), tls.port) as port:
        connect(tls.build_url(port, host))


@pytest.mark.parametrize(("host", "names"), [("localhost", ["mq.example"]), ("127.0.0.1", ["localhost", "127.0.0.2"])])
def test_a_certificate_for_another_host_is_refused(tls, host, names):
    with (
        tls_front(tls.build_context(*names), tls.port) as port,
        pytest.raises(BrokerUnavailableError, match=r"(Hostname|IP address) mismatch"),
    ):
        connect(tls.build_url(port, host))


def test_a_certificate_that_nobody_vouches_for_is_refused(tls):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with (
        tls_front(context, tls.port) as port,
        pytest.raises(BrokerUnavailableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        connect(tls.build_url(port))


def test_each_node_is_asked_for_its_own_name(tls):
    with (
        tls_front(tls.build_context("elsewhere"), tls.port) as wrong,
        tls_front(tls.build_context("127.0.0.1"), tls.port) as right,
    ):
        app = Celery("tls", set_as_current=False)
        app.conf.broker_url = f"{tls.build_url(wrong)};{tls.build_url(right, '127.0.0.1')}"
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=2, interval_start=0, interval_step=0)
            assert connection.connected
            connection.close()
            connection.ensure_connection(max_retries=2, interval_start=0, interval_step=0)  # and so when it comes back
            assert connection.connected


def test_a_broker_that_asks_for_a_certificate_gets_ours(tls, monkeypatch):
    context = tls.build_context("localhost", asks_for_certificate=True)
    with tls_front(context, tls.port) as port:
        with pytest.raises(BrokerUnavailableError):
            connect(tls.build_url(port))
        certificate, key = tls.issue_client()
        monkeypatch.setenv("TICKETFLOW_BROKER_CERT", certificate)
        monkeypatch.setenv("TICKETFLOW_BROKER_KEY", key)
        load_settings.cache_clear()

        connect(tls.build_url(port))


def test_a_worker_works_over_tls(tls, fleet):
    with tls_front(tls.build_context("localhost"), tls.port) as port:
        fleet.env |= {"TICKETFLOW_BROKER_URL": tls.build_url(port), "TICKETFLOW_BROKER_CA": str(tls.ca_path)}
        with fleet.stack:
            fleet.start("private")
            fleet.submit(3)
            fleet.wait_for_completed(3)
