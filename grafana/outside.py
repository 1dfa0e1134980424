"""What Ticket Flow asks of others, and what others ask of it: people, chat models, callers, webhooks."""

from grafana.model import Panel, Query, Row
from grafana.queries import grown, per_minute, quantile, rate

_REQUESTS = "flask_http_request_duration_seconds"
# People decide less often than Prometheus scrapes.
_DECIDED = grown("ticketflow_approval_wait_seconds_bucket", "le", within="1h")

PEOPLE = Row(
    "People",
    [
        Panel(
            "Drafts that wait for a person",
            "Tickets that go on when somebody decides, or when the time for it is over.",
            [Query('sum(ticketflow_tickets{status="awaiting_approval"})', "waiting")],
        ),
        Panel(
            "Wait for a decision",
            "Over the last hour. Expired ones waited for all the time there was.",
            [
                Query(f"histogram_quantile(0.5, {_DECIDED})", "median"),
                Query(f"histogram_quantile(0.95, {_DECIDED})", "95th percentile"),
            ],
            unit="s",
        ),
        Panel(
            "Decisions in an hour",
            "By what was decided.",
            [Query(grown("ticketflow_approval_wait_seconds_count", "action", within="1h"), "{{action}}")],
            is_stacked=True,
        ),
    ],
)

MODEL = Row(
    "Chat model",
    [
        Panel(
            "Questions per minute",
            "Valid answers, invalid ones (asked again), questions not answered (down, put off), and answers kept from "
            "before, which cost nothing.",
            [Query(per_minute(rate("ticketflow_model_calls_total", "outcome")), "{{outcome}}")],
            is_stacked=True,
            width=6,
        ),
        Panel(
            "Cost in an hour",
            "In US dollars, by the prices set.",
            [Query(grown("ticketflow_model_cost_usd_total", "step", within="1h"), "{{step}}")],
            unit="currencyUSD",
            is_stacked=True,
            width=6,
        ),
        Panel(
            "Tokens per minute",
            "Read (input) and written (output).",
            [Query(per_minute(rate("ticketflow_model_tokens_total", "direction")), "{{direction}}")],
            width=6,
        ),
        Panel(
            "Fallbacks",
            "Questions in ten minutes that the embedded engine answered instead.",
            [Query(grown("ticketflow_model_fallbacks_total", "step", within="10m"), "{{step}}")],
            is_stacked=True,
            runbook="FallbackInUse",
            width=6,
        ),
    ],
)

API = Row(
    "API",
    [
        Panel(
            "Requests per second",
            "By route. Long polls and streams count when they end.",
            [Query(rate(f"{_REQUESTS}_count", "method, url_rule"), "{{method}} {{url_rule}}")],
            unit="reqps",
        ),
        Panel(
            "Answer time, 95th percentile",
            "By route. A long poll takes as long as its caller allows.",
            [Query(quantile(0.95, _REQUESTS, "method, url_rule"), "{{method}} {{url_rule}}")],
            unit="s",
        ),
        Panel(
            "Requests by status",
            "4xx is the caller's mistake, 5xx ours.",
            [Query(rate(f"{_REQUESTS}_count", "status"), "{{status}}")],
            unit="reqps",
            is_stacked=True,
            runbook="ApiErrors",
        ),
    ],
)

WEBHOOKS = Row(
    "Webhooks",
    [
        Panel(
            "Deliveries per minute",
            "Delivered, to be tried again, or given up.",
            [Query(per_minute(rate("ticketflow_webhook_deliveries_total", "outcome")), "{{outcome}}")],
            is_stacked=True,
            runbook="WebhookEndpointFailing",
        ),
        Panel(
            "Webhooks that wait",
            "Not delivered yet, and endpoints that do not take what is sent to them.",
            [
                Query("max(ticketflow_webhooks_pending)", "pending"),
                Query("max(ticketflow_webhook_endpoints_failing)", "endpoints failing"),
            ],
            runbook="WebhookEndpointFailing",
        ),
        Panel(
            "Longest wait of a webhook",
            "How long the first one has been due and nobody has tried to send it.",
            [Query("max(ticketflow_webhooks_oldest_due_age_seconds)", "longest wait")],
            unit="s",
            alarms={300: "red"},
            runbook="WebhooksLate",
        ),
    ],
)
