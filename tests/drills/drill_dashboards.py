"""Both dashboards against a live system. The name keeps it out of `make test`; `make drills` names it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.drills.load import Load, Model, receivers_running
from tests.drills.panels import FOLDER, Source, list_choices, list_targets, read_dashboard
from tests.drills.pictures import draw_dashboard, take_picture_of_flower
from tests.drills.showcase import Showcase, build_config
from tests.harness.model_stub import ModelStub
from tests.harness.processes import start_process
from tests.harness.wait import wait_until

DASHBOARDS = ("ticket-flow", "platform")
WAIT_S = 300
# Where to put pictures of what was seen, and how long to watch before.
PICTURES = os.environ.get("DRILLS_PICTURES")
PICTURES_AFTER_S = 360
# Long enough for a browser to start; a worker waits twice as long for its model.
LONG_THOUGHT_S = 10.0


class Watched:
    """A showcase under load, and the Prometheus that watches it."""

    def __init__(self, showcase: Showcase, load: Load, source: Source, model: Model) -> None:
        self.model = model
        self.showcase = showcase
        self.load = load
        self.source = source

    def list_empty(self, dashboard: str) -> list[tuple[str, str]]:
        """Return what a dashboard asks in vain, with the title of the panel."""
        assert self.load.error is None, self.load.error
        targets = list_targets(read_dashboard(FOLDER / f"{dashboard}.json"))
        return [(title, expr) for title, expr, legend in targets if not self.source.ask(expr, legend, time.time())]

    def is_busy(self) -> bool:
        """Tell whether Flower sees several steps run."""
        expr = "sum(flower_worker_number_of_currently_executing_tasks)"
        return self.source.ask(expr, "running", time.time())[0].last >= 3


@pytest.fixture(scope="module")
def watched(server_directory: Path) -> Iterator[Watched]:
    """Load a showcase and watch it with the configuration and the rules of production."""
    folder = server_directory / "showcase"
    folder.mkdir()
    with ExitStack() as stack:
        model = Model()
        stub, hooks = stack.enter_context(ModelStub(model)), stack.enter_context(receivers_running([200, 500]))
        showcase = stack.enter_context(Showcase(folder).running(stub.base_url))
        (folder / "prometheus.yml").write_text(json.dumps(build_config(showcase)))
        options = {
            "config.file": folder / "prometheus.yml",
            "storage.tsdb.path": folder / "prometheus",
            "web.listen-address": f"127.0.0.1:{showcase.ports['prometheus']}",
        }
        command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
        program = stack.enter_context(start_process(command, {}, folder / "prometheus.log"))
        program.wait_for_log("ready to receive web requests")
        source = Source(showcase.build_url("prometheus"), time.time())
        stack.callback(source.close)
        yield Watched(showcase, stack.enter_context(Load(showcase, hooks)), source, model)


@pytest.mark.slow
@pytest.mark.timeout(WAIT_S + 120)
@pytest.mark.parametrize("name", DASHBOARDS)
def test_everything_a_dashboard_asks_has_data_while_tickets_flow(watched, name):
    wait_until(lambda: not watched.list_empty(name), WAIT_S, lambda: f"nothing is empty: {watched.list_empty(name)}")


@pytest.mark.slow
@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_variables_of_a_dashboard_have_something_to_choose(watched, name):
    for variable in list_choices(read_dashboard(FOLDER / f"{name}.json")):
        metric, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").split(", ")
        wait_until(partial(watched.source.list_values, label, metric), WAIT_S, f"{label} of {metric} has values")


@pytest.mark.skipif(not PICTURES, reason="DRILLS_PICTURES names no folder for pictures")
@pytest.mark.timeout(PICTURES_AFTER_S + 120)
def test_pictures_are_taken(watched):
    folder = Path(PICTURES)
    wait_until(lambda: time.time() > watched.source.start + PICTURES_AFTER_S, PICTURES_AFTER_S, "there is much to see")

    for name in DASHBOARDS:
        draw_dashboard(read_dashboard(FOLDER / f"{name}.json"), watched.source, folder / f"{name}.png")
    watched.model.thinks_s = LONG_THOUGHT_S
    wait_until(watched.is_busy, WAIT_S, "several steps run at one time")
    take_picture_of_flower(watched.showcase, folder)
