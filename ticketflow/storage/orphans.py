"""Child processes that end when their parent is killed, so that nothing is left behind."""

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(by: signal.Signals) -> Callable[[], None] | None:
    """Return a function for ``preexec_fn`` that has the kernel send ``by`` when the parent dies.

    Returns:
        ``None`` where the kernel has no such call (anything but Linux).
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(by))

    return ask_kernel
