"""A private RabbitMQ server, or a cluster of them."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.network import HOME, Machine
from tests.harness.postgres import MissingServerError
from tests.harness.processes import RunningProgram, start_process

# Debian's commands in /usr/sbin switch account and folder; these do not.
DEBIAN_PROGRAMS = Path("/usr/lib/rabbitmq/bin")


# What nodes of a cluster know each other by.
COOKIE = "ticketflow-tests"
CLUSTERED = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_partition_handling = pause_minority
"""


class RabbitMQ:
    """A RabbitMQ server of the test session: own node, data and port mapper (epmd), all on one address.

    Restarts keep the port and the data.
    """

    def __init__(self, directory: Path, config: str = "", plugins: Sequence[str] = (), machine: Machine = HOME) -> None:
        """Prepare a server in ``directory``, which is made if it is not there; ``config`` is read at each start.

        Args:
            directory: Holds its data, logs and Erlang cookie.
            config: Lines for ``rabbitmq.conf``.
            plugins: Those it runs; ``config`` says on which ports.
            machine: Where it runs.

        Raises:
            MissingServerError: RabbitMQ is not installed.
        """
        self.directory = directory
        self.machine = machine
        self.port = machine.find_port(5672)
        self.config = config
        self._plugins = plugins
        self._programs = find_programs()
        self._env = self._build_environment()
        self._epmd: RunningProgram | None = None
        self._program: RunningProgram | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the AMQP URL of the default virtual host."""
        return self.build_url("/")

    @property
    def program(self) -> RunningProgram:
        """Return the running server, for what has no method here, such as pausing it."""
        if self._program is None:
            raise RuntimeError("the server is not started")
        return self._program

    @property
    def env(self) -> Mapping[str, str]:
        """Return what RabbitMQ's own commands need to find this server."""
        return self._env

    def build_url(self, vhost: str) -> str:
        """Return the AMQP URL of the virtual host ``vhost``."""
        return f"amqp://guest:guest@{self.machine.address}:{self.port}/{vhost}"

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self._env["RABBITMQ_NODENAME"]

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the server; it is not waited for."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "rabbitmq.conf").write_text(self.config)
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n")
        cookie = self.directory / ".erlang.cookie"
        cookie.unlink(missing_ok=True)
        cookie.write_text(COOKIE)
        cookie.chmod(0o400)
        self._start_epmd()
        self._program = self._start_program(self._programs / "rabbitmq-server")

    def wait(self) -> None:
        """Wait until the server accepts connections."""
        self.program.wait_for_port(self.port, 120.0, self.machine.address)

    def stop(self) -> None:
        """Stop the server in order, and its port mapper."""
        if self._program is not None:
            self._program.stop()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd = None

    def end(self) -> None:
        """Kill the server and its port mapper: nothing of it is wanted any more."""
        for program in (self._program, self._epmd):
            if program is not None:
                program.kill()
        self._epmd = None

    def kill(self) -> None:
        """Kill the server at once; its port mapper stays, as after a crash.

        Queues declared in the last two seconds may be gone; ``flush_definitions`` first if they must not be.
        """
        self.program.kill()

    def restart(self) -> None:
        """Stop the server in order and start it again."""
        self.stop()
        self.start()

    def ctl(self, *args: str, timeout_s: float = 60.0) -> str:
        """Run ``rabbitmqctl`` and return what it says; it takes about a second.

        Raises:
            AssertionError: It failed; the message shows its output.
        """
        done = subprocess.run(
            self.machine.wrap([self._programs / "rabbitmqctl", "--quiet", *self._naming, *args]),
            env={**os.environ, **self._env},
            cwd=self.directory,
            check=False,
            timeout=timeout_s,
            text=True,
            capture_output=True,
        )
        if done.returncode != 0:
            raise AssertionError(f"rabbitmqctl {' '.join(args)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def add_vhost(self, vhost: str) -> str:
        """Make an empty virtual host, and return its URL."""
        self.ctl("add_vhost", vhost)
        self.ctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
        return self.build_url(vhost)

    def delete_vhost(self, vhost: str) -> None:
        """Delete a virtual host with its queues, ending its connections."""
        self.ctl("delete_vhost", vhost)

    def close_all_connections(self, vhost: str) -> None:
        """End every connection to a virtual host, as an operator may."""
        self.ctl("close_all_connections", "--vhost", vhost, "a test wants it")

    def set_memory_alarm(self, *, is_on: bool) -> None:
        """Make the broker believe that its memory is full: it reads nothing from publishers until it is not."""
        self.ctl("set_vm_memory_high_watermark", "0" if is_on else "0.4")

    def set_disk_alarm(self, *, is_on: bool) -> None:
        """Make the broker believe that its disk is full: it reads nothing from publishers until it is not."""
        self.ctl("set_disk_free_limit", "1000000GB" if is_on else "50MB")

    def count_messages(self, vhost: str) -> dict[str, int]:
        """Return how many messages each queue holds, those out for delivery included."""
        rows = self.ctl("list_queues", "-p", vhost, "name", "messages").splitlines()[1:]
        return {name: int(count) for name, count in (row.split("\t") for row in rows)}

    def flush_definitions(self) -> None:
        """Write queues, exchanges and bindings to disk now; the broker does so about every two seconds (disk_log)."""
        self.ctl("eval", "mnesia:sync_log().")

    def _start_epmd(self) -> None:
        if self._epmd is not None and self._epmd.is_running():
            return
        port = int(self._env["ERL_EPMD_PORT"])
        self._epmd = self._start_program(Path(shutil.which("epmd") or "epmd"))
        self._epmd.wait_for_port(port, host=self.machine.address)

    def _start_program(self, path: Path) -> RunningProgram:
        log_path = self.directory / f"{path.name}.log"
        return start_process(self.machine.wrap([path]), self._env, log_path, cwd=self.directory)

    @property
    def _naming(self) -> list[str]:
        return ["--longnames"] if self._env["RABBITMQ_USE_LONGNAME"] == "true" else []

    def _build_environment(self) -> dict[str, str]:
        folder, address, is_home = self.directory, self.machine.address, self.machine is HOME
        return {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": address,
            "ERL_EPMD_PORT": str(self.machine.find_port(4369)),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_DIST_PORT": str(self.machine.find_port(25672)),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": f"tests{self.port}@{'localhost' if is_home else address}",
            "RABBITMQ_USE_LONGNAME": "false" if is_home else "true",
            "RABBITMQ_NODE_IP_ADDRESS": address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (f"-kernel inet_dist_use_interface {{{address.replace('.', ',')}}}"),
            # Makes the start script become the Erlang machine, so that the id we hold is the broker's own.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


class RabbitMQCluster:
    """Nodes on machines of their own that are one broker; a queue of type quorum has a copy on three of them."""

    def __init__(self, directory: Path, machines: Sequence[Machine], config: str = "") -> None:
        """Prepare a node in a folder of ``directory`` for each machine; ``config`` is for all of them."""
        self.nodes = [RabbitMQ(directory / machine.address, machine=machine) for machine in machines]
        peers = [f"cluster_formation.classic_config.nodes.{at} = {each.node}" for at, each in enumerate(self.nodes, 1)]
        for node in self.nodes:
            node.config = "\n".join(["loopback_users = none", CLUSTERED, *peers, config, ""])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the nodes and wait until each has joined."""
        for node in self.nodes:
            node.launch()
        self.wait_until_whole()

    def stop(self) -> None:
        """End the nodes; nobody has to be told."""
        for node in self.nodes:
            node.end()

    def build_url(self, vhost: str) -> str:
        """Return the URL of a virtual host on any of the nodes."""
        return ";".join(node.build_url(vhost) for node in self.nodes)

    def add_vhost(self, vhost: str) -> str:
        """Make an empty virtual host, and return its URL."""
        self._alive.add_vhost(vhost)
        return self.build_url(vhost)

    def count_messages(self, vhost: str) -> dict[str, int]:
        """Return how many messages each queue holds, those out for delivery included."""
        return self._alive.count_messages(vhost)

    def wait_until_whole(self) -> None:
        """Wait until every node runs and knows the others."""
        for node in self.nodes:
            node.wait()
            node.ctl("await_online_nodes", str(len(self.nodes)), timeout_s=300)

    @property
    def _alive(self) -> RabbitMQ:
        return next(node for node in self.nodes if node.program.is_running())


def find_programs() -> Path:
    """Return the folder of RabbitMQ's programs.

    Raises:
        MissingServerError: There are none.
    """
    on_path = shutil.which("rabbitmq-server")
    if (DEBIAN_PROGRAMS / "rabbitmq-server").exists():
        return DEBIAN_PROGRAMS
    if on_path is None:
        raise MissingServerError("the tests need RabbitMQ's server programs: run tests/install-servers")
    return Path(on_path).parent
