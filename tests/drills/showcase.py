"""A Ticket Flow for the dashboards to show: every part that Prometheus reads, as docker-compose.yml runs them."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.drills.celery_exporter import start_celery_exporter
from tests.harness.postgres import Postgres
from tests.harness.processes import REPOSITORY, RunningProgram, find_free_port, start_process
from tests.harness.rabbitmq import RabbitMQ
from ticketflow.services.articles import create_article
from ticketflow.services.keys import create_key
from ticketflow.storage.articles import NewArticle
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

CONFIG = REPOSITORY / "deploy/prometheus/prometheus.yml"
ARTICLES = REPOSITORY / "ticketflow/samples/articles"
FLOWER_LOGIN = "operator:showcase"
# Seconds between two looks of Prometheus; the Celery exporter takes two to answer.
LOOKS = {"celery": 5}
LOOK_S = 2


class Showcase:
    """Servers and programs, none of them anybody else's.

    Attributes:
        ports: Where each part serves what Prometheus reads.
        management: Where RabbitMQ answers Flower.
    """

    def __init__(self, folder: Path) -> None:
        """Choose names and places; ``running`` starts it."""
        self.folder = folder
        names = ("api", "one", "two", "dispatcher", "exporter", "celery", "flower", "rabbitmq", "prometheus")
        self.ports = {name: find_free_port() for name in names}
        self.management = find_free_port()
        self.postgres = Postgres(folder / "postgres")
        config = [
            "prometheus.tcp.ip = 127.0.0.1",
            f"prometheus.tcp.port = {self.ports['rabbitmq']}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self.management}",
        ]
        plugins = ["rabbitmq_prometheus", "rabbitmq_management"]
        self.rabbitmq = RabbitMQ(folder / "rabbitmq", "\n".join(config), plugins)
        self.programs: dict[str, RunningProgram] = {}

    @contextlib.contextmanager
    def running(self, model_url: str) -> Iterator["Showcase"]:
        """Run all of it for as long as the block lasts.

        Args:
            model_url: Where the second worker finds its chat model; a person looks at what it writes.
        """
        with ExitStack() as stack:
            stack.enter_context(self.postgres)
            stack.enter_context(self.rabbitmq)
            self._prepare_database()
            stack.callback(self._stop_programs)
            for name, (command, env) in self._list_commands(model_url).items():
                self.programs[name] = start_process(command, self._env() | env, self.folder / f"{name}.log")
            self.programs["celery"] = start_celery_exporter(
                self.rabbitmq.url, self.ports["celery"], self.folder / "celery.log"
            )
            for name, program in self.programs.items():
                program.wait_for_port(self.ports[name])
            yield self

    @property
    def database_url(self) -> str:
        """Return where the tickets are."""
        return self.postgres.build_url("showcase")

    def build_url(self, name: str) -> str:
        """Return the address of a part."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def _prepare_database(self) -> None:
        self.postgres.execute("CREATE DATABASE showcase")
        upgrade(self.database_url)
        engine = build_engine(self.database_url)
        sessions = build_session_factory(engine)
        self.key = create_key(sessions, "showcase", DEFAULT_TENANT)
        for path in sorted(ARTICLES.glob("*.md")):
            title, _, text = path.read_text().partition("\n")
            create_article(sessions, DEFAULT_TENANT, NewArticle(title.lstrip("# "), text))
        engine.dispose()

    def _env(self) -> dict[str, str]:
        return {
            "TICKETFLOW_DATABASE_URL": self.database_url,
            "TICKETFLOW_BROKER_URL": self.rabbitmq.url,
            "TICKETFLOW_PORT": str(self.ports["api"]),
            "TICKETFLOW_WEBHOOK_ALLOW_PRIVATE": "true",
        }

    def _list_commands(self, model_url: str) -> Mapping[str, tuple[list[str], dict[str, str]]]:
        """Return the commands of docker-compose.yml, each with what it is told besides."""
        ticketflow = str(Path(sys.executable).with_name("ticketflow"))
        celery = [sys.executable, "-m", "celery", "-A", "ticketflow.tasks"]
        model = {
            "TICKETFLOW_LLM": "openai:stub",
            "TICKETFLOW_LLM_BASE_URL": model_url,
            "TICKETFLOW_LLM_API_KEY": "not-a-secret",
            "TICKETFLOW_LLM_INPUT_USD_PER_MILLION": "2.5",
            "TICKETFLOW_LLM_OUTPUT_USD_PER_MILLION": "10",
            "TICKETFLOW_APPROVAL": "always",
        }
        flower = {
            "FLOWER_BASIC_AUTH": FLOWER_LOGIN,
            "FLOWER_BROKER_API": f"http://guest:guest@127.0.0.1:{self.management}/api/",
        }
        return {
            "api": (
                [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"],
                {"WEB_CONCURRENCY": "2"},
            ),
            "one": ([*celery, "worker", "-n", "one@%h"], self._serve_metrics("one")),
            "two": ([*celery, "worker", "-n", "two@%h"], self._serve_metrics("two") | model),
            "dispatcher": ([ticketflow, "dispatcher"], self._serve_metrics("dispatcher")),
            "exporter": ([ticketflow, "exporter"], self._serve_metrics("exporter")),
            "flower": (
                [*celery, "flower", "--address=127.0.0.1", f"--port={self.ports['flower']}", "--url-prefix=flower"],
                flower,
            ),
        }

    def _serve_metrics(self, name: str) -> dict[str, str]:
        return {"TICKETFLOW_METRICS_PORT": str(self.ports[name])}

    def _stop_programs(self) -> None:
        for program in self.programs.values():
            program.kill()


def build_config(showcase: Showcase) -> dict[str, Any]:
    """Build the configuration Prometheus runs with in production, reading this machine and looking more often."""
    addresses = {name: f"127.0.0.1:{port}" for name, port in showcase.ports.items()}
    targets = {
        "ticketflow-api": [addresses["api"]],
        "ticketflow-worker": [addresses["one"], addresses["two"]],
        "ticketflow-exporter": [addresses["exporter"]],
        "rabbitmq-queues": [addresses["rabbitmq"]],
        "ticketflow-dispatcher": [addresses["dispatcher"]],
        **{job: [addresses[job]] for job in ("celery", "flower", "rabbitmq")},
    }
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    config["global"] = {"scrape_interval": f"{LOOK_S}s", "scrape_timeout": f"{LOOK_S}s", "evaluation_interval": "2s"}
    config["rule_files"] = [str(CONFIG.parent / pattern) for pattern in config["rule_files"]]
    del config["alerting"]
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        job["scrape_interval"] = job["scrape_timeout"] = f"{LOOKS.get(job['job_name'], LOOK_S)}s"
    return config
