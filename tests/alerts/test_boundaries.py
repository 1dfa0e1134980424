"""Every comparison of every alert, tried just where it begins to hold and just where it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.alerts.test_alerts import NAMES, run_promtool
from tests.architecture.monitoring import ALERTS, PROMETHEUS

STEP_S = 15
LONG = 3000  # looks, of 15 seconds: twelve hours
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Case:
    """When the condition of an alert holds for the first time, on known series; ``None`` if it does not at ``at``."""

    alert: str
    what: str
    series: Mapping[str, str]
    holds_from: int | None = 0
    at: int = 0


def flat(value: float) -> str:
    return f"{value}x{LONG}"


def grow(value: float, start: float = 0) -> str:
    return f"{start}{value:+}x{LONG}"


def jump(at_s: int) -> str:
    """Write a counter that counts once, just before ``at_s``."""
    return f"0x{at_s // STEP_S - 1} 1x{LONG}"


def tickets(ended: float, well: float) -> dict[str, str]:
    """Let so many tickets end between two looks, and so many of them well."""
    return {
        'ticketflow_ticket_duration_seconds_count{outcome="routed"}': grow(ended),
        'ticketflow_ticket_duration_seconds_bucket{outcome="routed",le="300.0"}': grow(well),
    }


def tickets_that_change(first: float, looks: int, then: float) -> dict[str, str]:
    """Let 1,000 tickets end between two looks, so many of them well at first, and so many later."""
    turn = first * looks
    well = f"0+{first}x{looks} {turn + then}+{then}x{LONG}"
    return tickets(1000, 0) | {'ticketflow_ticket_duration_seconds_bucket{outcome="routed",le="300.0"}': well}


def tries(failed: float, committed: float) -> dict[str, str]:
    """Let so many tries of a step fail between two looks, and so many take effect."""
    return {
        'ticketflow_step_failures_total{step="draft",error="other"}': grow(failed),
        'ticketflow_steps_total{step="draft",outcome="retrying"}': grow(failed),
        'ticketflow_steps_total{step="draft",outcome="committed"}': grow(committed),
    }


def exporters(metric: str, *values: float) -> dict[str, str]:
    """Let each exporter say something else."""
    return {f'{metric}{{instance="{number}"}}': flat(value) for number, value in enumerate(values)}


def requests(failed: float, refused: float, fine: float) -> dict[str, str]:
    shares = {"503": failed, "404": refused, "200": fine}
    return {f'flask_http_request_duration_seconds_count{{status="{code}"}}': grow(n) for code, n in shares.items()}


def flow(backlog: int, in_flight: int, steps: str) -> dict[str, str]:
    return {
        "ticketflow_backlog": flat(backlog),
        "ticketflow_in_flight": flat(in_flight),
        'ticketflow_steps_total{step="draft",outcome="committed"}': steps,
    }


def consuming(consumers: int, heard: int, workers: int, queue: str = "steps.draft") -> dict[str, str]:
    return {
        f'rabbitmq_detailed_queue_consumers{{queue="{queue}"}}': flat(consumers),
        "celery_worker_up": flat(heard),
        "ticketflow_workers": flat(workers),
    }


def disk(start: float, loses_an_hour: float) -> dict[str, str]:
    return {"rabbitmq_disk_space_available_bytes": grow(-loses_an_hour * STEP_S / HOUR, start)}


EXPORTER_UP = {'up{job="ticketflow-exporter"}': flat(1)}
BROKER_UP = {'up{job="rabbitmq"}': flat(1)}
TEN_AN_HOUR = 10 / HOUR * STEP_S

# fmt: off
CASES = [
    Case("TicketsNotFlowing", "one is due", flow(1, 0, flat(0)), 0),
    Case("TicketsNotFlowing", "one is out", flow(0, 1, flat(0)), 0),
    Case("TicketsNotFlowing", "none is there", flow(0, 0, flat(0)), None),
    Case("TicketsNotFlowing", "a step took effect three minutes ago", flow(1, 0, jump(600)), 780, 600),
    Case("OldestDueTooOld", "longer than five minutes", {"ticketflow_oldest_due_age_seconds": flat(301)}),
    Case("OldestDueTooOld", "five minutes", {"ticketflow_oldest_due_age_seconds": flat(300)}, None),
    Case("OldestDueTooOld", "one of two exporters says longer",
         exporters("ticketflow_oldest_due_age_seconds", 0, 301)),
    Case("OldestDueTooOld", "two exporters say four minutes",
         exporters("ticketflow_oldest_due_age_seconds", 240, 240), None),
    Case("CompletionBudgetBurnFast", "15 % in both windows", tickets(1000, 850), 15),
    Case("CompletionBudgetBurnFast", "14.3 % in both windows", tickets(1000, 857), None, HOUR),
    Case("CompletionBudgetBurnFast", "15 % in the hour, none for six minutes",
         tickets_that_change(840, 216, 1000), None, HOUR),
    Case("CompletionBudgetBurnFast", "15 % for five minutes, none in the hour",
         tickets_that_change(1000, 220, 850), None, HOUR),
    Case("CompletionBudgetBurnFast", "ten an hour", tickets(TEN_AN_HOUR * 1.02, 0), 15, HOUR),
    Case("CompletionBudgetBurnFast", "nine and a half an hour", tickets(TEN_AN_HOUR * 0.95, 0), None, 2 * HOUR),
    Case("CompletionBudgetBurnSlow", "6.1 % in both windows", tickets(1000, 939), 15),
    Case("CompletionBudgetBurnSlow", "5.9 % in both windows", tickets(1000, 941), None, 10 * MINUTE),
    Case("DeadLetters", "one", {'ticketflow_tickets{status="failed"}': flat(1)}),
    Case("DeadLetters", "none, though others wait",
         {'ticketflow_tickets{status="failed"}': flat(0), 'ticketflow_tickets{status="queued"}': flat(9)}, None),
    Case("StepFailureRate", "five in ten minutes", tries(0.125, 0.5), 600),
    Case("StepFailureRate", "four and a half in ten minutes", tries(0.1125, 0.5), None, HOUR),
    Case("StepFailureRate", "one in nine", tries(8, 64), 15),
    Case("StepFailureRate", "one in eleven", tries(8, 80), None, HOUR),
    Case("PauseForgotten", "one", {'ticketflow_paused{step="draft"}': flat(1)}),
    Case("PauseForgotten", "none", {'ticketflow_paused{step="draft"}': flat(0)}, None),
    Case("PauseForgotten", "one of two tenants'", exporters("ticketflow_paused", 0, 1)),
    Case("StepHangs", "one", {'ticketflow_hung_steps{step="draft"}': f"0 1x{LONG}"}, 15),
    Case("StepHangs", "one of two workers'", {'ticketflow_hung_steps{step="draft",instance="1"}': flat(0),
                                           'ticketflow_hung_steps{step="draft",instance="2"}': f"0 1x{LONG}"}, 15),
    Case("StepHangs", "none", {'ticketflow_hung_steps{step="draft"}': flat(0)}, None),
    Case("WorkerGone", "none, and a ticket is due", flow(1, 0, flat(0)) | {"ticketflow_workers": flat(0)}),
    Case("WorkerGone", "none, and none is due", flow(0, 0, flat(0)) | {"ticketflow_workers": flat(0)}, None),
    Case("WorkerGone", "one, and a ticket is due", flow(1, 0, flat(0)) | {"ticketflow_workers": flat(1)}, None),
    Case("WorkerGone", "fewer than for half an hour of the last",
         {"ticketflow_workers": f"3x479 2x{LONG}"}, 2 * HOUR),
    Case("WorkerGone", "fewer for half an hour now", {"ticketflow_workers": f"3x479 2x{LONG}"}, None, 9000 + MINUTE),
    Case("ConnectedNotConsuming", "a queue without consumers", consuming(0, 1, 1)),
    Case("ConnectedNotConsuming", "a queue with one", consuming(1, 1, 1), None),
    Case("ConnectedNotConsuming", "a queue without, and no worker is heard", consuming(0, 0, 0), None),
    Case("ConnectedNotConsuming", "somebody else's queue without", consuming(0, 1, 1, "celeryev.1"), None),
    Case("ConnectedNotConsuming", "one more heard than take messages", consuming(1, 3, 2)),
    Case("ConnectedNotConsuming", "one more heard than take messages, as two exporters say",
         consuming(1, 3, 0) | exporters("ticketflow_workers", 2, 2)),
    Case("ConnectedNotConsuming", "fewer heard than take messages", consuming(1, 1, 2), None),
    Case("DispatcherLag", "longer than a minute", {"ticketflow_dispatcher_last_pass_timestamp_seconds": flat(0)}, 75),
    Case("DispatcherLag", "one of two looks", exporters("ticketflow_dispatcher_last_pass_timestamp_seconds", 0, HOUR),
         None, HOUR),
    Case("FallbackInUse", "one just now", {'ticketflow_model_fallbacks_total{step="draft"}': jump(600)}, 600, 600),
    Case("FallbackInUse", "one less than ten minutes ago",
         {'ticketflow_model_fallbacks_total{step="draft"}': jump(600)}, 600, 1185),
    Case("FallbackInUse", "one ten minutes ago",
         {'ticketflow_model_fallbacks_total{step="draft"}': jump(600)}, None, 1200),
    Case("BrokerAway", "it does not answer", {'up{job="rabbitmq"}': flat(0)}),
    Case("BrokerAway", "one node answers", {'up{job="rabbitmq",instance="1"}': flat(0)} | BROKER_UP, None),
    Case("BrokerAway", "it is not asked", {'up{job="else"}': flat(1)}),
    Case("BrokerAway", "a publish failed a minute ago",
         BROKER_UP | {"ticketflow_publish_failures_total": jump(600)}, 600, 645),
    Case("BrokerAway", "a publish failed before",
         BROKER_UP | {"ticketflow_publish_failures_total": jump(600)}, None, 660),
    Case("BrokerAlarm", "memory", {"rabbitmq_alarms_memory_used_watermark": flat(1)}),
    Case("BrokerAlarm", "disk", {"rabbitmq_alarms_free_disk_space_watermark": flat(1)}),
    Case("BrokerAlarm", "none", {f"rabbitmq_alarms_{what}_watermark": flat(0)
                                 for what in ("memory_used", "free_disk_space")}, None),
    Case("BrokerAlarm", "memory of one node", exporters("rabbitmq_alarms_memory_used_watermark", 0, 1)),
    Case("BrokerAlarm", "disk of one node", exporters("rabbitmq_alarms_free_disk_space_watermark", 0, 1)),
    Case("DatabaseAway", "one exporter can't ask it",
         {'ticketflow_database_up{instance="1"}': flat(1), 'ticketflow_database_up{instance="2"}': flat(0)}),
    Case("DatabaseAway", "all can", {"ticketflow_database_up": flat(1)}, None),
    Case("ClockJumped", "once", {"ticketflow_clock_jumps": jump(1200)}, 1200),
    Case("ClockJumped", "once, less than a quarter of an hour ago", {"ticketflow_clock_jumps": jump(1200)}, 1200, 2085),
    Case("ClockJumped", "once, a quarter of an hour ago", {"ticketflow_clock_jumps": jump(1200)}, None, 2100),
    Case("ClockJumped", "as one of two exporters says",
         {'ticketflow_clock_jumps{instance="1"}': flat(0), 'ticketflow_clock_jumps{instance="2"}': jump(1200)}, 1200),
    Case("MigrationBehind", "as one of two exporters says", exporters("ticketflow_migration_behind", 0, 1)),
    Case("MigrationBehind", "it is", {"ticketflow_migration_behind": flat(1)}),
    Case("MigrationBehind", "it is not", {"ticketflow_migration_behind": flat(0)}, None),
    Case("DiskFillingUp", "less than two gigabytes", disk(1.999e9, 0)),
    Case("DiskFillingUp", "two gigabytes", disk(2e9, 0), None, 6 * HOUR),
    Case("DiskFillingUp", "one of two nodes less", exporters("rabbitmq_disk_space_available_bytes", 9e9, 1.999e9)),
    Case("DiskFillingUp", "less than 20, and empty in 23 hours", disk(19e9, 19e9 / 23), 15),
    Case("DiskFillingUp", "less than 20, and empty in 25 hours", disk(19e9, 19e9 / 25), None, MINUTE),
    Case("DiskFillingUp", "more than 20, and empty in 10 hours", disk(20.2e9, 2e9), None, 5 * MINUTE),
    Case("ApiAway", "no replica answers", {'up{job="ticketflow-api"}': flat(0)}),
    Case("ApiAway", "none is asked", {'up{job="else"}': flat(1)}),
    Case("ApiAway", "one of two answers",
         {'up{job="ticketflow-api",instance="1"}': flat(1), 'up{job="ticketflow-api",instance="2"}': flat(0)}, None),
    Case("ApiErrors", "5.5 %", requests(11, 0, 189), 15),
    Case("ApiErrors", "4.5 %", requests(9, 0, 191), None, HOUR),
    Case("ApiErrors", "callers' mistakes", requests(0, 100, 100), None, HOUR),
    Case("WebhookEndpointFailing", "one", {"ticketflow_webhook_endpoints_failing": flat(1)}),
    Case("WebhookEndpointFailing", "none", {"ticketflow_webhook_endpoints_failing": flat(0)}, None),
    Case("WebhooksLate", "longer than five minutes", {"ticketflow_webhooks_oldest_due_age_seconds": flat(301)}),
    Case("WebhookEndpointFailing", "as one of two exporters says",
         exporters("ticketflow_webhook_endpoints_failing", 0, 1)),
    Case("WebhooksLate", "as one of two exporters says",
         exporters("ticketflow_webhooks_oldest_due_age_seconds", 0, 301)),
    Case("WebhooksLate", "two exporters say four minutes",
         exporters("ticketflow_webhooks_oldest_due_age_seconds", 240, 240), None),
    Case("WebhooksLate", "five minutes", {"ticketflow_webhooks_oldest_due_age_seconds": flat(300)}, None),
    Case("ExporterAway", "ours", {'up{job="ticketflow-exporter"}': flat(0)}),
    Case("ExporterAway", "Celery's", EXPORTER_UP | {'up{job="celery"}': flat(0)}),
    Case("ExporterAway", "Flower", EXPORTER_UP | {'up{job="flower"}': flat(0)}),
    Case("ExporterAway", "ours is not asked", {'up{job="else"}': flat(1)}),
    Case("ExporterAway", "somebody else", EXPORTER_UP | {'up{job="rabbitmq"}': flat(0)}, None),
]
# fmt: on
PAUSES_S = {"s": 1, "m": MINUTE, "h": HOUR}


def build_checks(case: Case) -> list[dict[str, Any]]:
    """Build what promtool has to find: when the condition holds, and when the alert fires after its pause."""
    (rule,) = (rule for rule in ALERTS if rule["alert"] == case.alert)
    condition, firing = f"count({rule['expr']})", f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})'
    if case.holds_from is None:
        return [build_check(condition, case.at, holds=False)]
    pause = rule.get("for", "0s")
    fires_at = case.holds_from + int(pause[:-1]) * PAUSES_S[pause[-1]]
    checks = [build_check(condition, max(case.holds_from, case.at), holds=True)]
    if case.holds_from:
        checks.append(build_check(condition, case.holds_from - STEP_S, holds=False))
    if case.at <= case.holds_from:  # else it's about the end; what is recorded comes a look later
        late_s = STEP_S if "ticketflow:" in rule["expr"] else 0
        checks += [
            build_check(firing, fires_at + late_s, holds=True),
            build_check(firing, fires_at - STEP_S, holds=False),
        ]
    return checks


def build_check(expr: str, at_s: int, *, holds: bool) -> dict[str, Any]:
    samples = [{"labels": "{}", "value": 1}] if holds else []
    return {"expr": expr, "eval_time": f"{at_s}s", "exp_samples": samples}


@pytest.mark.parametrize("alert", sorted({case.alert for case in CASES}))
def test_a_condition_holds_from_its_boundary_on_and_fires_after_its_pause(alert, tmp_path):
    cases = [case for case in CASES if case.alert == alert]
    path = tmp_path / "boundaries.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(PROMETHEUS / "rules" / f"{name}.yml") for name in ("alerts", "recording")],
                "evaluation_interval": f"{STEP_S}s",
                "tests": [
                    {
                        "name": case.what,
                        "interval": f"{STEP_S}s",
                        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
                        "promql_expr_test": build_checks(case),
                    }
                    for case in cases
                ],
            }
        )
    )

    run_promtool("test", "rules", path)


def test_every_case_is_of_an_alert_there_is():
    assert {case.alert for case in CASES} <= set(NAMES)
