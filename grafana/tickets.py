"""Do tickets flow, how many, how fast, and is the objective met?"""

from grafana.model import Panel, Query, Row
from grafana.queries import heat, per_minute, quantile, rate, total_rate

_ENDED_WELL = 'outcome=~"answered|routed|ignored"'

AT_A_GLANCE = Row(
    "Do tickets flow?",
    [
        Panel(
            "Flow",
            "Standing still: tickets could move, and no step has taken effect for three minutes.",
            [Query("ticketflow:flow:state", "flow")],
            kind="stat",
            words={0: ("STANDING STILL", "red"), 1: ("FLOWING", "green"), 2: ("NOTHING TO DO", "blue")},
            runbook="TicketsNotFlowing",
            width=4,
            height=4,
        ),
        Panel(
            "Alerts",
            "Alerts that fire now; further down they are named.",
            [Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing")],
            kind="stat",
            alarms={1: "orange"},
            width=3,
            height=4,
        ),
        Panel(
            "Ended per minute",
            "Tickets that ended, well or not.",
            [Query(per_minute(total_rate("ticketflow_tickets_finished_total")), "ended")],
            kind="stat",
            width=3,
            height=4,
        ),
        Panel(
            "Waiting",
            "Tickets that are due and not yet sent to a worker.",
            [Query("sum(ticketflow_backlog)", "waiting")],
            kind="stat",
            width=3,
            height=4,
        ),
        Panel(
            "Longest wait",
            "How long the first of them has been due.",
            [Query("max(ticketflow_oldest_due_age_seconds)", "longest wait")],
            kind="stat",
            unit="s",
            alarms={60: "yellow", 300: "red"},
            runbook="OldestDueTooOld",
            width=3,
            height=4,
        ),
        Panel(
            "Failed",
            "Tickets that failed for good and wait for somebody.",
            [Query('sum(ticketflow_tickets{status="failed"})', "failed")],
            kind="stat",
            alarms={1: "orange"},
            runbook="DeadLetters",
            width=3,
            height=4,
        ),
        Panel(
            "Workers",
            "Workers that have proved lately that they take messages.",
            [Query("max(ticketflow_workers)", "workers")],
            kind="stat",
            words={0: ("NONE", "red")},
            runbook="WorkerGone",
            width=2,
            height=4,
        ),
        Panel(
            "Late or failed",
            "Of the last hour's tickets, those that failed or took more than five minutes. One in a hundred may.",
            [Query("ticketflow:completion_errors:ratio_rate1h", "last hour")],
            kind="stat",
            unit="percentunit",
            alarms={0.01: "yellow", 0.144: "red"},
            runbook="CompletionBudgetBurnFast",
            width=3,
            height=4,
        ),
    ],
)

TICKETS = Row(
    "Tickets",
    [
        Panel(
            "Tickets per minute",
            "Taken in, and ended by how. More taken in than ended: the backlog grows.",
            [
                Query(per_minute(total_rate("ticketflow_tickets_submitted_total")), "taken in"),
                Query(per_minute(rate("ticketflow_tickets_finished_total", "outcome")), "{{outcome}}"),
            ],
        ),
        Panel(
            "Backlog by priority",
            "Tickets that are due and not yet sent to a worker. The most urgent go first.",
            [Query("sum by (priority) (ticketflow_backlog)", "{{priority}}")],
            is_stacked=True,
            runbook="OldestDueTooOld",
        ),
        Panel(
            "Hung steps",
            "Steps past their time limit whose thread has not come back.",
            [Query("max by (step) (ticketflow_hung_steps)", "{{step}}")],
            runbook="StepHangs",
        ),
        Panel(
            "Tickets by status",
            "All that have not ended well.",
            [Query("sum by (status) (ticketflow_tickets)", "{{status}}")],
            is_stacked=True,
            runbook="DeadLetters",
        ),
        Panel(
            "From arrival to end",
            "Half of the tickets, and 95 of 100, took no longer. Waiting for a person counts.",
            [
                Query(quantile(0.5, "ticketflow_ticket_duration_seconds", where=_ENDED_WELL), "median"),
                Query(quantile(0.95, "ticketflow_ticket_duration_seconds", where=_ENDED_WELL), "95th percentile"),
            ],
            unit="s",
        ),
        Panel(
            "From arrival to end, all tickets",
            "How many tickets took how long.",
            [Query(heat("ticketflow_ticket_duration_seconds", _ENDED_WELL), "{{le}}")],
            kind="heatmap",
            unit="s",
        ),
        Panel(
            "Late or failed",
            "The share of tickets that failed or took more than five minutes. Above the upper line in both of the "
            "first two windows somebody is called; above the lower line the month's allowance shrinks too fast.",
            [
                Query("ticketflow:completion_errors:ratio_rate5m", "5 minutes"),
                Query("ticketflow:completion_errors:ratio_rate1h", "1 hour"),
                Query("ticketflow:completion_errors:ratio_rate6h", "6 hours"),
            ],
            unit="percentunit",
            alarms={0.01: "yellow", 0.144: "red"},
            runbook="CompletionBudgetBurnSlow",
        ),
        Panel(
            "Longest wait",
            "How long the first ticket that is due has waited for its turn.",
            [Query("max(ticketflow_oldest_due_age_seconds)", "longest wait")],
            unit="s",
            alarms={300: "red"},
            runbook="OldestDueTooOld",
        ),
        Panel(
            "Under way",
            "Tickets out as messages, and the steps that live workers can run at one time.",
            [
                Query("sum(ticketflow_in_flight)", "tickets under way"),
                Query("max(ticketflow_worker_slots)", "slots of workers"),
            ],
        ),
        Panel(
            "Alerts that fire",
            "By name, so that they can be seen beside what else happened. The link of a panel leads to what to do.",
            [Query('count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)', "{{alertname}}")],
            is_stacked=True,
        ),
    ],
)
