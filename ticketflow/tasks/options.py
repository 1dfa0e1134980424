"""Celery's own options on our worker: each works, or is refused by its name, and none beats a setting unseen.

Celery's command line asks an app for options of its own. Ours are hidden: the first looks at the settings before any
command begins, the others at what a worker was told, before it is made.
"""

import os
from collections.abc import Iterator
from typing import Any

import click
from celery.utils.sysinfo import AUTO_CONCURRENCY
from click.core import ParameterSource

from ticketflow.errors import ConfigurationError
from ticketflow.settings import load_settings

# What a worker of ours cannot do, or must not be told, and what to do instead.
REFUSED = {
    "disable_prefetch": "it is for Redis",
    "time_limit": "each step has its time limit in the graph",
    "soft_time_limit": "each step has its time limit in the graph",
    "pool_start_method": "child processes are forked",
    "autoscale": "say how many slots with -c, and start more workers",
    "beat": "nothing here is periodic but what the dispatcher does",
    "schedule_filename": "nothing here is periodic but what the dispatcher does",
    "scheduler": "nothing here is periodic but what the dispatcher does",
}
# Variables of Celery's that its command line's -b, --result-backend, --loader and --config set, too.
BEATING = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
    "CELERY_LOADER",
    "CELERY_CONFIG_MODULE",
    "CELERY_CUSTOM_WORKER_POOL",
)
POOLS = ("threads", "prefork")
# What stands in for a setting of ours, by the name of the setting.
SETTINGS = {
    "pool": "worker_pool",
    "concurrency": "worker_threads",
    "loglevel": "log_level",
    "max_tasks_per_child": "max_tasks_per_child",
}


_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "error"}


class RefusedOptionError(click.ClickException):
    """One line, and the exit code of wrong usage."""

    exit_code = 2


class _Hidden(click.Option):
    """An option that nobody gives: its place in the order of options is what matters."""

    def __init__(self, name: str, callback: Any, *, is_eager: bool) -> None:
        super().__init__(
            [f"--{name}"], hidden=True, expose_value=False, is_eager=is_eager, callback=callback, is_flag=True
        )

    def resolve_envvar_value(self, _: click.Context) -> None:
        """Read no environment variable."""


def refuse_variables() -> None:
    """Let nothing in the environment beat our settings behind their back.

    Raises:
        ConfigurationError: A variable of Celery's would.
    """
    for name in BEATING:
        if os.environ.get(name):
            raise ConfigurationError(f"{name} is set: Celery would heed it instead of TICKETFLOW_*; unset it")


def check_settings(_: click.Context, __: click.Parameter, ___: Any) -> None:
    """End any command of Celery's with one line if a setting is wrong.

    Raises:
        RefusedOptionError: Which one, and why.
    """
    try:
        refuse_variables()
        load_settings()
    except ConfigurationError as error:
        raise RefusedOptionError(str(error)) from None


def prepare_worker(ctx: click.Context, _: click.Parameter, __: Any) -> None:
    """Let what is not given be as it is set, and give the settings of Celery's command line no way in."""
    ctx.allow_extra_args = False
    for param in ctx.command.params:
        if param.name == "pool":  # Celery takes "prefork" for "as configured"
            param.default, param.type = None, click.STRING


def check_worker(ctx: click.Context, _: click.Parameter, __: Any) -> None:
    """Refuse what does not work, and let what was given stand in for the setting of the same meaning.

    Raises:
        RefusedOptionError: Which option or variable, and what to do instead.
    """
    for name, option, source in _list_given(ctx):
        if source is ParameterSource.ENVIRONMENT:
            raise RefusedOptionError(f"{ctx.auto_envvar_prefix}_{name.upper()} is not heard: give {option} instead")
        if name in REFUSED:
            raise RefusedOptionError(f"{option}: {REFUSED[name]}")
        if name == "pool" and ctx.params[name] not in POOLS:
            raise RefusedOptionError(f"{option} {ctx.params[name]}: there are {' and '.join(POOLS)}")
        if name in SETTINGS and ctx.params[name] != AUTO_CONCURRENCY:
            _let_stand_in(SETTINGS[name], ctx.params[name])
    if ctx.params.get("max_memory_per_child"):  # KiB here, MiB there
        _let_stand_in("max_memory_per_child_mb", max(64, ctx.params["max_memory_per_child"] // 1024))
    conf = ctx.obj.app.conf
    queues = [queue.name for queue in conf.task_queues]
    given = (name for option in ("queues", "exclude_queues") for name in ctx.params.get(option) or ())
    unknown = next((name for name in given if name not in queues), None)
    if unknown is not None:
        raise RefusedOptionError(f"there is no queue {unknown}; there are {', '.join(queues)}")
    check_settings(ctx, _, __)
    conf.worker_pool = load_settings().worker_pool


def _list_given(ctx: click.Context) -> Iterator[tuple[str, str, ParameterSource]]:
    """List what was given: its name, how it is written, and where."""
    for param in ctx.command.params:
        name = param.name or ""
        source = ctx.get_parameter_source(name)
        if source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
            yield name, max(param.opts, key=len), source


def _let_stand_in(setting: str, value: Any) -> None:
    if setting == "log_level":
        value = _LEVELS[int(value)]
    os.environ[f"TICKETFLOW_{setting.upper()}"] = str(value)
    load_settings.cache_clear()


PRELOAD = (_Hidden("ticketflow-settings", check_settings, is_eager=True),)
WORKER = (
    _Hidden("ticketflow-prepare", prepare_worker, is_eager=True),
    _Hidden("ticketflow-check", check_worker, is_eager=False),
)
