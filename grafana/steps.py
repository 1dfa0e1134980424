"""What each step does, what goes wrong in it, and who runs it."""

from grafana.model import Panel, Query, Row
from grafana.queries import STEP_QUEUES, grown, heat, quantile, rate

_STEP = 'step=~"$step"'

STEPS = Row(
    "Steps",
    [
        Panel(
            "Steps finished per second",
            "Those that took effect. A step that lags behind the others holds them up.",
            [Query(rate("ticketflow_steps_total", "step", f'{_STEP}, outcome="committed"'), "{{step}}")],
            unit="cps",
        ),
        Panel(
            "Thinking, median",
            "Half of the tries took no longer, failed ones included.",
            [Query(quantile(0.5, "ticketflow_step_duration_seconds", "step", _STEP), "{{step}}")],
            unit="s",
        ),
        Panel(
            "Thinking, 95th percentile",
            "One try in twenty took longer.",
            [Query(quantile(0.95, "ticketflow_step_duration_seconds", "step", _STEP), "{{step}}")],
            unit="s",
        ),
        Panel(
            "Thinking, all tries",
            "How many tries of the chosen steps took how long.",
            [Query(heat("ticketflow_step_duration_seconds", _STEP), "{{le}}")],
            kind="heatmap",
            unit="s",
        ),
        Panel(
            "Waiting for a worker, 95th percentile",
            "From sending a step's message to a worker's claim.",
            [Query(quantile(0.95, "ticketflow_queue_wait_seconds", "step", _STEP), "{{step}}")],
            unit="s",
        ),
        Panel(
            "Waiting for a worker, all messages",
            "How many messages of the chosen steps waited how long.",
            [Query(heat("ticketflow_queue_wait_seconds", _STEP), "{{le}}")],
            kind="heatmap",
            unit="s",
        ),
    ],
)

TROUBLE = Row(
    "What goes wrong",
    [
        Panel(
            "Tries that fail",
            "The share of tries in ten minutes that failed, to be tried again or for good.",
            [Query(f"ticketflow:step_failures:ratio_rate10m{{{_STEP}}}", "{{step}}")],
            unit="percentunit",
            alarms={0.1: "red"},
            runbook="StepFailureRate",
        ),
        Panel(
            "Errors by type",
            "Tries that failed in five minutes, by the class of the error.",
            [Query(grown("ticketflow_step_failures_total", "error", _STEP), "{{error}}")],
            is_stacked=True,
            runbook="StepFailureRate",
        ),
        Panel(
            "What came of messages",
            "Committed and asked took effect. Already done, superseded, busy and held changed nothing and are normal "
            "in small numbers; lost results came too late.",
            [Query(rate("ticketflow_steps_total", "outcome", _STEP), "{{outcome}}")],
            unit="cps",
            is_stacked=True,
        ),
        Panel(
            "Retries",
            "Tries in five minutes that failed and come back after a while.",
            [Query(grown("ticketflow_steps_total", "step", f'{_STEP}, outcome="retrying"'), "{{step}}")],
            is_stacked=True,
            runbook="StepFailureRate",
        ),
        Panel(
            "Dead letters",
            "Tickets that failed for good in five minutes, by the step that failed.",
            [Query(grown("ticketflow_steps_total", "step", f'{_STEP}, outcome="parked"'), "{{step}}")],
            is_stacked=True,
            runbook="DeadLetters",
        ),
        Panel(
            "Done twice or lost",
            "In five minutes: leases that ran out because a worker died or froze, results that came too late, and "
            "tickets sent again because no worker took them in time.",
            [
                Query("sum(increase(ticketflow_leases_expired_total[5m]))", "leases run out"),
                Query("sum(increase(ticketflow_stale_commits_total[5m]))", "results too late"),
                Query('sum(increase(ticketflow_chains_published_total{kind="again"}[5m]))', "sent again"),
            ],
            runbook="WorkerGone",
        ),
    ],
)

WORKERS = Row(
    "Queues and workers",
    [
        Panel(
            "Queue depth",
            "Messages in the queue of a step or with a worker. Where it piles up is the step that holds the others up.",
            [Query(f"sum by (queue) (rabbitmq_detailed_queue_messages{{{STEP_QUEUES}}})", "{{queue}}")],
        ),
        Panel(
            "Workers",
            "Those that proved that they take messages, and the machines Celery hears workers on. More machines than "
            "workers: one is connected and does not consume.",
            [Query("max(ticketflow_workers)", "workers"), Query("sum(celery_worker_up)", "machines heard")],
            runbook="ConnectedNotConsuming",
        ),
        Panel(
            "Steps running by worker",
            "One that stays at its limit while others idle, or at 0 while messages wait, is worth a look in Flower.",
            [Query("sum by (worker) (flower_worker_number_of_currently_executing_tasks)", "{{worker}}")],
            is_stacked=True,
            runbook="WorkerGone",
        ),
        Panel(
            "Tickets sent to the broker",
            "Per second; failures are publishes that the broker did not confirm in time.",
            [
                Query(rate("ticketflow_chains_published_total", "kind"), "{{kind}} time"),
                Query("sum(rate(ticketflow_publish_failures_total[$__rate_interval]))", "failures"),
            ],
            unit="cps",
            runbook="BrokerAway",
        ),
        Panel(
            "Dispatcher's last look",
            "How long ago a dispatcher last looked for due tickets.",
            [Query("time() - max(ticketflow_dispatcher_last_pass_timestamp_seconds)", "ago")],
            unit="s",
            alarms={60: "red"},
            runbook="DispatcherLag",
        ),
        Panel(
            "Paused",
            "1 while a step is not to be started, for everybody or for one tenant.",
            [Query("max by (step) (ticketflow_paused)", "{{step}}")],
            runbook="PauseForgotten",
        ),
    ],
)
