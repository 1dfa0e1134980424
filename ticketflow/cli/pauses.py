"""``ticketflow pause``, ``resume`` and ``pauses``: hold steps back and let them go again."""

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.terminal import print_json, print_line, results, say
from ticketflow.cli.ticket_view import build_table

EVERY_STEP = "all"

_step = click.argument("step", default=EVERY_STEP)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pause.")


@click.command()
@_step
@click.option("--reason", help="Say why; `ticketflow pauses` shows it.")
@_json
def pause(step: str, reason: str | None, as_json: bool) -> None:
    """Start STEP of your tickets no more, or without STEP none at all; tickets wait meanwhile.

    What is under way finishes. Tickets are still taken in.
    """
    with open_client() as client:
        paused = client.pause_step(step, reason)
    if as_json:
        print_json(paused)
    else:
        command = "ticketflow resume" if step == EVERY_STEP else f"ticketflow resume {step}"
        print_line(f"{describe_steps(step)} is paused; `{command}` lets it go on")


@click.command()
@_step
def resume(step: str) -> None:
    """Let STEP of your tickets go on, or without STEP lift the pause of everything.

    A pause of a single step stays until that step is named. Exit code 1 if there is no such pause.
    """
    with open_client() as client:
        client.resume_step(step)
    print_line(f"{describe_steps(step)} goes on")


@click.command()
@_json
def pauses(as_json: bool) -> None:
    """List the pauses that concern your tickets, the operator's included."""
    with open_client() as client:
        found = client.list_pauses()
    if as_json:
        for each in found:
            print_json(each)
    elif found:
        rows = [
            (
                each["step"],
                "everybody's" if each["tenant"] == "*" else "yours",
                f"{each['created_at']:.19}Z",
                each["reason"] or "-",
            )
            for each in found
        ]
        results().print(build_table("pauses", ("step", "whose tickets", "since", "reason"), rows))
    else:
        say("nothing is paused")


def describe_steps(step: str) -> str:
    """Name a step, or all of them."""
    return "every step" if step == EVERY_STEP else step
