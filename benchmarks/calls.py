"""Scenarios b and c, over HTTP: how long one ticket takes when nothing else does, and how many are taken in."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import quantiles

import httpx

from benchmarks.contenders import Chain, Fleet, Team, TicketFlow
from benchmarks.results import Figures, Result, say
from benchmarks.saturation import measure
from benchmarks.servers import Servers
from tests.harness.processes import find_free_port

CALLERS = 16
WARM_UP = 20
BARE = ("gunicorn", "-c", "deploy/gunicorn.conf.py", "bare_api:app")


def measure_latency(fleet: Fleet, tickets: int, rounds: int) -> Result:
    """Send one ticket after the other and wait for each: ours over HTTP, the stock chain by its file."""
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        ours, stock = TicketFlow("ours", servers, fleet), Chain("stock", servers, fleet, "stock")
        for _ in range(rounds):
            with ours.run() as team, ours.open_client(team) as client:
                figures.add("ours", time_each(lambda: answer(client), tickets))
            with stock.run() as team:
                figures.add("stock", time_each(lambda: run_chain(team), tickets))
            say(str({name: {what: values[-1] for what, values in each.items()} for name, each in figures.items()}))
    return Result("b", {"size": tickets, "rounds": rounds, **vars(fleet)}, figures.plain())


def answer(client: httpx.Client) -> None:
    """Send a ticket and wait until it is completed."""
    sent = client.post("/tickets", json={"subject": "Password", "body": "How do I reset it?"}).raise_for_status().json()
    ended = client.get(f"/tickets/{sent['id']}", params={"wait": 30}).raise_for_status().json()
    if ended["status"] != "completed":
        raise AssertionError(ended)


def run_chain(team: Team) -> None:
    """Start a chain and wait until its last task has run."""
    team.submit(1)
    while not team.contender.is_done(team.done_before + team.submitted):
        time.sleep(0.0005)


def time_each(act: Callable[[], None], times: int) -> dict[str, float]:
    """Return percentiles of how long it takes, in milliseconds."""
    for _ in range(WARM_UP):
        act()
    took_ms = []
    for _ in range(times):
        began_at = time.monotonic()
        act()
        took_ms.append(1000 * (time.monotonic() - began_at))
    cuts = quantiles(took_ms, n=100)
    return {"p50 ms": cuts[49], "p99 ms": cuts[98]}


def measure_submitting(posts: int, rounds: int) -> Result:
    """Post tickets to our API and to a bare one, each of two processes under the same server; nobody works on them."""
    fleet = Fleet(workers=0, api_processes=2)
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        ours = TicketFlow("ours", servers, fleet, TICKETFLOW_DISPATCHER="false")
        bare = Chain("bare Flask", servers, fleet, "stock")
        for _ in range(rounds):
            with ours.run() as team, ours.open_client(team) as client:
                figures.add("ours", post_all(team, posts, str(client.headers["Authorization"])))
            with bare.run() as team, bare.start(*BARE, env=bare_env(bare, team)) as api:
                api.wait_for_port(team.api_port)
                team.parts["api"] = [api]
                figures.add("bare Flask", post_all(team, posts, ""))
            say(str({name: round(each["posts/s"][-1]) for name, each in figures.items()}))
    figures.compare("ours", "bare Flask", {"posts/s": "posts/s of bare", "api ms": "api ms of bare"})
    return Result("c", {"size": posts, "rounds": rounds, **vars(fleet)}, figures.plain())


def bare_env(bare: Chain, team: Team) -> dict[str, str]:
    """Return what the bare API needs to know."""
    team.api_port = find_free_port()
    return {**bare.env, "TICKETFLOW_PORT": str(team.api_port), "WEB_CONCURRENCY": str(bare.fleet.api_processes)}


def post_all(team: Team, posts: int, key: str) -> dict[str, float]:
    """Post from several threads, each over a connection of its own."""
    send(team.api_port, key, WARM_UP * CALLERS)
    spent, began_at = measure(team), time.monotonic()
    send(team.api_port, key, posts)
    took_s = time.monotonic() - began_at
    costs = {part: 1000 * (then - spent[part]) / posts for part, then in measure(team).items()}
    return {"posts/s": posts / took_s, "api ms": costs["api"], "postgresql ms": costs["postgresql"]}


def send(port: int, key: str, posts: int) -> None:
    """Send so many tickets, and fail if one of them is not taken."""
    body = json.dumps({"subject": "Password", "body": "How do I reset my password?"})
    headers = {"Content-Type": "application/json", "Authorization": key}
    refused: list[int] = []

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(posts // CALLERS):
            connection.request("POST", "/tickets", body, headers)
            answered = connection.getresponse()
            answered.read()
            if answered.status != http.client.ACCEPTED:
                refused.append(answered.status)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise AssertionError(refused)
