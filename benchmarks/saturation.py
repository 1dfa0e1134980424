"""Scenario a: as much as goes through, with steps that do nothing; contenders take turns."""

import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import Contender, Fleet, Team, TicketFlow, list_contenders
from benchmarks.results import Figures, Result, say
from benchmarks.servers import Servers, measure_processor

WARM_UP = 40
SELDOM = 20


def measure_saturation(
    fleet: Fleet, tickets: int, rounds: int, others: Sequence[Path] = (), only: Collection[str] = ()
) -> Result:
    """Let each contender have its turn in every round; say what each sends to PostgreSQL."""
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        contenders = list_contenders(servers, fleet, others, only)
        for _ in range(rounds):
            for contender in contenders:
                figures.add(contender.name, take_turn(contender, tickets))
                measured = figures[contender.name]
                say(f"{contender.name:24} {measured['tickets/s'][-1]:7.1f}/s  {measured['total ms'][-1]:6.1f} ms")
        if "stock" in figures:
            for name in figures:
                figures.compare(name, "stock", {"tickets/s": "tickets/s of stock", "total ms": "ms of stock"})
        for contender in contenders:
            list_statements(contender, rounds * (WARM_UP + tickets))
    return Result("a", {"size": tickets, "rounds": rounds, **vars(fleet)}, figures.plain())


def profile_worker(fleet: Fleet, tickets: int, path: Path) -> None:
    """Draw where the threads of a worker of ours spend the interpreter's time (needs py-spy)."""
    with ExitStack() as stack:
        take_turn(TicketFlow("ours", Servers(stack), fleet), tickets, path)


def list_statements(contender: Contender, tickets: int) -> None:
    """Print the calls of each statement for a ticket, and what they take; those of starts and stops are among them."""
    statements = contender.servers.list_statements(contender.database)
    often = [row for row in statements if row["calls"] > tickets / SELDOM]
    if often:
        say(f"\n{contender.name}: calls a ticket, milliseconds, statement")
    for row in often:
        query = " ".join(row["query"].split())[:100]
        say(f"{row['calls'] / tickets:8.2f} {row['ms'] / tickets:8.3f}  {query}")


def take_turn(contender: Contender, tickets: int, profile: Path | None = None) -> dict[str, float]:
    """Start a contender's programs, send tickets through, and return what one of them took."""
    servers = contender.servers
    counted_first, asked_first = servers.count_whole_turn(contender.database), contender.asked
    with contender.run() as team:
        team.submit(WARM_UP)
        team.wait()
        counted, spent, asked = servers.count(contender.database), measure(team), contender.asked
        began_at = time.monotonic()
        with team.profile(profile):
            team.submit(tickets)
            team.wait()
        took_s = time.monotonic() - began_at
        costs = {part: then - spent[part] for part, then in measure(team).items()}
        asked_now, asked_all = contender.asked - asked, contender.asked - asked_first
        counted_then = servers.count(contender.database)
    counted_last = servers.count_whole_turn(contender.database)
    figures = {"tickets/s": tickets / took_s, "total ms": 1000 * (sum(costs.values()) - costs["submitting"]) / tickets}
    figures |= {f"{part} ms": 1000 * spent_s / tickets for part, spent_s in costs.items()}
    figures["wal KB"] = (counted_then["wal_bytes"] - counted["wal_bytes"]) / tickets / 1024
    # Backends tell of their commits late, at the latest when they end: warm-up, start and stop are counted with them.
    whole = {name: (then - counted_first[name]) / (tickets + WARM_UP) for name, then in counted_last.items()}
    figures["commits"] = whole["commits"] - asked_all / (tickets + WARM_UP)
    figures |= {"messages": whole["messages"], "kept KB": whole["kept"] / 1024}
    if "statements" in counted:
        figures["statements"] = (counted_then["statements"] - counted["statements"] - asked_now) / tickets
    return figures


def measure(team: Team) -> dict[str, float]:
    """Read the processor time of everybody who works for a team, the servers included."""
    servers = team.contender.servers
    parts = {**team.parts, "postgresql": [servers.postgres.program], "rabbitmq": [servers.rabbitmq.program]}
    parts["submitting"] = [team.submitter.program]
    return measure_processor(parts, team.contender.threads)
