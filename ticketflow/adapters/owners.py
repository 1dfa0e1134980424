"""Which categories there are now, who looks after each, and what is promised for it."""

from collections.abc import Mapping
from typing import NamedTuple

from ticketflow.adapters.classifier_models import find_published_taxonomy
from ticketflow.engines.embedded.classify.classifier import describe_sla
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import InvalidInputError
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT, Sla


class Owner(NamedTuple):
    """Who looks after a category.

    Attributes:
        sla: How soon they promise to, or ``None`` for no promise.
    """

    team: str
    sla: Sla | None = None


Owners = Mapping[str, Owner]


def read_owners(settings: Settings, sessions: Sessions) -> Owners:
    """Read the owner of each category of the taxonomy in force: the published one, or else the file's.

    Raises:
        ConfigurationError: The taxonomy is wrong; the message names line and remedy.
    """
    # One classifier serves all tenants so far: what is published is the default tenant's.
    taxonomy = find_published_taxonomy(sessions, DEFAULT_TENANT) or load_taxonomy(settings.taxonomy)
    return {category.name: Owner(category.team, describe_sla(category)) for category in taxonomy.categories}


def find_owner(owners: Owners, category: str, field: str) -> Owner:
    """Return the owner of a category that a person named.

    Raises:
        InvalidInputError: There is no such category; the message names those there are.
    """
    if category not in owners:
        raise InvalidInputError(
            f"{field}: there is no category {category!r}; choose one of {', '.join(sorted(owners))}"
        )
    return owners[category]
