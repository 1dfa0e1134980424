"""The dashboard of the servers underneath, and whether they can be seen at all."""

from grafana.model import Dashboard, Panel, Query, Row, Variable, Words
from grafana.queries import QUEUES, TASKS, grown_from_nowhere, quantile, rate, total_rate
from grafana.ticket_flow import MARKS

_OURS = 'job=~"ticketflow-.+"'
_UP: Words = {0: ("AWAY", "red"), 1: ("UP", "green")}
_ALL_WELL: Words = {0: ("NO", "green"), 1: ("YES", "red")}

AT_A_GLANCE = Row(
    "Is everything there?",
    [
        Panel(
            "RabbitMQ",
            "Whether it answers Prometheus.",
            [Query('max(up{job="rabbitmq"})', "RabbitMQ")],
            kind="stat",
            words=_UP,
            runbook="BrokerAway",
            width=3,
            height=4,
        ),
        Panel(
            "RabbitMQ full",
            "An alarm of its memory or its disk: it takes no messages until there is room.",
            [Query('max({__name__=~"rabbitmq_alarms_(memory_used|free_disk_space)_watermark"})', "RabbitMQ full")],
            kind="stat",
            words=_ALL_WELL,
            runbook="BrokerAlarm",
            width=3,
            height=4,
        ),
        Panel(
            "PostgreSQL",
            "Whether our exporter could ask it.",
            [Query("min(ticketflow_database_up)", "PostgreSQL")],
            kind="stat",
            words=_UP,
            runbook="DatabaseAway",
            width=3,
            height=4,
        ),
        Panel(
            "Migration behind",
            "Whether the database is older than the code.",
            [Query("max(ticketflow_migration_behind)", "migration behind")],
            kind="stat",
            words=_ALL_WELL,
            runbook="MigrationBehind",
            width=3,
            height=4,
        ),
        Panel(
            "API replicas",
            "Those that answer Prometheus.",
            [Query('sum(up{job="ticketflow-api"})', "replicas")],
            kind="stat",
            words={0: ("NONE", "red")},
            runbook="ApiAway",
            width=3,
            height=4,
        ),
        Panel(
            "Workers",
            "Those that answer Prometheus.",
            [Query('sum(up{job="ticketflow-worker"})', "workers")],
            kind="stat",
            words={0: ("NONE", "red")},
            runbook="WorkerGone",
            width=3,
            height=4,
        ),
        Panel(
            "Not answering",
            "Everything Prometheus asks and gets no answer from.",
            [Query("count(up == 0) or vector(0)", "not answering")],
            kind="stat",
            alarms={1: "red"},
            runbook="ExporterAway",
            width=3,
            height=4,
        ),
        Panel(
            "Disk left",
            "Where RabbitMQ keeps its messages; on one machine it is everybody's.",
            [Query("min(rabbitmq_disk_space_available_bytes)", "left")],
            kind="stat",
            unit="bytes",
            runbook="DiskFillingUp",
            width=3,
            height=4,
        ),
    ],
)

_RABBITMQ = Row(
    "RabbitMQ",
    [
        Panel(
            "Messages ready",
            "In a queue, not yet with a worker.",
            [Query(f"sum by (queue) (rabbitmq_detailed_queue_messages_ready{{{QUEUES}}})", "{{queue}}")],
            runbook="ConnectedNotConsuming",
        ),
        Panel(
            "Messages with workers",
            "Running, or waiting for a thread of the worker.",
            [Query(f"sum by (queue) (rabbitmq_detailed_queue_messages_unacked{{{QUEUES}}})", "{{queue}}")],
        ),
        Panel(
            "Consumers",
            "Workers that take messages from a queue. The dead letters have none: dispatchers fetch them.",
            [Query(f"sum by (queue) (rabbitmq_detailed_queue_consumers{{{QUEUES}}})", "{{queue}}")],
            runbook="ConnectedNotConsuming",
        ),
        Panel(
            "Messages per second",
            "Everybody's: ours, and Celery's own.",
            [
                Query(total_rate("rabbitmq_global_messages_received_total"), "received"),
                Query(total_rate("rabbitmq_global_messages_confirmed_total"), "confirmed"),
                Query(total_rate("rabbitmq_global_messages_delivered_total"), "delivered"),
                Query(total_rate("rabbitmq_global_messages_acknowledged_total"), "acknowledged"),
            ],
            unit="cps",
        ),
        Panel(
            "Messages that went wrong, per second",
            "Redelivered: a worker died or let go of it. Unroutable ones go to the dead letters.",
            [
                Query(total_rate("rabbitmq_global_messages_redelivered_total"), "redelivered"),
                Query(total_rate("rabbitmq_global_messages_unroutable_dropped_total"), "dropped, unroutable"),
                Query(total_rate("rabbitmq_global_messages_dead_lettered_rejected_total"), "dead letters"),
            ],
            unit="cps",
            runbook="DeadLetters",
        ),
        Panel(
            "Connections and channels",
            "Steady while nothing starts or ends.",
            [
                Query("sum(rabbitmq_connections)", "connections"),
                Query("sum(rabbitmq_channels)", "channels"),
                Query("sum(rabbitmq_queues)", "queues"),
            ],
        ),
        Panel(
            "Memory",
            "At the limit RabbitMQ takes no more messages.",
            [
                Query("sum(rabbitmq_process_resident_memory_bytes)", "used"),
                Query("sum(rabbitmq_resident_memory_limit_bytes)", "limit"),
            ],
            unit="bytes",
            runbook="BrokerAlarm",
        ),
        Panel(
            "Disk left",
            "At the limit RabbitMQ takes no more messages.",
            [
                Query("min(rabbitmq_disk_space_available_bytes)", "left"),
                Query("max(rabbitmq_disk_space_available_limit_bytes)", "limit"),
            ],
            unit="bytes",
            runbook="DiskFillingUp",
        ),
        Panel(
            "Alarms",
            "1 while RabbitMQ takes no messages for this reason.",
            [
                Query("max(rabbitmq_alarms_memory_used_watermark)", "memory"),
                Query("max(rabbitmq_alarms_free_disk_space_watermark)", "disk"),
                Query("max(rabbitmq_alarms_file_descriptor_limit)", "file descriptors"),
            ],
            runbook="BrokerAlarm",
        ),
    ],
)

