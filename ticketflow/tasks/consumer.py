"""The worker's consumer without native delayed delivery."""

from celery.worker.consumer import Consumer as CeleryConsumer

_UNUSED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(CeleryConsumer):
    """Celery's consumer, less one step.

    No message of ours carries an ETA (retries wait in Postgres), so the 28 queues that step would
    declare on a broker with quorum queues would only be in an operator's way.
    """

    class Blueprint(CeleryConsumer.Blueprint):
        """Celery's steps but for delayed delivery."""

        default_steps = [step for step in CeleryConsumer.Blueprint.default_steps if step != _UNUSED]  # noqa: RUF012
