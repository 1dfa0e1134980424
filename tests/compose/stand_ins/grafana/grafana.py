"""Read provisioning files as Grafana does at its start, and serve what came of them.

Where Grafana would log an error and go on without a data source or dashboard, this ends with the error.
"""

import json
import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

PROVISIONING = Path("/etc/grafana/provisioning")
BUILT_IN = {"-- Grafana --", "-- Mixed --", "-- Dashboard --"}


def read_entries(kind: str, key: str) -> Iterator[dict[str, Any]]:
    """Give the entries of every provisioning file of a kind."""
    for path in sorted(PROVISIONING.glob(f"{kind}/*.y*ml")):
        content = yaml.safe_load(path.read_text())
        assert content["apiVersion"] == 1, path
        yield from content[key]


def list_panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give panels and those inside rows."""
    for panel in panels:
        yield panel
        yield from list_panels(panel.get("panels", []))


def find_choices(board: dict[str, Any], sources: dict[str, Any]) -> set[str]:
    """Return the variables that stand for a data source, as they are written, of which there is one to choose."""
    kinds = {source["type"] for source in sources.values()}
    variables = board.get("templating", {}).get("list", [])
    return {f"${{{each['name']}}}" for each in variables if each["type"] == "datasource" and each["query"] in kinds}


def check_dashboard(path: Path, board: dict[str, Any], sources: dict[str, Any]) -> None:
    """End when a dashboard could not be shown."""
    assert board.get("title"), f"{path}: Dashboard title cannot be empty"
    panels = list(list_panels(board["panels"]))
    assert len({panel["id"] for panel in panels}) == len(panels), f"{path}: two panels have one id"
    known = {*sources, *BUILT_IN, *find_choices(board, sources)}
    for part in (part for panel in panels for part in (panel, *panel.get("targets", []))):
        uid = (part.get("datasource") or {}).get("uid", "-- Grafana --")
        assert uid in known, f"{path}: no data source {uid}"


def load() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return data sources and dashboards by uid."""
    sources = {entry["uid"]: entry for entry in read_entries("datasources", "datasources")}
    boards: dict[str, Any] = {}
    for provider in read_entries("dashboards", "providers"):
        folder = Path(provider["options"]["path"])
        assert folder.is_dir(), f"{folder} does not exist"
        for path in sorted(folder.rglob("*.json")):
            board = json.loads(path.read_text())
            check_dashboard(path, board, sources)
            assert board["uid"] not in boards, f"{path}: uid {board['uid']} is taken"
            boards[board["uid"]] = board
    return sources, boards


class Handler(BaseHTTPRequestHandler):
    """Answers the calls of Grafana's API that tests make; ``/api/user`` tells whom the proxy brought."""

    def do_GET(self) -> None:
        prefix = urlsplit(os.environ.get("GF_SERVER_ROOT_URL", "")).path.rstrip("/")
        path = urlsplit(self.path).path.removeprefix(prefix)
        answers = {
            "/api/health": {"database": "ok", "version": "stand-in"},
            "/api/datasources": [{**source, "uid": uid} for uid, source in SOURCES.items()],
            "/api/user": {"login": self.headers.get("X-WEBAUTH-USER")},
            **{f"/api/dashboards/uid/{uid}": {"dashboard": board} for uid, board in BOARDS.items()},
        }
        self.send_response(200 if path in answers else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answers.get(path, {"message": "Not found"})).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


try:
    SOURCES, BOARDS = load()
except (AssertionError, KeyError, ValueError, yaml.YAMLError) as error:
    sys.exit(f"level=error {error}")
sys.stderr.write(f"level=info data sources: {len(SOURCES)}, dashboards: {len(BOARDS)}\n")
ThreadingHTTPServer(("", 3000), Handler).serve_forever()
