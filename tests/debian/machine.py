"""A Debian of its own under systemd, in a container that may do what a machine may."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.compose.caller import Caller
from tests.compose.docker import docker, find_image
from tests.compose.stack import copy_repository
from tests.harness.pages import list_commands, read_section
from tests.harness.processes import find_free_port
from tests.harness.wait import wait_until

DEBIAN = "debian:bookworm"
IMAGE = "ticketflow-test-debian"
HOST = "debian"
CHECKOUT = "/srv/checkout"
# What a machine may, but for more resources than it has: --privileged wants rights that not every root can give.
RIGHTS = ("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE")
UNCONFINED = ("seccomp", "apparmor", "systempaths")
GUIDE = "how-to/debian.md"
# The drop-in of "Change settings" that lets others than the machine itself in: here, through a published port.
LET_IN = """
mkdir /etc/systemd/system/ticketflow-api.socket.d
printf '[Socket]\\nListenStream=\\nListenStream=0.0.0.0:8080\\n' >/etc/systemd/system/ticketflow-api.socket.d/open.conf
systemctl daemon-reload
"""
LEFTOVERS = """
find / -xdev -ipath '*ticketflow*' -not -path "/srv/*" -not -path '/proc/*' -not -path '/var/log/*' -not -path '/tmp/*'
getent passwd ticketflow || true
systemctl list-units --all --no-legend 'ticketflow*'
runuser -u postgres -- psql -tAc "SELECT datname FROM pg_database WHERE datname = 'ticketflow'"
rabbitmqctl --quiet list_vhosts | grep ticketflow || true
"""


class Machine(Caller):
    """A machine that is installed as the guide says.

    Attributes:
        port: Where its API is reached from here.
    """

    def __init__(self, folder: Path) -> None:
        """Copy the repository to an empty folder; a block turns the machine on, and throws it away at its end."""
        self.port = find_free_port()
        self._folder = folder
        self._container = ""
        copy_repository(folder)

    def __enter__(self) -> Self:
        here, base = Path(__file__).parent, find_image(DEBIAN)
        docker("build", "--quiet", "--build-arg", f"DEBIAN_IMAGE={base}", "--tag", IMAGE, str(here))
        rights = [word for option in UNCONFINED for word in ("--security-opt", f"{option}=unconfined")]
        self._container = docker(
            *("run", "--detach", *RIGHTS, *rights, "--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup"),
            *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--hostname", HOST),
            *("--publish", f"127.0.0.1:{self.port}:8080", IMAGE),
        ).strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("rm", "--force", "--volumes", self._container)

    def wait_for_boot(self) -> None:
        """Wait until systemd has started what it starts with the machine."""
        asked = ["docker", "exec", self._container, "systemctl", "is-system-running", "--wait"]

        def is_up() -> bool:
            state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            return state in {"running", "degraded"}  # some units of Debian's may want hardware

        wait_until(is_up, 120, "the machine has booted")

    def restart(self) -> None:
        """Turn the machine off as its power button does, and on again."""
        docker("restart", "--time", "180", self._container)
        self.wait_for_boot()

    def type_in(self, commands: str, timeout_s: float = 900) -> str:
        """Type commands into one root shell that ends at the first error; return what it shows.

        Raises:
            AssertionError: One failed; the message shows everything.
        """
        shell = ["docker", "exec", "--workdir", CHECKOUT, self._container, "bash", "-euxo", "pipefail", "-c", commands]
        done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=timeout_s)
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{self.describe()}"
        return done.stdout

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Type what the guide says until the first ticket, and let callers in for as long as the block lasts."""
        self.wait_for_boot()
        docker("exec", self._container, "mkdir", CHECKOUT)
        docker("cp", f"{self._folder}/.", f"{self._container}:{CHECKOUT}")
        self.type_in(read_guide("Install the servers", "Install Ticket Flow") + LET_IN)
        self.type_in(read_guide("Start"))
        key = self.type_in("ticketflow-run ticketflow keys create drill").strip()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {key}"}, timeout=40
        ) as self.api:
            yield self

    def prepare_release(self, version: str) -> None:
        """Put another version beside the one that runs, as the guide says, and let ``current`` lead to it."""
        install, *_ = list_commands(read_section(GUIDE, "Install Ticket Flow"))
        self.type_in(f"sed -i 's/^__version__ = .*/__version__ = \"{version}\"/' ticketflow/__init__.py\n{install}")

    def read_version(self) -> str:
        """Return the version that the API says it is."""
        version: str = self.api.get("/openapi.json").raise_for_status().json()["info"]["version"]
        return version

    def list_in_state(self, state: str, units: Sequence[str]) -> list[str]:
        """Return those of some units that are active, masked, or in whatever state."""
        asked = "is-enabled" if state == "masked" else "is-active"
        states = self.type_in(f"systemctl {asked} {' '.join(units)} || true").split()
        return [unit for unit, found in zip(units, states, strict=True) if found == state]

    def wait_for_active(self, units: Sequence[str]) -> None:
        """Wait until units run."""
        wait_until(lambda: self.list_in_state("active", units) == [*units], 60, self.describe)

    def find_leftovers(self) -> list[str]:
        """Return what there is of Ticket Flow."""
        return self.type_in(LEFTOVERS).splitlines()

    def describe(self) -> str:
        """Return the last lines that the services have said."""
        asked = ["docker", "exec", self._container, "journalctl", "--no-pager", "--lines=40", "--unit=ticketflow*"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def read_guide(*headings: str) -> str:
    """Return the commands that stand below some headings of the guide."""
    return "\n".join(block for heading in headings for block in list_commands(read_section(GUIDE, heading)))
