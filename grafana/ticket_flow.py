"""The dashboard an operator opens first: from "do tickets flow?" down to what holds them up."""

from grafana.model import Dashboard, Marks, Variable
from grafana.outside import API, MODEL, PEOPLE, WEBHOOKS
from grafana.steps import STEPS, TROUBLE, WORKERS
from grafana.tickets import AT_A_GLANCE, TICKETS

# No metric has a tenant in its labels: a name of a customer there would add series with every customer. Who is tenant
# is a question to the database and the logs.
_STEP = Variable("step", "Step", "ticketflow_steps_total", "step")

MARKS = (
    Marks(
        "Starts of our processes",
        'process_start_time_seconds{job=~"ticketflow-.+"} * 1000',
        "{{job}} started",
        "blue",
        is_value_time=True,
    ),
    Marks(
        "New version",
        "count by (version) (ticketflow_build_info) unless count by (version) (ticketflow_build_info offset 1m)",
        "version {{version}}",
        "green",
    ),
    Marks("Alerts", 'max by (alertname) (ALERTS{alertstate="firing", severity="critical"})', "{{alertname}}", "red"),
)

TICKET_FLOW = Dashboard(
    "ticket-flow",
    "Ticket Flow",
    "Do tickets flow, and if not, why? Made by `make dashboards`: change it there.",
    rows=(AT_A_GLANCE, TICKETS, STEPS, TROUBLE, WORKERS, PEOPLE, MODEL, API, WEBHOOKS),
    variables=(_STEP,),
    marks=MARKS,
)
