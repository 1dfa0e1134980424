"""A Prometheus with our own rules, in which time passes fifteen times as fast."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.drills.runbook import RULES, read_alerts
from tests.harness.processes import find_free_port, start_process

# Production looks every 15 seconds, a drill every second, and each window of the rules is as much shorter.
FASTER = 15
_WINDOW = re.compile(r"\[(\d+)([smh])\]")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Target:
    """What one job reads."""

    job: str
    ports: Sequence[int]
    path: str = "/metrics"
    interval_s: int = 1


class Prometheus:
    """A server on a free port of 127.0.0.1."""

    def __init__(self, folder: Path, targets: Sequence[Target]) -> None:
        """Write its configuration; entering starts it."""
        self._port = find_free_port()
        self._folder = folder
        self._expressions = {name: quicken(expression) for name, expression in read_alerts().items()}
        (folder / "rules").mkdir(parents=True)
        for rules in RULES.glob("*.yml"):
            (folder / "rules" / rules.name).write_text(quicken(rules.read_text()))
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(build_config(targets)))

    def __enter__(self) -> Self:
        options = {
            "config.file": self._folder / "prometheus.yml",
            "storage.tsdb.path": self._folder / "data",
            "web.listen-address": f"127.0.0.1:{self._port}",
        }
        command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
        self._program = start_process(command, {}, self._folder / "prometheus.log")
        self._program.wait_for_log("ready to receive web requests")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.kill()

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query"
        answer = httpx.post(url, data={"query": expression}, timeout=30).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def find_firing(self, alert: str) -> list[dict[str, str]]:
        """Return the labels of what an alert's expression is true of just now."""
        return [each["metric"] for each in self.ask(self._expressions[alert])]

    def knows_everything(self, jobs: Sequence[str]) -> bool:
        """Tell whether each job has answered at least once."""
        up = {each["metric"]["job"] for each in self.ask("up == 1")}
        return set(jobs) <= up


def quicken(rules: str) -> str:
    """Make every window as much shorter as a drill is quicker."""
    return _WINDOW.sub(lambda found: f"[{int(found[1]) * _SECONDS[found[2]] * 1000 // FASTER}ms]", rules)


def build_config(targets: Sequence[Target]) -> dict[str, Any]:
    """Build a configuration that reads some ports of this machine."""
    jobs = [
        {
            "job_name": target.job,
            "scrape_interval": f"{target.interval_s}s",
            "scrape_timeout": f"{target.interval_s}s",
            "metrics_path": urlsplit(target.path).path,
            "params": parse_qs(urlsplit(target.path).query),
            "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in target.ports]}],
        }
        for target in targets
    ]
    return {"global": {"evaluation_interval": "1s"}, "rule_files": ["rules/*.yml"], "scrape_configs": jobs}
