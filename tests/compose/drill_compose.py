"""docker-compose.yml, brought up and looked at. The name keeps it out of `make test`; `make compose-test` names it."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import yaml

from tests.compose.docker import docker
from tests.compose.stack import IMAGES, Stack
from tests.harness.llm_server import find_weights
from tests.harness.pages import list_commands, read_section
from tests.harness.processes import REPOSITORY
from tests.harness.wait import wait_until
from ticketflow.workflow.plan import ticket_plan

pytestmark = pytest.mark.timeout(600)

README = (REPOSITORY / "README.md").read_text()
JOBS = {"ticketflow-api", "ticketflow-worker", "ticketflow-exporter", "celery", "flower", "rabbitmq", "rabbitmq-queues"}
OURS = ("api", "worker", "exporter", "flower")
DENIED = "transient_nonexcl_queues"


def test_what_the_readme_types_is_answered(stack):
    """Every API call of the README's first ticket, in one shell."""
    section = README.partition("\n## Your first ticket\n")[2].partition("\n## ")[0]
    create, wait, events, *_ = re.findall(r"^(curl .*?)\n```", section, re.MULTILINE | re.DOTALL)
    note = 'TICKET_ID=$(echo "$answer" | grep -o \'"id":"[^"]*"\' | cut -d\'"\' -f4)'
    typed = f"answer=$({create})\n{note}\n{wait}\n{events}".replace(":8080", f":{stack.ports['API_PORT']}")
    key = stack.api.headers["Authorization"].removeprefix("Bearer ")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        env={**os.environ, "TICKETFLOW_API_KEY": key},
        capture_output=True,
        text=True,
        check=True,
    )

    assert '"status":"completed"' in done.stdout
    assert '"type":"ticket.completed"' in done.stdout


@pytest.mark.parametrize("service", OURS)
def test_ours_run_without_rights_on_a_file_system_they_cannot_write(service, stack):
    (container, *_) = stack.list_containers(service)

    found = json.loads(docker("inspect", container))[0]
    written = subprocess.run(["docker", "exec", container, "touch", "/app/a-file"], capture_output=True, check=False)

    assert found["Config"]["User"] == "10001"
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert found["HostConfig"]["Memory"] > 0
    assert b"Read-only file system" in written.stderr


