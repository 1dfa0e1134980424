"""Every setting, read from ``TICKETFLOW_*`` environment variables. Unset means embedded."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ticketflow.errors import ConfigurationError

_PSYCOPG = "postgresql+psycopg://"

Failpoint = Literal[
    "submit.after",  # the ticket is stored, its 202 is not sent
    "publish.before",  # a due ticket is marked as published, and is not
    "publish.after",  # the broker has the chain, nobody knows yet
    "release.before",  # the broker did not take the chain, and the ticket is not due again yet
    "claim.before",  # the worker has the message and nothing else
    "claim.after",  # the attempt is counted, the lease is held, nothing is thought
    "commit.before",  # the step is thought, and nothing of it is kept
    "commit.after",  # the step took effect, the next link is not published
    "link.after",  # the next link is published, the message is not acknowledged
]
"""Edges at which a process can be made to die; see ``ticketflow.observability.failpoints``."""


def default_data_dir() -> Path:
    """Return where the embedded default keeps its files.

    Root gets a system folder: embedded PostgreSQL must run as another account, which could not
    enter root's home.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/ticketflow")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "ticketflow"


class Settings(BaseSettings):
    """Settings of every process; each field is the variable ``TICKETFLOW_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="TICKETFLOW_", frozen=True, extra="ignore")

    database_url: str | None = Field(
        None,
        description="PostgreSQL to use. Unset: the embedded one that `ticketflow up` starts.",
        examples=["postgresql://ticketflow@db.example/ticketflow"],
    )
    broker_url: str | None = Field(
        None,
        description="RabbitMQ to use. Unset: a folder in the data directory.",
        examples=["amqp://ticketflow:secret@mq.example//"],
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the embedded default: database, messages, log and the CLI's own API key.",
    )
    host: str = Field("127.0.0.1", description="Address `ticketflow up` serves the API on, and a worker its metrics.")
    port: int = Field(8080, ge=1, le=65535, description="Port `ticketflow up` serves the API on.")
    api_url: str | None = Field(
        None,
        description="API the command line talks to. Unset: the one `ticketflow up` serves here.",
        examples=["https://tickets.example"],
    )
    api_key: Annotated[str, StringConstraints(pattern=r"^tf_\S+$")] | None = Field(
        None, description="Key the command line presents. Unset: the one `ticketflow up` made for it."
    )
    auth: bool = Field(True, description="Whether the API asks for a key. Turn off only behind something that does.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body the API reads, in bytes.")
    queue_type: Literal["quorum", "classic"] = Field(
        "quorum", description="RabbitMQ type of the step queues. Existing queues keep the type they were made with."
    )
    dispatcher: bool = Field(
        True,
        description="Whether API and worker processes publish due tickets. At least one process must.",
    )
    max_in_flight: int = Field(
        1000,
        ge=1,
        description="Most chains published and not finished at one time. How many it is depends on the live workers.",
    )
    redispatch_after_s: float = Field(
        30,
        gt=0,
        description="Seconds a published ticket may sit in a queue before it is published again; doubles each time, and"
        " is longer while messages wait longer.",
    )
    lease_s: float = Field(
        15,
        gt=0,
        description="Seconds a worker may be silent before its ticket is given to another one. Steps that take longer"
        " extend it three times as often, up to their time limit.",
    )
    publish_timeout_s: float = Field(3, gt=0, description="Seconds the dispatcher waits for the broker to confirm.")
    poll_interval_s: float = Field(1, gt=0, description="Longest pause between two looks for due tickets, in seconds.")
    worker_pool: Literal["threads", "prefork"] = Field(
        "threads",
        description="Whether a worker runs its steps in threads or in child processes. A worker with child processes"
        " leaves dispatching to others.",
    )
    worker_threads: int = Field(4, ge=1, description="Steps one worker runs at a time, in threads or child processes.")
    max_tasks_per_child: int | None = Field(
        None, ge=1, description="Steps after which a child process is replaced. Unset: never."
    )
    max_memory_per_child_mb: int | None = Field(
        None, ge=64, description="Resident memory, in MiB, above which a child process is replaced. Unset: never."
    )
    soft_shutdown_s: float = Field(
        10, ge=0, description="Seconds that SIGQUIT leaves steps under way to end; SIGTERM waits for them."
    )
    canary_interval_s: float = Field(
        10, gt=0, description="Seconds between two messages a worker sends itself to prove that it consumes."
    )
    canary_timeout_s: float = Field(
        60,
        gt=0,
        description="Seconds after which a worker that consumes nothing, though the broker is there, ends itself to be"
        " started again.",
    )
    taxonomy: Path | None = Field(None, description="YAML file of categories. Unset: the one that ships.")
    encoder_model: Path | None = Field(None, description="MiniLM ONNX weights. Unset: the installed package's.")
    answer_confidence: float = Field(
        0.93,  # ticketflow.engines.embedded.confidence.ANSWER_CONFIDENCE; a test keeps the two the same
        ge=0,
        le=1,
        description="How sure the embedded engine must be of an article to answer from it. Lower answers more tickets"
        " and more of them wrongly; 1 leaves all of them to people.",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port a worker process serves its own metrics on, for Prometheus. Unset: it does not.",
        examples=["9101"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe level to log.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people, or one JSON object each.")
    failpoints: dict[Failpoint, Literal["kill", "freeze"]] = Field(
        {},
        description="For tests only: where this process is to kill or freeze itself, as JSON.",
        examples=['{"commit.after": "kill"}'],
    )

    @field_validator("database_url")
    @classmethod
    def _use_psycopg(cls, url: str | None) -> str | None:
        """Accept the usual spellings of a PostgreSQL URL; the driver is always psycopg 3."""
        if not url:
            return None
        for prefix in (_PSYCOPG, "postgresql://", "postgres://"):
            if url.startswith(prefix):
                return _PSYCOPG + url.removeprefix(prefix)
        raise ValueError("must start with postgresql://")

    @field_validator("broker_url")
    @classmethod
    def _use_amqp(cls, url: str | None) -> str | None:
        if not url:
            return None
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError("must start with amqp:// or amqps://")
        return url

    @property
    def is_database_embedded(self) -> bool:
        """Whether this process uses the database `ticketflow up` starts."""
        return self.database_url is None

    @property
    def is_broker_embedded(self) -> bool:
        """Whether messages travel through the data directory."""
        return self.broker_url is None


@cache
def load_settings() -> Settings:
    """Read the environment once per process.

    Raises:
        ConfigurationError: A variable does not fit; the message names each one and says why.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"TICKETFLOW_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(wrong) from None
