"""The ``ticketflow`` command. A command's module is imported when it is used, so that help comes at once."""

import click

import ticketflow
from ticketflow.cli.group import CommandLine, LazyCommand

COMMANDS = {
    "up": LazyCommand("ticketflow.cli.up:up", "Start everything on this machine and stay until Ctrl-C."),
    "submit": LazyCommand("ticketflow.cli.submit:submit", "Send tickets from a file or standard input."),
    "list": LazyCommand("ticketflow.cli.tickets:list_", "List tickets: by status, category, team, customer, words."),
    "show": LazyCommand("ticketflow.cli.tickets:show", "Show one ticket: what was found out and what was answered."),
    "watch": LazyCommand("ticketflow.cli.tickets:watch", "Follow a ticket step by step until it has ended."),
    "try": LazyCommand("ticketflow.cli.dry_run:dry_run", "Run tickets through all steps here; no ticket is stored."),
    "eval": LazyCommand("ticketflow.cli.eval:evaluate", "Measure steps on labelled data, or replay stored tickets."),
    "cancel": LazyCommand("ticketflow.cli.operations:cancel", "Cancel tickets for good."),
    "retry": LazyCommand("ticketflow.cli.operations:retry", "Try the failed step of tickets again."),
    "rewind": LazyCommand("ticketflow.cli.operations:rewind", "Run a ticket's finished step again, and all after it."),
    "fork": LazyCommand("ticketflow.cli.operations:fork", "Open a new ticket that starts at a step of another."),
    "approvals": LazyCommand("ticketflow.cli.approvals:approvals", "List the drafts that wait for a person."),
    "approve": LazyCommand("ticketflow.cli.approvals:approve", "Send a draft, edit it, reject it, or send nothing."),
    "correct": LazyCommand("ticketflow.cli.approvals:correct", "Correct the category or priority of a ticket."),
    "corrections": LazyCommand("ticketflow.cli.corrections:corrections", "Export what people corrected."),
    "pause": LazyCommand("ticketflow.cli.pauses:pause", "Start no step, or not this one, until it is resumed."),
    "resume": LazyCommand("ticketflow.cli.pauses:resume", "Let what was paused go on."),
    "pauses": LazyCommand("ticketflow.cli.pauses:pauses", "List what is paused."),
    "articles": LazyCommand("ticketflow.cli.articles:articles", "Import and search the knowledge base."),
    "webhooks": LazyCommand("ticketflow.cli.webhooks:webhooks", "Tell other systems when tickets end."),
    "taxonomy": LazyCommand("ticketflow.cli.taxonomy:taxonomy", "Check, train and publish the categories."),
    "keys": LazyCommand("ticketflow.cli.keys:keys", "Create, list and revoke API keys."),
    "dispatcher": LazyCommand("ticketflow.cli.dispatcher:dispatcher", "Publish due tickets and deliver webhooks."),
    "exporter": LazyCommand("ticketflow.cli.exporter:exporter", "Serve measures of the whole system for Prometheus."),
    "doctor": LazyCommand("ticketflow.cli.doctor:doctor", "Find out what is wrong, and what to type next."),
    "db": LazyCommand("ticketflow.cli.db:db", "Bring the database up to date, or check that it is."),
}


@click.command(cls=CommandLine, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ticketflow.__version__, prog_name="ticketflow")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error, and what libraries log.")
def main(debug: bool) -> None:  # read from the context where an error is explained
    """Answer support tickets step by step and never lose one.

    Settings are TICKETFLOW_* environment variables; without any, commands use what
    `ticketflow up` runs on this machine.

    Exit codes: 0 fine; 1 it failed; 2 wrong usage, input or setting; 130 stopped by Ctrl-C.
    """
