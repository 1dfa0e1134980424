"""Celery's configuration: one topic exchange, one queue per step, everything acknowledged late.

Each name below is a Celery setting (https://docs.celeryq.dev, "Configuration and defaults").
Steps, and so queues and routes, come from the graph; addresses come from the environment.
"""

from ticketflow.settings import load_settings
from ticketflow.tasks import filesystem_broker
from ticketflow.tasks.kept_queue import DEAD_LETTERS, DELIVERY_LIMIT, KeptExchange, KeptQueue
from ticketflow.tasks.options import refuse_variables
from ticketflow.workflow.graph import LINEAGE

refuse_variables()
_settings = load_settings()
_steps = LINEAGE.steps

# -- Where messages go ---------------------------------------------------------------------------
broker_url = _settings.broker_url or f"{filesystem_broker.SCHEME}://localhost//"
if _settings.is_broker_embedded:
    _folder = _settings.data_dir / "messages"
    broker_transport_options = {
        "data_folder_in": str(_folder),
        "data_folder_out": str(_folder),
        "control_folder": str(_settings.data_dir / "exchanges"),
        "processed_folder": str(_settings.data_dir / "processed"),
        "store_processed": False,
        "polling_interval": 0.01,
    }
else:
    # A dead peer is noticed by the socket, not only by a heartbeat two intervals later.
    broker_transport_options = {"read_timeout": 30, "write_timeout": 10}

# What no queue is bound for, and what a step rejects, ends up in the dead-letter queue.
_exchange = KeptExchange("ticketflow", type="topic", arguments={"alternate-exchange": DEAD_LETTERS})
_arguments: dict[str, str | int] = {"x-queue-type": _settings.queue_type, "x-dead-letter-exchange": DEAD_LETTERS}
if _settings.queue_type == "quorum":  # a classic queue has no limit
    _arguments["x-delivery-limit"] = DELIVERY_LIMIT
task_queues = [
    KeptQueue(f"steps.{step}", exchange=_exchange, routing_key=f"steps.{step}", queue_arguments=dict(_arguments))
    for step in _steps
]
dead_letter_queue = KeptQueue(
    DEAD_LETTERS,
    exchange=KeptExchange(DEAD_LETTERS, type="topic"),
    routing_key="#",
    queue_arguments={"x-queue-type": _settings.queue_type},
)
task_routes = {f"ticketflow.steps.{step}": {"queue": f"steps.{step}"} for step in _steps}
task_default_queue = f"steps.{_steps[0]}"
task_default_exchange = "ticketflow"
task_default_exchange_type = "topic"
task_create_missing_queues = False

# -- Delivery: Postgres decides what is done, so a message may safely come twice -----------------
task_acks_late = True
task_reject_on_worker_lost = True
# A step takes effect though its message is lost: stopping its child process would only make a death of it.
worker_cancel_long_running_tasks_on_connection_loss = False
task_ignore_result = True
# A pooled connection may have died with the broker: try once more on a new one. A link that can't be
# published even so comes back through wake_at; trying longer would only hold a thread.
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 4
broker_heartbeat = 30
# While a cluster makes up its mind about a lost node, queues may seem to be gone; a worker that ended then would
# only have to be started again.
broker_channel_error_retry = True

# -- Workers -------------------------------------------------------------------------------------
imports = ["ticketflow.tasks.steps"]
worker_pool = _settings.worker_pool
worker_concurrency = _settings.worker_threads
worker_max_tasks_per_child = _settings.max_tasks_per_child
worker_max_memory_per_child = _settings.max_memory_per_child_mb and 1024 * _settings.max_memory_per_child_mb  # KiB
# SIGTERM: warm, steps under way end. SIGQUIT: the same for this long, then they are left to other workers.
worker_soft_shutdown_timeout = _settings.soft_shutdown_s
worker_prefetch_multiplier = 4
worker_consumer = "ticketflow.tasks.consumer:Consumer"
# Keep a restarted worker of the same node name from being locked out of its own control queue.
control_queue_exclusive = False
control_queue_durable = True
# A worker that finds its way to another node takes longer than Celery's own 10 s.
control_queue_expires = 600

# -- What Flower and the exporter see ------------------------------------------------------------
# Events of tasks are sent while somebody listens (ticketflow.tasks.consumer); with -E always.
worker_send_task_events = False
# One more message for each link, from whoever publishes it, and nothing of ours reads it.
task_send_sent_event = False

task_serializer = "json"
accept_content = ["json"]
timezone = "UTC"
