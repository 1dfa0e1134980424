"""docker-compose.yml and what it mounts, as far as they can be judged without Docker; `make compose-test` runs them."""

import json
import re
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser

import pytest
import yaml
from packaging.requirements import Requirement

import celeryconfig
from tests.compose.stack import copy_repository
from tests.harness.processes import REPOSITORY
from ticketflow.workflow.plan import ticket_plan

COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
TOPOLOGY = json.loads((REPOSITORY / "deploy/rabbitmq/10-topology.json").read_text())
DOCKERFILE = (REPOSITORY / "deploy/Dockerfile").read_text()
LOCK = (REPOSITORY / "deploy/requirements.txt").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_images_can_be_had_from_elsewhere_and_ports_are_open_to_this_machine_only(service):
    image = SERVICES[service]["image"]
    ports = SERVICES[service].get("ports", [])

    assert re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-\S+:\S+\}", image)
    assert all(re.match(r"127\.0\.0\.1:|\$\{\w+_ADDRESS:-127\.0\.0\.1\}:", port) for port in ports)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_limit_a_health_check_and_a_reason_to_start_again(service):
    found = SERVICES[service]

    assert found["deploy"]["resources"]["limits"]["memory"]
    assert found["healthcheck"]
    assert found["restart"] == ("no" if service == "migrate" else "unless-stopped")


def test_groups_of_workers_take_every_step_together():
    commands = [SERVICES[name]["command"] for name in ("worker-quick", "worker-writing")]
    queues = [queue for command in commands for queue in command[command.index("-Q") + 1].split(",")]

    assert sorted(queues) == sorted(f"steps.{step}" for step in ticket_plan().order)
    assert "-Q" not in SERVICES["worker"]["command"]


def test_the_broker_is_given_the_queues_that_the_app_declares():
    declared = [*celeryconfig.task_queues, celeryconfig.dead_letter_queue]

    assert [(queue["name"], queue["arguments"]) for queue in TOPOLOGY["queues"]] == [
        (queue.name, queue.queue_arguments) for queue in declared
    ]
    assert [(each["source"], each["destination"], each["routing_key"]) for each in TOPOLOGY["bindings"]] == [
        (queue.exchange.name, queue.name, queue.routing_key) for queue in declared
    ]
    exchanges = {queue.exchange.name: queue.exchange for queue in declared}
    assert {each["name"]: (each["type"], each["arguments"]) for each in TOPOLOGY["exchanges"]} == {
        name: (exchange.type, exchange.arguments or {}) for name, exchange in exchanges.items()
    }


def test_a_policy_holds_for_the_queues_of_steps_alone():
    (policy,) = TOPOLOGY["policies"]

    held = [queue["name"] for queue in TOPOLOGY["queues"] if re.search(policy["pattern"], queue["name"])]

    assert held == [queue.name for queue in celeryconfig.task_queues]


def test_secrets_are_made_once_and_are_all_that_the_services_name(tmp_path):
    copy_repository(tmp_path)
    secrets = tmp_path / "deploy/secrets"

    subprocess.run([tmp_path / "deploy/make-secrets"], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    again = subprocess.run([tmp_path / "deploy/make-secrets"], check=True, capture_output=True, text=True)

    assert again.stderr == ""
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made
    assert {secret["file"].removeprefix("deploy/secrets/") for secret in COMPOSE["secrets"].values()} <= set(made)
    users = json.loads(made["rabbitmq_users.json"])
    assert f":{users['users'][0]['password']}@" in made["ticketflow_broker_url"]
    assert f":{made['database_password']}@" in made["ticketflow_database_url"]
    assert made["flower_basic_auth"] == f"ticketflow:{made['operator_password']}"


def test_containers_may_read_what_is_mounted_whoever_may_read_the_checkout(tmp_path):
    copy_repository(tmp_path)
    key = tmp_path / "deploy/caddy/site.d/key.pem"
    key.touch(mode=0o600)

    subprocess.run([tmp_path / "deploy/make-secrets"], check=True, capture_output=True)

    mounts = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    ours = [
        path
        for mount in mounts
        if mount.startswith("./")
        for path in (tmp_path / mount, *(tmp_path / mount).rglob("*"))
    ]
    assert len(ours) > 20
    assert [path for path in ours if path.parent != key.parent and not path.stat().st_mode & 0o004] == []
    assert key.stat().st_mode & 0o077 == 0


def test_the_lock_covers_what_setup_cfg_asks_for():
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOCK, re.MULTILINE))

    for wanted in read_requirements():
        assert wanted.specifier.contains(locked[wanted.name]), wanted


def test_every_locked_package_has_hashes():
    blocks = re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]

    assert len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_image_is_built_on_what_one_variable_names():
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["$PYTHON_IMAGE", "$PYTHON_IMAGE"]
    assert "--require-hashes" in DOCKERFILE


def test_the_image_needs_nothing_that_a_plain_builder_does_not_know():
    assert not re.search(r"^# syntax|RUN --mount|<<", DOCKERFILE, re.MULTILINE)


def test_what_the_image_copies_is_let_through():
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {path for path in re.findall(r"deploy/[\w.-]+", DOCKERFILE) if (REPOSITORY / path).is_file()}

    assert copied - {"deploy/Dockerfile"} <= allowed


def read_requirements() -> Iterator[Requirement]:
    """Give what setup.cfg asks for, without what the image leaves out."""
    config = ConfigParser(interpolation=None)
    config.read(REPOSITORY / "setup.cfg")
    extras = config["options.extras_require"]
    left_out = re.findall(r"^[\w-]+", (REPOSITORY / "deploy/left-out.txt").read_text(), re.MULTILINE)
    for part in (config["options"]["install_requires"], *(extras[name] for name in ("llm", "monitoring", "otel"))):
        for line in part.strip().splitlines():
            requirement = Requirement(line)
            if requirement.name not in left_out:
                yield requirement
