"""Machines of a test: network namespaces on a switch of their own, each with an address and a cable to pull."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.processes import Account, find_free_port

# Set aside for tests of networks (RFC 2544); nobody's real address.
SUBNET = "198.18.77"
HERE = f"{SUBNET}.1"


class NoNetworkError(Exception):
    """Networks cannot be made here; the message says what to do."""


@dataclass(frozen=True)
class Machine:
    """A place to run programs in.

    Attributes:
        address: Where the others reach it.
        namespace: Its network namespace; the tests' own machine has none.
        port: The switch's end of its cable.
    """

    address: str = "127.0.0.1"
    namespace: str | None = None
    port: tuple[str, str] = ("", "")

    def wrap(self, args: Sequence[str | Path], account: Account | None = None) -> list[str | Path]:
        """Return the command that runs ``args`` on this machine, under the same process id."""
        if self.namespace is None:
            return list(args)
        enter: list[str | Path] = ["nsenter", f"--net=/run/netns/{self.namespace}"]
        if account is not None:  # whoever enters a namespace must be root until then
            enter += ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        return [*enter, *args]

    def find_port(self, usual: int) -> int:
        """Return a free TCP port: a service's usual one where nothing else runs."""
        return find_free_port() if self.namespace is None else usual

    def unplug(self) -> None:
        """Pull its cable: what is sent to it or by it is gone, and nobody is told."""
        self._set("down")

    def plug(self) -> None:
        """Put its cable back; whoever has found an address unreachable meanwhile asks again at once, not in seconds."""
        self._set("up")
        run("ip", "-n", str(self.namespace), "neigh", "flush", "dev", "net0")
        run("ip", "neigh", "flush", "to", self.address)

    def _set(self, state: str) -> None:
        switch, port = self.port
        run("ip", "-n", switch, "link", "set", port, state)


HOME = Machine()


class Network:
    """A switch that connects the tests' own machine with others; needs root. It is gone after the ``with`` block."""

    def __init__(self) -> None:
        """Choose names; entering makes it."""
        self._name = f"tf{os.getpid()}"
        self._namespaces: list[str] = []

    def __enter__(self) -> Self:
        if os.getuid() != 0 or not all(map(shutil.which, ("ip", "nsenter", "setpriv"))):
            raise NoNetworkError("machines with cables to pull need root, iproute2 and util-linux")
        # The bridge lives in a namespace of its own, out of reach of the firewall rules of this machine (Docker's).
        self._add_namespace(self._name)
        run("ip", "-n", self._name, "link", "add", "switch", "type", "bridge")
        run("ip", "-n", self._name, "link", "set", "switch", "up")
        self._connect("to-here", HERE, namespace=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for namespace in reversed(self._namespaces):  # the cables go with their ends
            run("ip", "netns", "delete", namespace)

    def add(self, name: str) -> Machine:
        """Connect another machine."""
        namespace = f"{self._name}-{name}"
        self._add_namespace(namespace)
        address = f"{SUBNET}.{10 + len(self._namespaces)}"
        port = f"to-{name}"
        self._connect(port, address, namespace)
        return Machine(address, namespace, (self._name, port))

    def _add_namespace(self, name: str) -> None:
        run("ip", "netns", "add", name)
        self._namespaces.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def _connect(self, port: str, address: str, namespace: str | None) -> None:
        """Lay a cable from ``port`` of the switch to a namespace, or to the tests' own machine."""
        far = "net0" if namespace else self._name
        inside = ["-n", namespace] if namespace else []
        peer = ["peer", "name", far, "netns", namespace or str(os.getpid())]
        run("ip", "-n", self._name, "link", "add", port, "type", "veth", *peer)
        run("ip", "-n", self._name, "link", "set", port, "master", "switch", "up")
        run("ip", *inside, "address", "add", f"{address}/24", "dev", far)
        run("ip", *inside, "link", "set", far, "up")


def run(*args: str) -> None:
    """Run a command of the system's.

    Raises:
        NoNetworkError: It failed; the message shows what it said.
    """
    done = subprocess.run(args, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoNetworkError(f"{' '.join(args)}: {done.stderr.strip()}")
