"""What an operator does and sees: Flower, a broker that goes away, a killed laptop."""

import signal
import sys
from pathlib import Path

import httpx
from kombu import Connection, Exchange, Queue
from sqlalchemy import create_engine, text

from tests.harness.processes import find_free_port, start_process
from tests.harness.wait import wait_until


def test_flower_shows_the_workers_and_their_tasks(system, tmp_path):
    port = find_free_port()
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "ticketflow.tasks",
        "flower",
        f"--port={port}",
        "--address=127.0.0.1",
    ]
    env = system.env | {"FLOWER_UNAUTHENTICATED_API": "true"}
    with start_process(command, env, tmp_path / "flower.log") as flower, httpx.Client(timeout=30) as browser:
        flower.wait_for_port(port)
        api = f"http://127.0.0.1:{port}/api"
        wait_until(lambda: browser.get(f"{api}/workers", params={"refresh": 1}).json(), 30, "Flower finds the workers")

        def list_successes():
            system.wait(system.submit())  # events of tasks begin once the workers have noticed that Flower listens
            tasks = browser.get(f"{api}/tasks").json().values()
            return [task["name"] for task in tasks if task["state"] == "SUCCESS" and task["received"]]

        names = wait_until(list_successes, 30, "Flower has seen a step succeed")

    assert set(names) <= {
        f"ticketflow.steps.{step}" for step in ("classify", "extract", "research", "draft", "review", "finalize")
    }


def test_tickets_sent_while_the_broker_is_away_complete_when_it_is_back(servers_system, rabbitmq_server):
    client = servers_system.client
    assert client.get("/readyz").json()["status"] == "ready"
    rabbitmq_server.stop()
    try:
        ids = [servers_system.submit() for _ in range(5)]
        away = client.get("/readyz")
    finally:
        rabbitmq_server.start()

    assert (away.status_code, away.json()["status"]) == (200, "degraded")
    assert [servers_system.wait(ticket_id)["status"] for ticket_id in ids] == ["completed"] * 5
    assert client.get("/readyz").json()["status"] == "ready"


def test_nothing_is_lost_when_everything_on_a_laptop_is_killed(server_directory):
    data_dir, port = server_directory / "killed", find_free_port()
    env = {"TICKETFLOW_DATA_DIR": str(data_dir), "TICKETFLOW_PORT": str(port)}
    command = [Path(sys.executable).with_name("ticketflow"), "up", "--no-samples"]
    first = start_process(command, env, server_directory / "killed-1.log")
    first.wait_for_log("Ctrl-C stops everything", timeout_s=120)
    headers = {"Authorization": f"Bearer {(data_dir / 'cli.key').read_text().strip()}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=70) as client:
        wait_until(lambda: _is_healthy(client), 30, "the API answers")
        new = {"subject": "Refund", "body": "When will my refund arrive?"}
        ids = [client.post("/tickets", json=new).raise_for_status().json()["id"] for _ in range(20)]
        first.popen.send_signal(signal.SIGKILL)

        with start_process(command, env, server_directory / "killed-2.log") as second:
            second.wait_for_log("Ctrl-C stops everything", timeout_s=120)
            wait_until(lambda: _is_healthy(client), 30, "the API answers")
            ended = [client.get(f"/tickets/{ticket_id}", params={"wait": 60}).json() for ticket_id in ids]
            trails = [client.get(f"/tickets/{ticket_id}/events").json()["events"] for ticket_id in ids]
    first.kill()

    assert {ticket["status"] for ticket in ended} == {"completed"}
    assert {sum(event["type"] == "step.completed" for event in trail) for trail in trails} == {6}


def _is_healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_a_ticket_that_failed_for_good_is_shown_and_its_message_is_with_the_dead_letters(servers_system):
    everything = Queue(exchange=Exchange("ticketflow.dead", "topic"), routing_key="#", exclusive=True)
    with Connection(servers_system.env["TICKETFLOW_BROKER_URL"]) as broker:
        letters = broker.SimpleQueue(everything)  # a copy of its own, since dispatchers empty ``ticketflow.dead``
        ticket_id = servers_system.submit(not_before="2199-01-01T00:00:00Z")
        use_up_attempts = "UPDATE tickets SET attempt = 5, wake_at = now() WHERE id = :ticket_id"
        engine = create_engine(servers_system.database_url)
        with engine.begin() as connection:
            connection.execute(text(use_up_attempts), {"ticket_id": ticket_id})
        engine.dispose()

        ticket = servers_system.wait(ticket_id, expected="failed")

        letter = letters.get(timeout=10)
        letter.ack()
        letters.close()
    assert (ticket["error"]["step"], ticket["error"]["attempt"], ticket["current_step"]) == ("classify", 5, "classify")
    assert [event["type"] for event in servers_system.events(ticket_id)] == [
        "ticket.received",
        "step.failed",
        "ticket.failed",
    ]
    assert letter.headers["x-death"][0]["queue"] == "steps.classify"
    assert letter.payload[0] == [ticket_id, 1]
