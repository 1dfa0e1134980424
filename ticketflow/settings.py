"""Every setting, read from ``TICKETFLOW_*`` environment variables. Unset means embedded."""

import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ticketflow.database_url import read_database_url
from ticketflow.errors import ConfigurationError
from ticketflow.workflow.approval import ApprovalMode, DefaultAction
from ticketflow.workflow.state import LlmStep

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
    "decide.after",  # a person's decision is stored, its 202 is not sent
    "webhook.after",  # a webhook has been delivered, nobody knows yet
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


def is_timezone(name: object) -> bool:
    """Tell whether something is the IANA name of a time zone."""
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last: it names a folder of the database
        return False


class Settings(BaseSettings):
    """Settings of every process; each field is the variable ``TICKETFLOW_<FIELD>``."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETFLOW_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # whatever does not fit may be a secret, or a piece of one
    )

    database_url: str | None = Field(
        None,
        description="PostgreSQL to use, as libpq or your provider writes it"
        " ([Use your PostgreSQL](how-to/database.md)); of several servers"
        " (`postgresql://ticketflow@db1:5432,db2:5432/ticketflow`) whichever takes writes. Unset: the embedded one that"
        " `ticketflow up` starts.",
        examples=["postgresql://ticketflow@db.example/ticketflow"],
        repr=False,
    )
    broker_url: str | None = Field(
        None,
        description="RabbitMQ to use; a cluster's nodes, each as a whole URL, separated by semicolons. Unset: a folder"
        " in the data directory.",
        examples=["amqp://ticketflow:secret@mq.example//"],
        repr=False,
    )
    broker_ca: Path | None = Field(
        None,
        description="Who must have signed the certificate of a broker whose URL begins with `amqps://`; it must be for"
        " the host that the URL names. Unset: those whom the system believes.",
        examples=["/etc/ticketflow/ca.pem"],
    )
    broker_cert: Path | None = Field(
        None, description="Certificate to show to such a broker, if it asks.", examples=["/etc/ticketflow/client.pem"]
    )
    broker_key: Path | None = Field(
        None,
        description="Key of that certificate. Unset: it is in the same file.",
        examples=["/etc/ticketflow/client.key"],
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the embedded default: database, messages, log and the CLI's own API key.",
        examples=["/srv/ticketflow"],
    )
    host: str = Field(
        "127.0.0.1", description="Address that the API and the metrics of workers and exporter are served on."
    )
    port: int = Field(8080, ge=1, le=65535, description="Port `ticketflow up` serves the API on.")
    api_url: str | None = Field(
        None,
        description="API the command line talks to. Unset: the one `ticketflow up` serves here.",
        examples=["https://tickets.example"],
    )
    api_key: Annotated[str, StringConstraints(pattern=r"^tf_\S+$")] | None = Field(
        None,
        description="Key the command line presents. Unset: the one `ticketflow up` made for it.",
        examples=["tf_5ce2e3c7c1a4_kept-secret"],
    )
    auth: bool = Field(True, description="Whether the API asks for a key. Turn off only behind something that does.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks, separated by commas, of proxies that are believed about whom a request"
        " comes from (`X-Forwarded-For`, for the log) and how (`X-Forwarded-Proto`). Unset: none; the log names the"
        " proxy.",
        examples=["127.0.0.1,10.0.0.0/8"],
        json_schema_extra={"since": "0.2.0"},
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body the API reads, in bytes.")
    queue_type: Literal["quorum", "classic"] = Field(
        "quorum", description="RabbitMQ type of the step queues. Existing queues keep the type they were made with."
    )
    dispatcher: bool = Field(
        True,
        description="Whether API and worker processes publish due tickets and deliver webhooks. At least one process"
        " must; `ticketflow dispatcher` does nothing else.",
    )
    change_over: bool = Field(
        True,
        description="Whether this process, where it dispatches, takes tickets of older steps over to its own. `false`"
        " is for a worker of a release that is rolled back: it finishes what is on its steps, and takes nothing along.",
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
        None, ge=1, description="Steps after which a child process is replaced. Unset: never.", examples=["1000"]
    )
    max_memory_per_child_mb: int | None = Field(
        None,
        ge=64,
        description="Resident memory, in MiB, above which a child process is replaced. Unset: never.",
        examples=["512"],
    )
    soft_shutdown_s: float = Field(
        10,
        ge=0,
        description="Seconds that SIGQUIT, or a second SIGTERM, leaves steps under way to end; one SIGTERM waits for"
        " them, up to their time limits.",
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
    hung_grace_s: float = Field(
        60,
        gt=0,
        description="Seconds a step may hold its thread past its time limit before its worker lets the others end and"
        " ends itself to be started again; as long may one step keep all others from running at all.",
    )
    timezone: str = Field(
        "UTC",
        description="IANA name of the time zone of tickets that come without one: what “yesterday” in them means.",
        examples=["Europe/Berlin"],
    )
    letters: Path | None = Field(
        None,
        description="YAML file of greetings, sign-offs and fixed sentences. Unset: those that ship.",
        examples=["/etc/ticketflow/letters.yaml"],
    )
    taxonomy: Path | None = Field(
        None,
        description="YAML file of categories, until `ticketflow taxonomy train` publishes others."
        " Unset: the one that ships.",
        examples=["/etc/ticketflow/taxonomy.yaml"],
    )
    encoder_model: Path | None = Field(
        None,
        description="MiniLM ONNX weights. Unset: the installed package's.",
        examples=["/opt/models/minilm-int8.onnx"],
    )
    multilingual: bool = Field(
        True,
        description="Whether tickets that are not in English are sorted and searched by a second, multilingual encoder,"
        " where `ticketflow[languages]` is installed. A process that reads such a ticket takes some 25 MB more; turn"
        " it off where that is too much.",
    )
    exact_search_passages: int = Field(
        100_000,  # ticketflow.adapters.knowledge.EXACT_PASSAGES
        ge=0,
        description="Passages of one tenant's articles that each process holds in memory and searches exactly, at 3 KB"
        " each. The database searches larger knowledge bases, where it has pgvector.",
    )
    answer_confidence: float = Field(
        0.91,  # ticketflow.engines.embedded.search.confidence.ANSWER_CONFIDENCE; a test keeps the two the same
        ge=0,
        le=1,
        description="How sure the embedded engine must be of an article to answer from it. Lower answers more tickets"
        " and more of them wrongly; 1 leaves all of them to people.",
    )
    approval: ApprovalMode = Field(
        "never",
        description="Which drafts wait for a person: none, those that review escalates or the writer is not sure of, or"
        " all.",
    )
    draft_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The same as `TICKETFLOW_ANSWER_CONFIDENCE`, for drafts that a person looks at before they go out:"
        " has no effect while `TICKETFLOW_APPROVAL` is `never`.",
    )
    approval_timeout_s: float = Field(
        86_400,
        gt=0,
        le=366 * 86_400,
        description="Seconds a draft waits for a person, at most a year. A ticket keeps what held when it began to"
        " wait.",
    )
    approval_default: DefaultAction = Field(
        "route",
        description="What happens to a draft nobody decided about in time: an acknowledgement goes out instead, the"
        " draft does, or nothing.",
    )
    llm: str | None = Field(
        None,
        description="Chat model that is asked before the embedded engine, as LangChain names it: `provider:model`."
        " Wants `pip install 'ticketflow[llm]'`. Unset: no model.",
        examples=["openai:gpt-5-mini", "anthropic:claude-sonnet-4-5"],
    )
    llm_base_url: str | None = Field(
        None,
        description="Server that speaks the provider's protocol, such as an OpenAI-compatible one of your own. Unset:"
        " the provider's.",
        examples=["http://127.0.0.1:8000/v1"],
    )
    llm_api_key: SecretStr | None = Field(
        None,
        description="Key for the provider. Unset: what its own variable says, such as `OPENAI_API_KEY`.",
        examples=["sk-kept-secret"],
    )
    llm_steps: Annotated[frozenset[LlmStep], NoDecode] = Field(
        frozenset(get_args(LlmStep)),
        description="Steps that ask the model, separated by commas. Unset: all that can.",
        examples=["draft,review"],
    )
    llm_method: Literal["json_schema", "function_calling", "json_mode"] = Field(
        "json_schema", description="How the model is held to a schema: what the provider supports best."
    )
    llm_timeout_s: float = Field(20, gt=0, le=50, description="Seconds one call to the model may take.")
    llm_max_tokens: int = Field(1024, ge=64, description="Most tokens the model may write in one call.")
    llm_temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        description="Temperature of the model. Unset: its own; some models take no other.",
        examples=["0"],
    )
    llm_attempts: int = Field(
        2, ge=1, le=5, description="Calls one question may take: each after the first says what was wrong before."
    )
    llm_max_wait_s: float = Field(
        60,
        ge=0,
        description="Longest pause, in seconds, that a ticket waits out when the provider asks for one (`Retry-After`)."
        " The embedded engine speaks at once when it is longer.",
    )
    llm_calls_per_minute: float | None = Field(
        None, gt=0, description="Calls all workers together may make in a minute. Unset: no limit.", examples=["300"]
    )
    llm_max_concurrency: int = Field(8, ge=1, description="Calls all workers together may have under way at one time.")
    llm_input_usd_per_million: float = Field(
        0, ge=0, description="Price of a million tokens read, in US dollars; the ledger's costs follow from it."
    )
    llm_output_usd_per_million: float = Field(0, ge=0, description="Price of a million tokens written, in US dollars.")
    llm_keep_answers_days: float = Field(
        7, gt=0, description="Days a model's answer is kept, so that a step that runs twice pays once."
    )
    llm_tracing: bool = Field(
        False, description="Whether LangChain may report calls to LangSmith, if its own variables say so too."
    )
    webhook_timeout_s: float = Field(
        10,
        gt=0,
        le=60,
        description="Seconds an endpoint has to take a webhook, from looking its name up to its answer.",
    )
    webhook_retry_for_s: float = Field(
        3 * 86_400, gt=0, description="Seconds after which a webhook that cannot be delivered is given up."
    )
    webhook_disable_after_s: float = Field(
        5 * 86_400, gt=0, description="Seconds of nothing but failures after which an endpoint is disabled."
    )
    webhook_allow_private: bool = Field(
        False,
        description="Whether webhooks may go to loopback, private and link-local addresses. On, whoever has an API key"
        " can make Ticket Flow send requests into your network.",
    )
    webhook_keep_days: float = Field(
        30, gt=0, description="Days a webhook that was delivered or given up stays listed and can be sent again."
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port a worker, `ticketflow dispatcher` or `ticketflow exporter` serves metrics on, for Prometheus."
        " Unset: the exporter takes 9102, and the others serve none.",
        examples=["9101"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Least severe level to log, while `celery -A ticketflow.tasks log-level` says nothing else.",
    )
    log_format: Literal["console", "json"] = Field("console", description="Lines for people, or one JSON object each.")
    failpoints: dict[Failpoint, Literal["kill", "freeze"]] = Field(
        {},
        description="For tests only: where this process is to kill or freeze itself, as JSON.",
        examples=['{"commit.after": "kill"}'],
    )

    @field_validator("llm_steps", mode="before")
    @classmethod
    def _split_steps(cls, steps: object) -> object:
        return {step.strip() for step in steps.split(",") if step.strip()} if isinstance(steps, str) else steps

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, proxies: str | tuple[str, ...]) -> tuple[str, ...]:
        named = proxies.split(",") if isinstance(proxies, str) else proxies
        return tuple(str(ip_network(each.strip(), strict=False)) for each in named if each.strip())

    @field_validator("database_url")
    @classmethod
    def _read_database_url(cls, url: str | None) -> str | None:
        """Refuse at the start what could not be connected to; ``storage.session`` reads it again."""
        if not url or not url.strip():
            return None
        read_database_url(url)
        return url

    @field_validator("timezone")
    @classmethod
    def _know_timezone(cls, name: str) -> str:
        if not is_timezone(name):
            raise ValueError("must be an IANA name such as Europe/Berlin")
        return name

    @field_validator("broker_url")
    @classmethod
    def _use_amqp(cls, url: str | None) -> str | None:
        if not url:
            return None
        if not all(node.startswith(("amqp://", "amqps://")) for node in url.split(";")):
            raise ValueError("must start with amqp:// or amqps://, and so must each node after a semicolon")
        if "?" in url:
            raise ValueError("takes nothing after a question mark; TLS has settings of its own, TICKETFLOW_BROKER_CA")
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
