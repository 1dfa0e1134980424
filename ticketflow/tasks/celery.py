"""The Celery app; ``celery -A ticketflow.tasks …`` finds it here."""

import time
from typing import Any

from billiard import current_process
from celery import Celery, signals
from celery.utils.nodenames import node_format
from celery.worker import state
from gunicorn.systemd import sd_notify
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.adapters.tools import check_engine, warm_up
from ticketflow.errors import ConfigurationError
from ticketflow.observability.context import name_process, process_name
from ticketflow.observability.logging import configure_logging, get_logger
from ticketflow.observability.metrics import begin_at_zero, drop_metrics, serve_metrics
from ticketflow.observability.shared_metrics import build_registry, is_sharing, share_metrics
from ticketflow.observability.tracing import start_tracing, stop_tracing
from ticketflow.own_folders import keep_folder
from ticketflow.services.liveness import Pulse
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.embedded import embedded_url
from ticketflow.storage.migrate import USABLE, find_schema_age
from ticketflow.storage.session import build_engine
from ticketflow.storage.session_settings import read_reason
from ticketflow.tasks import options, threads  # noqa: F401  # a pool of our own
from ticketflow.tasks.broker import require_names
from ticketflow.tasks.canary import CanaryStep
from ticketflow.tasks.consumer import PatientAMQP
from ticketflow.tasks.control import ReplicatedControl
from ticketflow.tasks.deliverer import DelivererStep
from ticketflow.tasks.dispatcher import DispatcherStep
from ticketflow.tasks.log_levels import LevelWatch
from ticketflow.tasks.runtime import drop_runtime, runtime
from ticketflow.tasks.under_way import end_after
from ticketflow.tasks.watchdog import WatchdogStep
from ticketflow.tasks.wire import make_harmless
from ticketflow.workflow.graph import LINEAGE

log = get_logger(__name__)

LOOK_FOR_SCHEMA_EVERY_S = 1.0

make_harmless()
require_names()
app = Celery("ticketflow.tasks", control=ReplicatedControl, amqp=PatientAMQP)
app.config_from_object("celeryconfig")
app.steps["worker"].update({DispatcherStep, DelivererStep, CanaryStep, WatchdogStep})
app.user_options["preload"].update(options.PRELOAD)
app.user_options["worker"] = options.WORKER
_metrics_server: Any = None


@signals.setup_logging.connect
def use_our_logging(logfile: str | None = None, **_: Any) -> None:
    """Put Celery's log lines through our pipe, into the file that ``--logfile`` names."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, logfile)


@signals.worker_init.connect
def prepare_numbers(sender: Any, **_: Any) -> None:
    """Let every number begin at 0; in a worker with child processes, in files that they share."""
    if load_settings().metrics_port is not None and "prefork" in str(sender.pool_cls):
        # A child's place in the pool, which its successor takes; the main process has none.
        share_metrics(keep_folder("metrics"), lambda: getattr(current_process(), "index", None))
        drop_metrics()
    begin_at_zero(LINEAGE.steps)


@signals.worker_init.connect
def make_ready(sender: Any, **_: Any) -> None:
    """End a worker whose tickets could only fail, with one line that says why; load what the others think with.

    A database that is not migrated yet is waited for. Loading takes seconds, which the first steps' leases need not pay
    for; a prefork worker leaves it to its children.
    """
    name_process(sender.hostname)
    use_our_logging(node_format(sender.logfile, sender.hostname) if sender.logfile else None)
    try:
        check_engine(load_settings())
        wait_for_schema(load_settings())
        if "prefork" not in str(sender.pool_cls):
            start_tracing(sender.hostname)
            warm_up(runtime().tools)
    except ConfigurationError as error:
        raise SystemExit(f"error: {error}") from None


def wait_for_schema(settings: Settings) -> None:
    """Return when the database answers and has every migration that this version needs."""
    # Not the engine of the process: a prefork worker must not hold connections when it forks.
    engine = build_engine(settings.database_url or embedded_url(settings.data_dir), pool_size=1)
    said = ""
    try:
        while True:
            try:
                is_usable = find_schema_age(engine) in USABLE
                lacks = "the database is not up to date; run `ticketflow db upgrade`"
            except SQLAlchemyError as error:
                is_usable, lacks = False, f"the database does not answer: {read_reason(error)}"
            if is_usable:
                return
            if lacks != said:
                log.warning("worker.waiting", reason=lacks)
                said = lacks
            time.sleep(LOOK_FOR_SCHEMA_EVERY_S)
    finally:
        engine.dispose()


@signals.worker_ready.connect
def show_numbers(**_: Any) -> None:
    """Serve this process's metrics to Prometheus."""
    global _metrics_server  # noqa: PLW0603  # one per process is the point
    settings = load_settings()
    if settings.metrics_port is not None:
        registry = {"registry": build_registry()} if is_sharing() else {}
        _metrics_server = serve_metrics(settings.host, settings.metrics_port, **registry)


@signals.worker_ready.connect
def follow_log_levels(**_: Any) -> None:
    """Log what operators want logged, from now on; the children of a prefork worker each follow by themselves."""
    LevelWatch(runtime().sessions, load_settings().log_level).start()


@signals.worker_ready.connect
def show_life(**_: Any) -> None:
    """Let the others hear that this process is alive; the children of a prefork worker each do so by themselves."""
    live = runtime()
    Pulse(live.sessions, live.process, live.settings.lease_s).start()


@signals.worker_ready.connect
def tell_systemd(**_: Any) -> None:
    """Tell systemd, if that is who started us, that tickets are taken from now on."""
    sd_notify("READY=1", log, unset_environment=True)


@signals.worker_shutting_down.connect
def hurry(sig: str, how: str, **_: Any) -> None:
    """Let a second SIGTERM give steps under way a limit: who asks twice does not want to wait for one that hangs."""
    if (sig, how) == ("SIGTERM", "Warm") and state.should_stop is not None:
        end_after(load_settings().soft_shutdown_s)


@signals.worker_process_init.connect
def let_go_of_port(**_: Any) -> None:
    """Close what a pool child inherits of its parent's server: a child left behind must not hold the port."""
    if _metrics_server is not None:
        _metrics_server.socket.close()


@signals.worker_process_init.connect
def start_afresh(**_: Any) -> None:
    """Give a forked pool child database connections and threads of its own."""
    drop_runtime()
    start_tracing(process_name())
    follow_log_levels()
    show_life()


@signals.worker_shutdown.connect
@signals.worker_process_shutdown.connect
def send_last_spans(**_: Any) -> None:
    """Let no span of a worker that ends in order get lost."""
    stop_tracing()
