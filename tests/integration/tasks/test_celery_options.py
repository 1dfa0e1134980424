"""Celery's own options and variables: each works, or is refused by its name in one line."""

import pytest

from tests.harness.processes import run_module


@pytest.mark.parametrize(
    ("arguments", "env", "named"),
    [
        (["worker", "--time-limit", "5"], {}, "--time-limit"),
        (["worker", "-P", "solo"], {}, "--pool solo"),
        (["worker", "-B"], {}, "--beat"),
        (["worker", "--autoscale", "4,1"], {}, "--autoscale"),
        (["worker", "--pool-start-method", "spawn"], {}, "--pool-start-method"),
        (["worker", "-Q", "steps.nowhere"], {}, "steps.nowhere"),
        (["worker", "-X", "steps.nowhere"], {}, "steps.nowhere"),
        (["-b", "amqp://elsewhere//", "worker"], {}, "CELERY_BROKER_URL"),
        (["worker"], {"CELERY_BROKER_READ_URL": "amqp://elsewhere//"}, "CELERY_BROKER_READ_URL"),
        (["worker"], {"CELERY_WORKER_CONCURRENCY": "9"}, "CELERY_WORKER_CONCURRENCY"),
        (["worker"], {"TICKETFLOW_PORT": "x"}, "TICKETFLOW_PORT"),
        (["status"], {"TICKETFLOW_PORT": "x"}, "TICKETFLOW_PORT"),
    ],
)
def test_what_does_not_work_is_refused_by_name_in_one_line(arguments, env, named):
    done = run_module("celery", ["-A", "ticketflow.tasks", *arguments], env)

    assert done.returncode == 2
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
