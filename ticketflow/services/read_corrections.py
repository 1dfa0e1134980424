"""Read what people put right, as examples and evaluation data."""

from typing import Any

from ticketflow.services.views import describe_correction
from ticketflow.storage.corrections import CorrectionFilter, page_corrections
from ticketflow.storage.session import Sessions


def read_corrections(
    sessions: Sessions, tenant: str, wanted: CorrectionFilter, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Show a page of corrections, newest first, and whether an older page follows."""
    with sessions() as session:
        rows = page_corrections(session, tenant, wanted, limit + 1)
        return [describe_correction(row) for row in rows[:limit]], len(rows) > limit
