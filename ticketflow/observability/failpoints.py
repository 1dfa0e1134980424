"""Named places where a test can end or freeze a process, to prove that nothing is lost there.

Off unless ``TICKETFLOW_FAILPOINTS`` says otherwise, for example ``{"commit.after": "kill"}``. The names
are ``ticketflow.settings.Failpoint``: an unknown one is refused at start.
"""

import os
import signal

from ticketflow.settings import Failpoint, load_settings

_SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def failpoint(name: Failpoint) -> None:
    """Go on, or end or freeze this very process if it is set to do so here."""
    action = load_settings().failpoints.get(name)
    if action is not None:
        os.kill(os.getpid(), _SIGNALS[action])
