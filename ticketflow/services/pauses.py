"""Hold steps back and let them go again; what is under way finishes."""

from collections.abc import Sequence

from ticketflow.errors import InvalidInputError
from ticketflow.masking import mask_all
from ticketflow.storage import pauses
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT, Pause
from ticketflow.storage.session import Sessions
from ticketflow.workflow.graph import LINEAGE


def pause_step(
    sessions: Sessions, step: str = EVERY_STEP, tenant: str = EVERY_TENANT, reason: str | None = None
) -> Pause:
    """Start ``step`` (``all``: any step) no more until it is resumed, also across restarts.

    Returns:
        The pause; pausing it again replaces the reason.

    Raises:
        InvalidInputError: There is no such step.
    """
    _check_step(step)
    with sessions.begin() as session:
        return pauses.record_pause(session, tenant, step, mask_all(reason))


def resume_step(sessions: Sessions, step: str = EVERY_STEP, tenant: str = EVERY_TENANT) -> bool:
    """Lift the pause that was set for the same step and tenant; wake a dispatcher after this returns.

    Other pauses stay: lifting that of ``all`` leaves those of single steps.

    Returns:
        Whether there was such a pause.

    Raises:
        InvalidInputError: There is no such step.
    """
    _check_step(step)
    with sessions.begin() as session:
        return pauses.remove_pause(session, tenant, step)


def read_pauses(sessions: Sessions, tenant: str | None = None) -> Sequence[Pause]:
    """Show what is paused; for one tenant, what concerns it."""
    with sessions() as session:
        return pauses.list_pauses(session, tenant)


def _check_step(step: str) -> None:
    if step != EVERY_STEP and step not in LINEAGE.steps:
        raise InvalidInputError(f"there is no step {step!r}; choose {EVERY_STEP} or one of {', '.join(LINEAGE.steps)}")
