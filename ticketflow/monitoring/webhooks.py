"""Whether those who want to be told of tickets are told."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.storage.statistics import FailingEndpoint, list_failing_endpoints
from ticketflow.storage.webhook_deliveries import WebhookMeasure, measure_webhooks

# As the alert WebhooksLate has it (deploy/prometheus/rules/alerts.yml).
LATE_S = 300.0


def diagnose_webhooks(session: Session) -> Iterator[Finding]:
    """Look at endpoints and at what waits for them."""
    for endpoint in list_failing_endpoints(session):
        yield judge_endpoint(endpoint)
    yield from judge_deliveries(measure_webhooks(session))


def judge_endpoint(endpoint: FailingEndpoint) -> Finding:
    """Tell what is wrong with an endpoint."""
    if endpoint.disabled_reason is not None:
        summary = f"the webhook {endpoint.id} was switched off: {endpoint.disabled_reason}"
        command = f"ticketflow webhooks enable {endpoint.id}"
    else:
        summary = f"the webhook {endpoint.id} refused the last {endpoint.failures} attempts to tell it something"
        command = f"ticketflow webhooks test {endpoint.id}"
    return build_finding(Severity.WARNING, "WebhookEndpointFailing", summary, command)


def judge_deliveries(measure: WebhookMeasure) -> Iterator[Finding]:
    """Tell whether somebody delivers."""
    if measure.oldest_due_age_s > LATE_S:
        summary = f"a webhook has been due for {measure.oldest_due_age_s / 60:.0f} min and nobody has tried to send it"
        yield build_finding(Severity.WARNING, "WebhooksLate", summary)