def test_a_secret_that_cannot_be_read_is_not_taken_for_none(server_directory):
    """Without a database's address our programs bring a database of their own."""
    secret = server_directory / "ticketflow_database_url"
    secret.write_text("postgresql://only-its-owner-may-know")
    secret.chmod(0o600)
    mount = f"{secret}:/run/secrets/ticketflow_database_url:ro"

    asked = subprocess.run(
        ["docker", "run", "--rm", "--volume", mount, IMAGES["APP_IMAGE"], "ticketflow", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (asked.returncode, asked.stdout) == (1, "")
    assert "Permission denied" in asked.stderr


def test_only_two_doors_are_open_and_to_this_machine_alone(stack):
    containers = stack.list_containers()

    ports = [json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", each)) for each in containers]
    bound = [
        (each["HostIp"], int(each["HostPort"]))
        for found in ports
        for published in found.values()
        for each in published or ()
    ]

    assert sorted(bound) == sorted(("127.0.0.1", port) for port in stack.ports.values())


def test_the_broker_has_what_the_files_say_and_no_guest(stack):
    def rabbitmqctl(*args: str) -> list[dict[str, str]]:
        return json.loads(stack.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "--formatter=json", "--quiet", *args))

    queues = rabbitmqctl("list_queues", "-p", "ticketflow", "name", "type", "policy")
    # Those of a worker alone go by themselves when it is gone.
    lasting = [each for each in queues if each["type"] == "quorum" and not re.search("^canary|pidbox$", each["name"])]
    ours = {each["name"]: (each["type"], each["policy"]) for each in lasting}

    assert [each["user"] for each in rabbitmqctl("list_users")] == ["ticketflow"]
    assert [each["name"] for each in rabbitmqctl("list_vhosts")] == ["ticketflow"]
    assert ours == {f"steps.{step}": ("quorum", "steps") for step in ticket_plan().order} | {
        "ticketflow.dead": ("quorum", "")
    }


def test_the_broker_is_not_asked_how_it_is_before_it_has_a_cookie(stack):
    """Whoever asks first makes one, and a check runs as root."""
    check = yaml.safe_load((stack.folder / "docker-compose.yml").read_text())["services"]["rabbitmq"]["healthcheck"]
    script = f"{{ {check['test'][1]}; }} >/dev/null 2>&1; ls -A /var/lib/rabbitmq"

    made = docker("run", "--rm", "--entrypoint", "sh", IMAGES["RABBITMQ_IMAGE"], "-c", script)

    assert made == ""


def test_nothing_but_the_exporter_of_celery_declares_queues_that_rabbitmq_denies(stack, broker_denies):
    ids = stack.submit(5)
    stack.wait_for_completed(ids)
    wait_until(lambda: len(stack.look("/flower/api/workers?refresh=1")) == 2, 30, "Flower is answered by the workers")
    wait_until(lambda: stack.look("/flower/api/tasks?state=SUCCESS&limit=1"), 30, "Flower hears of tasks")
    assert DENIED not in stack.read_logs("rabbitmq")

    stack.compose("start", "celery-exporter")

    wait_until(lambda: DENIED in stack.read_logs("rabbitmq"), 60, "the exporter declares one")


@pytest.fixture
def broker_denies(stack: Stack) -> Iterator[None]:
    """Deny what RabbitMQ 4.3 denies by default and deploy/rabbitmq/ticketflow.conf permits."""
    settings = stack.folder / "deploy/rabbitmq/ticketflow.conf"
    ours = settings.read_text()
    stack.compose("stop", "celery-exporter")
    settings.write_text(ours.replace(f"{DENIED} = true", f"{DENIED} = false"))
    stack.up("--force-recreate", "rabbitmq", "api", "worker", "flower")
    yield
    settings.write_text(ours)
    stack.up("--force-recreate", "rabbitmq", "celery-exporter")
    stack.up()


@pytest.mark.parametrize("path", ["/flower/", "/flower/metrics", "/grafana/", "/prometheus/", "/metrics"])
def test_the_proxy_wants_the_operators_password_before(path, stack):
    wrong = httpx.BasicAuth("ticketflow", "guessed")

    answers = [
        stack.operator.get(path, auth=auth, follow_redirects=True).status_code
        for auth in (None, wrong, httpx.USE_CLIENT_DEFAULT)
    ]

    # The stand-in for Grafana has no pages.
    assert answers in ([401, 401, 200], [401, 401, 404] if path == "/grafana/" else [])


def test_the_api_is_behind_the_proxy_too_and_wants_its_own_key(stack):
    (ticket_id,) = stack.submit(1)

    unknown = stack.operator.get(f"/tickets/{ticket_id}", auth=None)
    known = stack.operator.get(
        f"/tickets/{ticket_id}", auth=None, headers={"Authorization": stack.api.headers["Authorization"]}
    )

    assert (unknown.status_code, known.status_code) == (401, 200)


def test_prometheus_reads_everything_and_has_loaded_the_rules(stack):
    groups = stack.look("/prometheus/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: set(find_up(stack)) == JOBS, 90, lambda: str(stack.look("/prometheus/api/v1/targets")))
    assert find_up(stack)["ticketflow-worker"] == 2
    assert {rule["type"] for rule in rules} == {"recording", "alerting"}
    assert all(rule["health"] != "err" for rule in rules)


def find_up(stack: Stack) -> Counter[str]:
    """Return the jobs all of whose targets answer, and the number of these."""
    targets = stack.look("/prometheus/api/v1/targets")["data"]["activeTargets"]
    ill = {target["labels"]["job"] for target in targets if target["health"] != "up"}
    return Counter(job for target in targets if (job := target["labels"]["job"]) not in ill)


def test_flower_and_the_exporters_have_seen_the_tickets(stack):
    ids = stack.submit(3)
    stack.wait_for_completed(ids)

    workers = stack.look("/flower/api/workers?refresh=1")
    queues = stack.look("/flower/api/queues/length")["active_queues"]
    wait_until(
        lambda: len(stack.look("/flower/api/tasks?state=SUCCESS&limit=1000")) >= 3 * 6, 30, "Flower knows the steps"
    )

    assert len(workers) == 2
    assert {f"steps.{step}" for step in ticket_plan().order} <= {queue["name"] for queue in queues}
    for expression in (
        'sum(celery_task_succeeded_total{name=~"ticketflow.steps.*"}) >= 18',
        'sum(flower_events_total{type="task-succeeded"}) >= 18',
        'sum(ticketflow_tickets_finished_total{outcome=~"answered|routed"}) >= 3',
        "ticketflow_database_up == 1",
        "ticketflow_workers == 2",
    ):
        wait_until(lambda wanted=expression: stack.ask_prometheus(wanted), 60, f"Prometheus finds {expression}")


def test_grafana_has_every_dashboard_and_takes_the_proxys_word_for_who_looks(stack):
    boards = [json.loads(path.read_text()) for path in (REPOSITORY / "grafana/dashboards").glob("*.json")]

    shown = [stack.look(f"/grafana/api/dashboards/uid/{board['uid']}")["dashboard"]["title"] for board in boards]

    assert shown == [board["title"] for board in boards]
    assert [source["uid"] for source in stack.look("/grafana/api/datasources")] == ["prometheus"]
    assert stack.look("/grafana/api/user")["login"] == "ticketflow"


def test_a_dump_brings_back_the_tickets_that_were_under_way(stack):
    commands = list_commands(read_section("operations.md", "A dump"))
    dump, restore = (each for each in commands if "docker compose" in each)
    with stack.commits_held():
        before = stack.submit(10)
        stack.type_in(dump)
    after = stack.submit(5)

    stack.type_in(restore)

    stack.wait_for_completed(before)
    assert {stack.api.get(f"/tickets/{ticket_id}").status_code for ticket_id in after} == {httpx.codes.NOT_FOUND}


def test_workers_are_scaled_up_and_down_with_tickets_in_flight(stack, put_back):
    ids = stack.submit(20)

    stack.up("--scale", "worker=3")
    wait_until(lambda: count_workers(stack) == 3, 60, "three workers live")
    ids += stack.submit(20)
    stack.up("--scale", "worker=1")
    wait_until(lambda: count_workers(stack) == 1, 60, "one worker lives")

    stack.wait_for_completed(ids)


def test_groups_of_workers_and_one_dispatcher_share_the_work(stack, put_back):
    stack.configure(WORKERS="0", QUICK_WORKERS="1", WRITING_WORKERS="1", DISPATCHERS="1", TICKETFLOW_DISPATCHER="false")
    stack.up()
    ids = stack.submit(5)

    stack.wait_for_completed(ids)

    assert stack.list_containers("worker") == []
    wait_until(lambda: find_up(stack)["ticketflow-dispatcher"] == 1, 60, "the dispatcher is read")
    wait_until(lambda: find_up(stack)["ticketflow-worker"] == 2, 60, "both groups are read")
    sent = 'sum(ticketflow_chains_published_total{job="ticketflow-dispatcher"}) >= 5'
    wait_until(lambda: stack.ask_prometheus(sent), 60, "the dispatcher has counted what it sent")


def test_a_model_of_the_profile_llm_is_asked(stack, put_back, server_directory):
    stack.configure(**stack.describe_model(find_weights(server_directory)))
    stack.up()
    (ticket_id,) = stack.submit(1)

    stack.wait_for_completed([ticket_id])

    steps = stack.api.get(f"/tickets/{ticket_id}/steps").json()["steps"]
    asked = next(step for step in steps if step["step"] == "classify")
    stack.compose("rm", "--stop", "--force", "llm")
    assert asked["usage"]["input_tokens"] > 0, asked["engines"]


def count_workers(stack: Stack) -> int:
    """Count the workers that live, as the database knows them."""
    found = stack.ask_prometheus("ticketflow_workers")
    return int(float(found[0]["value"][1])) if found else 0
