"""A private RabbitMQ server."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.postgres import MissingServerError
from tests.harness.processes import RunningProgram, find_free_port, start_process

# Debian's commands in /usr/sbin switch account and folder; these do not.
DEBIAN_PROGRAMS = Path("/usr/lib/rabbitmq/bin")


class RabbitMQ:
    """A RabbitMQ server of the test session: own node, data and port mapper (epmd), all on 127.0.0.1.

    Restarts keep the port and the data.
    """

    def __init__(self, directory: Path, config: str = "", plugins: Sequence[str] = ()) -> None:
        """Prepare a server in ``directory``, which is made if it is not there.

        Args:
            directory: Holds its data, logs and Erlang cookie.
            config: Lines for ``rabbitmq.conf``.
            plugins: Those it runs; ``config`` says on which ports.

        Raises:
            MissingServerError: RabbitMQ is not installed.
        """
        self.directory = directory
        self.port = find_free_port()
        self._config = config
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
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{vhost}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "rabbitmq.conf").write_text(self._config)
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n")
        self._start_epmd()
        self._program = self._start_program(self._programs / "rabbitmq-server")
        self._program.wait_for_port(self.port, 120.0)

    def stop(self) -> None:
        """Stop the server in order, and its port mapper."""
        if self._program is not None:
            self._program.stop()
        if self._epmd is not None:
            self._epmd.kill()
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
            [self._programs / "rabbitmqctl", "--quiet", *args],
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
        self._epmd.wait_for_port(port)

    def _start_program(self, path: Path) -> RunningProgram:
        return start_process([path], self._env, self.directory / f"{path.name}.log", cwd=self.directory)

    def _build_environment(self) -> dict[str, str]:
        folder = self.directory
        return {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(find_free_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_DIST_PORT": str(find_free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # Makes the start script become the Erlang machine, so that the id we hold is the broker's own.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


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
