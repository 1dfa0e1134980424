"""docker-compose.yml as a stranger would bring it up: from the files git has, with passwords of its own."""

import json
import os
import re
import shlex
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from tests.compose.caller import Caller
from tests.compose.docker import docker
from tests.harness.processes import REPOSITORY, find_free_port
from tests.harness.wait import wait_until

# Put there by ``tests.compose``: how Compose is called, and what it is to build and run.
COMPOSE = shlex.split(os.environ.get("COMPOSE_TEST_COMPOSE", "docker compose"))
IMAGES = json.loads(os.environ.get("COMPOSE_TEST_IMAGES", "{}"))
UP_S = 300
PSQL = ["exec", "--no-TTY", "postgres", "psql", "--username=postgres", "--dbname=ticketflow", "-qtA"]


def copy_repository(target: Path) -> None:
    """Copy what git tracks, or would track, as somebody checks it out who lets nobody else read."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=REPOSITORY, check=True, capture_output=True).stdout
    there = b"\0".join(name for name in names.split(b"\0") if name and os.path.lexists(REPOSITORY / os.fsdecode(name)))
    tar = ["tar", "--null", "--files-from=-", "--create"]
    packed = subprocess.run(tar, cwd=REPOSITORY, input=there, check=True, capture_output=True).stdout
    unpack = ["tar", "--extract", "--no-same-permissions"]
    subprocess.run(unpack, cwd=target, input=packed, check=True, umask=0o077)


class Stack(Caller):
    """A project of Compose with a name and ports of its own.

    Attributes:
        folder: A copy of the repository, where Compose runs.
        operator: Speaks to the proxy with the operators' password, and trusts nobody else's certificate.
    """

    operator: httpx.Client

    def __init__(self, folder: Path) -> None:
        """Copy the repository and make up passwords; ``up`` starts."""
        self.folder = folder
        self._trust = folder / "proxy.crt"
        self.project = f"ticketflow-test-{os.getpid()}"
        self.ports = {"API_PORT": find_free_port(), "HTTPS_PORT": find_free_port()}
        copy_repository(folder)
        subprocess.run(["deploy/make-secrets"], cwd=folder, check=True, capture_output=True)
        self._base = {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_PROFILES": "monitoring",
            **IMAGES,
            **{k: str(v) for k, v in self.ports.items()},
        }
        self.configure()

    def configure(self, **settings: str) -> None:
        """Write ``.env``; what was set before, and is not now, is as by default."""
        lines = (f"{name}={value}\n" for name, value in {**self._base, **settings}.items())
        (self.folder / ".env").write_text("".join(lines))

    def compose(self, *args: str, timeout_s: float = UP_S, check: bool = True) -> str:
        """Run Compose; return what it printed.

        Raises:
            AssertionError: It failed; the message shows what it said, and the state of the containers.
        """
        command = [*COMPOSE, *args]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=timeout_s, check=False)
        if check and done.returncode:
            raise AssertionError(f"{shlex.join(command)}: {done.stderr[-3000:]}\n{self.describe()}")
        return done.stdout

    def type_in(self, commands: str) -> None:
        """Type commands into one shell that ends at the first error."""
        typed = commands.replace("docker compose", shlex.join(COMPOSE))
        shell = ["bash", "-euo", "pipefail", "-c", typed]
        done = subprocess.run(shell, cwd=self.folder, capture_output=True, text=True, timeout=UP_S, check=False)
        assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}\n{self.describe()}"

    def describe(self) -> str:
        """Return the containers' states, and the last lines of those that are not well."""
        listed = subprocess.run(
            [*COMPOSE, "--profile", "*", "ps", "--all", "--format", "json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        containers = [json.loads(line) for line in listed.splitlines()]
        ill = {each["Service"] for each in containers if each["Health"] == "unhealthy" or each["ExitCode"]}
        states = [f"{each['Name']}: {each['Status']}" for each in containers]
        return "\n".join([*states, *(self.read_logs(service, 30) for service in sorted(ill))])

    def read_logs(self, service: str, lines: int = 1000) -> str:
        """Return the end of what a service has said."""
        return self.compose("logs", "--no-color", "--tail", str(lines), service, check=False)

    def up(self, *args: str) -> float:
        """Bring everything up and wait until it is healthy; return the seconds it took."""
        begun_at = time.monotonic()
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(UP_S - 30), "--no-build", *args)
        return time.monotonic() - begun_at

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Open both doors, for as long as the block lasts."""
        key = self.compose("exec", "-T", "api", "ticketflow", "keys", "create", "compose-test").strip()
        password = (self.folder / "deploy/secrets/operator_password").read_text()
        self.compose("cp", "proxy:/data/caddy/pki/authorities/local/root.crt", str(self._trust))
        with (
            httpx.Client(
                base_url=f"http://127.0.0.1:{self.ports['API_PORT']}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=40,
            ) as self.api,
            self.open_proxy(auth=("ticketflow", password)) as self.operator,
        ):
            yield self

    def open_proxy(self, **options: Any) -> httpx.Client:
        """Open one more client of the proxy."""
        return httpx.Client(
            base_url=f"https://localhost:{self.ports['HTTPS_PORT']}",
            verify=ssl.create_default_context(cafile=self._trust),
            timeout=90,  # the proxy looks for the API for 60 s
            **options,
        )

    def down(self) -> None:
        """Take everything down, volumes included."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")

    @contextmanager
    def held(self, lock: str) -> Iterator[None]:
        """Hold what a statement takes hold of, for as long as the block lasts and PostgreSQL lives."""
        command = [*COMPOSE, *PSQL]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=self.folder, text=True, **pipes) as session:
            assert session.stdin is not None
            assert session.stdout is not None
            session.stdin.write(f"BEGIN; {lock}; SELECT 'held';\n")
            session.stdin.flush()
            wait_until(lambda: session.stdout.readline() == "held\n", UP_S, lock)
            yield

    def commits_held(self) -> AbstractContextManager[None]:
        """Let steps begin and none of them end, for as long as the block lasts."""
        return self.held("LOCK TABLE ticket_steps IN SHARE MODE")

    def query(self, statement: str) -> str:
        """Return what the database answers its superuser."""
        return self.compose(*PSQL, f"--command={statement}").strip()

    def describe_model(self, weights: Path) -> dict[str, str]:
        """Return the settings that have a model of the profile llm asked by one step."""
        return {
            "COMPOSE_PROFILES": "monitoring,llm",
            "LLM_MODELS": str(weights.parent),
            "LLM_MODEL": weights.name,
            "TICKETFLOW_LLM": "openai:local",
            "TICKETFLOW_LLM_BASE_URL": "http://llm:8080/v1",
            "TICKETFLOW_LLM_API_KEY": "none",
            "TICKETFLOW_LLM_STEPS": "classify",
            "TICKETFLOW_LLM_TIMEOUT_S": "50",
        }

    def list_containers(self, *services: str) -> list[str]:
        """Return the ids of running containers."""
        return self.compose("ps", "--quiet", *services).split()

    def list_leftovers(self) -> dict[str, str]:
        """Return what there is of this project: containers, volumes and networks; nothing, once it is down."""
        label = f"label=com.docker.compose.project={self.project}"
        asked = {"container": ["ps", "--all"], "volume": ["volume", "ls"], "network": ["network", "ls"]}
        return {kind: docker(*command, "--quiet", "--filter", label).strip() for kind, command in asked.items()}

    # -- What operators see --------------------------------------------------------------------------------------------

    def look(self, path: str) -> Any:
        """Return what an operator is shown, as JSON."""
        return self.operator.get(path).raise_for_status().json()

    def ask_prometheus(self, expression: str) -> list[Mapping[str, Any]]:
        """Evaluate an expression now."""
        answer = self.operator.get("/prometheus/api/v1/query", params={"query": expression}).raise_for_status().json()
        found: list[Mapping[str, Any]] = answer["data"]["result"]
        return found


def find_images() -> dict[str, str]:
    """Return the images that docker-compose.yml and the Dockerfile name, by the variable that names another."""
    compose = (REPOSITORY / "docker-compose.yml").read_text()
    found = dict(re.findall(r"\$\{([A-Z_]+_IMAGE):-(\S+?)\}", compose))
    found |= dict(
        re.findall(r"^ARG ([A-Z_]+_IMAGE)=(\S+)", (REPOSITORY / "deploy/Dockerfile").read_text(), re.MULTILINE)
    )
    return found
