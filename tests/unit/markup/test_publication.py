"""What keeps a page from customers, as each product says it."""

from datetime import UTC, datetime

import pytest

from ticketflow.markup.publication import find_unpublished

NOW = datetime(2026, 11, 30, tzinfo=UTC)
KEPT_BACK = [
    {"draft": "true"},
    {"draft": True},
    {"Draft": "Yes"},
    {"published": "false"},
    {"publish": False},
    {"status": "draft"},
    {"status": "Unpublished"},
    {"state": "review"},
    {"visibility": "internal"},
    {"audience": "staff"},
    {"unlisted": "true"},
    {"hidden": "true"},
    {"internal": "true"},
    {"tags": ["billing", "internal"]},
    {"tags": "billing, draft"},
    {"publishDate": "2026-12-24"},
    {"expiryDate": "2026-01-01T00:00:00Z"},
]
KEPT_BACK_IN_EXPORTS = [
    {"draft": True, "locale": "en-us"},  # Zendesk
    {"user_segment_id": 12, "draft": False},  # Zendesk
    {"state": "draft", "type": "article"},  # Intercom
    {"type": "internal_article", "state": "published"},  # Intercom
    {"status": "notpublished"},  # Help Scout
    {"status": 1, "description": "<p>x</p>"},  # Freshdesk
    {"visibility": 3, "status": 2},  # Freshdesk, agents
    {"status": "archived"},  # Chatwoot
    {"status": "draft"},  # Confluence, WordPress, Ghost, Zoho
    {"workflow_state": "retired"},  # ServiceNow
    {"state": "DRAFT"},  # HubSpot
    {"status": "somehow else"},
]
PUBLISHED = [
    {},
    {"draft": "false", "published": "true", "tags": ["billing"]},
    {"status": "published"},
    {"status": 2, "description": "x"},
    {"status": "publish"},
    {"state": "PUBLISHED"},
    {"status": "current"},
    {"draft": False, "user_segment_id": None, "hasDraft": False},
    {"publishDate": "2026-01-01", "expiryDate": "no date"},
    {"visibility": "public", "tags": "internals"},
    {"visibility": 1},
    {"draft": None, "status": None, "tags": None},
    {"status": ["draft"]},
]


@pytest.mark.parametrize("fields", KEPT_BACK, ids=str)
def test_a_page_that_says_so_is_kept_back(fields):
    assert find_unpublished(fields, is_export=False, now=NOW)


@pytest.mark.parametrize("fields", KEPT_BACK + KEPT_BACK_IN_EXPORTS, ids=str)
def test_an_entry_that_says_so_is_kept_back(fields):
    assert find_unpublished(fields, is_export=True, now=NOW)


@pytest.mark.parametrize("fields", PUBLISHED, ids=str)
def test_a_published_entry_is_not(fields):
    assert find_unpublished(fields, is_export=True, now=NOW) is None


def test_an_unknown_status_of_a_page_is_no_reason():
    assert find_unpublished({"status": "new"}, is_export=False, now=NOW) is None