_POSTGRESQL = Row(
    "PostgreSQL",
    [
        Panel(
            "Reachable",
            "1 while our exporter can ask it.",
            [Query("min(ticketflow_database_up)", "up")],
            runbook="DatabaseAway",
        ),
        Panel(
            "Jumps of its clock",
            "In the last 30 days, by more than two seconds. It decides when everything is due.",
            [Query("max(ticketflow_clock_jumps)", "jumps")],
            runbook="ClockJumped",
        ),
        Panel(
            "Size of the database",
            "Tickets, trails and articles. docs/operations.md says how to make it smaller.",
            [Query("max(ticketflow_database_size_bytes)", "size")],
            unit="bytes",
            runbook="DiskFillingUp",
        ),
        Panel(
            "Time to ask it",
            "How long our exporter takes for all its questions; it grows when the database is busy.",
            [Query('max(scrape_duration_seconds{job="ticketflow-exporter"})', "all questions")],
            unit="s",
            runbook="DatabaseAway",
        ),
    ],
)

_CELERY = Row(
    "Celery",
    [
        Panel(
            "Tasks per second",
            "Tasks that succeeded, also those that found their step done already.",
            [Query(rate("celery_task_succeeded_total", "name", TASKS), "{{name}}")],
            unit="cps",
        ),
        Panel(
            "Run time of tasks, 95th percentile",
            "Claim and commit included.",
            [Query(quantile(0.95, "celery_task_runtime", "name", TASKS), "{{name}}")],
            unit="s",
        ),
        Panel(
            "Retried, rejected and failed in five minutes",
            "Retried: the step comes back after a while. Rejected: its ticket failed for good; Celery counts it "
            "as failed, too. Failed alone: the step raised, and its ticket comes back by its clock.",
            [
                Query(grown_from_nowhere("celery_task_retried_total", "name", TASKS), "{{name}} retried"),
                Query(grown_from_nowhere("celery_task_rejected_total", "name", TASKS), "{{name}} rejected"),
                Query(grown_from_nowhere("celery_task_failed_total", "name", TASKS), "{{name}} failed"),
            ],
            runbook="StepFailureRate",
        ),
    ],
)

_FLOWER = Row(
    "Flower's view",
    [
        Panel(
            "Events per second",
            "What workers tell of their tasks.",
            [Query(rate("flower_events_total", "type"), "{{type}}")],
            unit="cps",
        ),
        Panel(
            "Workers online",
            "1 while Flower hears a worker.",
            [Query("max by (worker) (flower_worker_online)", "{{worker}}")],
            runbook="WorkerGone",
        ),
        Panel(
            "Tasks running",
            "By worker.",
            [Query("sum by (worker) (flower_worker_number_of_currently_executing_tasks)", "{{worker}}")],
            is_stacked=True,
        ),
    ],
)

_PROMETHEUS = Row(
    "Prometheus and our processes",
    [
        Panel(
            "Answers Prometheus",
            "The share of a job's processes that do.",
            [Query("avg by (job) (up)", "{{job}}")],
            reach=1,
            runbook="ExporterAway",
            width=6,
        ),
        Panel(
            "Time to answer",
            "The Celery exporter takes two seconds by design.",
            [Query("max by (job) (scrape_duration_seconds)", "{{job}}")],
            unit="s",
            width=6,
        ),
        Panel(
            "Series",
            "They grow with processes, never with tickets.",
            [Query("sum by (job) (scrape_samples_post_metric_relabeling)", "{{job}}")],
            width=6,
        ),
        Panel(
            "Memory of workers and exporter",
            "A worker holds its model; one that grows for days leaks.",
            [Query(f"process_resident_memory_bytes{{{_OURS}}}", "{{job}} {{instance}}")],
            unit="bytes",
            width=6,
        ),
    ],
)

PLATFORM = Dashboard(
    "ticket-flow-platform",
    "Ticket Flow: platform",
    "RabbitMQ, PostgreSQL, Celery and Flower. Made by `make dashboards`: change it there.",
    rows=(AT_A_GLANCE, _RABBITMQ, _POSTGRESQL, _CELERY, _FLOWER, _PROMETHEUS),
    variables=(Variable("queue", "Queue", "rabbitmq_detailed_queue_messages", "queue"),),
    marks=MARKS,
)
