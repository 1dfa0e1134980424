"""The worker's consumer without native delayed delivery, and at peace with threads."""

from celery.worker.consumer import Consumer as CeleryConsumer

from ticketflow.tasks.threads import TaskPool

_UNUSED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(CeleryConsumer):
    """Celery's consumer, less one step.

    No message of ours carries an ETA (retries wait in Postgres), so the 28 queues that step would
    declare on a broker with quorum queues would only be in an operator's way.
    """

    class Blueprint(CeleryConsumer.Blueprint):
        """Celery's steps but for delayed delivery."""

        default_steps = [step for step in CeleryConsumer.Blueprint.default_steps if step != _UNUSED]  # noqa: RUF012

    def cancel_active_requests(self) -> None:
        """Cancel what is under way at a cold shutdown, unless it runs in threads: those end with the process."""
        if not isinstance(self.pool, TaskPool):
            super().cancel_active_requests()
