"""Whether a page is for customers: what its front matter, or its entry in an export, says of that."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ticketflow.markup.blocks import is_internal_name

# Where a page says how far it is. Hugo, Jekyll, Docusaurus, Astro, Zola, Obsidian and ReadMe in front matter; Zendesk,
# Intercom, Help Scout, Freshdesk, Chatwoot, Zoho, HubSpot, ServiceNow, Confluence, Ghost and WordPress in exports.
_STATES = ("status", "state", "currentstate", "workflow_state", "publication_status", "published_state")
_PUBLISHED = frozenset(
    """
    published publish public live current active approved released final done complete completed ready open online
    visible new updated stable veröffentlicht publié publicado pubblicato gepubliceerd opublikowano
    """.split()  # noqa: SIM905  # one word a line would be a page
)
# In front matter any word may stand, such as "new" or "beta" in MkDocs; these keep a page back.
_KEPT_BACK = frozenset(
    """
    draft drafts unpublished notpublished not_published unlisted pending review in_review in-review wip todo internal
    private hidden archived archive retired trash trashed deleted scheduled rejected disabled inactive obsolete
    withdrawn entwurf brouillon borrador rascunho bozza concept szkic
    """.split()  # noqa: SIM905  # one word a line would be a page
)
# Freshdesk: 1 is a draft, 2 is published (developers.freshdesk.com, Solutions). Chatwoot's database: 0, 1, 2.
_FRESHDESK_DRAFT = 1
_DRAFT_FLAGS = (
    "draft",
    "isdraft",
    "is_draft",
    "unlisted",
    "hidden",
    "internal",
    "is_internal",
    "isinternal",
    "private",
    "is_private",
    "archived",
    "is_archived",
    "staff_only",
    "deleted",
    "is_deleted",
    "trashed",
)
_PUBLISHED_FLAGS = ("published", "publish", "is_published", "ispublished", "is_public", "ispublic", "public")
_AUDIENCES = ("visibility", "audience", "access", "permission", "customer_visibility", "visibility_status", "scope")
_FOR_STAFF = frozenset({"agents", "agent", "staff", "employees", "hidden", "unlisted", "none", "admins", "3"})
_YES = frozenset({"true", "yes", "on", "1", "y"})
_NO = frozenset({"false", "no", "off", "0", "n"})


def find_unpublished(fields: Mapping[str, Any], *, is_export: bool, now: datetime | None = None) -> str | None:
    """Say why a page is not for customers; ``None`` when nothing speaks against it.

    Args:
        fields: Front matter, or the entry of an export.
        is_export: Whether a state that nobody knows keeps it back; in front matter it may be anything.
        now: For pages that are published at a time.
    """
    claims = _Claims(fields)
    return (
        claims.of_flags()
        or claims.of_states(is_export=is_export)
        or claims.of_audiences()
        or claims.of_tags()
        or claims.of_times(now or datetime.now(UTC))
    )


class _Claims:
    """What a page says of its own publication; each method gives a reason to keep it back, or ``None``."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = {str(name).lower().replace("-", "_"): value for name, value in fields.items()}

    def of_flags(self) -> str | None:
        """Read what is either so or not."""
        for name in _DRAFT_FLAGS:
            if _word(self._fields.get(name)) in _YES:
                return f"it is a draft or hidden ({name}: true)" if name != "draft" else "it is a draft (draft: true)"
        for name in _PUBLISHED_FLAGS:
            if _word(self._fields.get(name)) in _NO:
                return f"it is a draft, not published ({name}: false)"
        return None

    def of_states(self, *, is_export: bool) -> str | None:
        """Read how far it is."""
        for name in _STATES:
            value = self._fields.get(name)
            if value == _FRESHDESK_DRAFT and not isinstance(value, bool) and "description" in self._fields:
                return f"it is a draft ({name}: 1)"
            word = _word(value)
            is_unknown = is_export and not word.isdecimal() and word not in _PUBLISHED
            if word and (is_unknown or word in _KEPT_BACK):
                return f"it is a draft or not published ({name}: {word[:40]})"
        return None

    def of_audiences(self) -> str | None:
        """Read whom it is for."""
        for name in _AUDIENCES:
            word = _word(self._fields.get(name))
            if word in _FOR_STAFF or is_internal_name(word):
                return f"it is not for customers ({name}: {word[:40]})"
        if self._fields.get("type") == "internal_article":
            return "it is not for customers (type: internal_article)"
        if self._fields.get("user_segment_id") or self._fields.get("user_segment_ids"):
            return "it is not for all customers (user_segment_id)"
        return None

    def of_tags(self) -> str | None:
        """Read its tags."""
        tags = self._fields.get("tags", self._fields.get("label_names", self._fields.get("labels")))
        words = tags.split(",") if isinstance(tags, str) else tags if isinstance(tags, list) else []
        found = next((word for word in map(_word, words) if word == "draft" or is_internal_name(word)), None)
        return f"it is not for customers (tag {found})" if found else None

    def of_times(self, now: datetime) -> str | None:
        """Read from when until when it is published."""
        begins, ends = _instant(self._fields.get("publishdate")), _instant(self._fields.get("expirydate"))
        if begins and begins > now:
            return f"it is a draft until it is published on {begins:%Y-%m-%d}"
        return f"it expired on {ends:%Y-%m-%d}" if ends and ends < now else None


def _word(value: object) -> str:
    return str(value).strip().lower() if isinstance(value, str | bool | int) else ""


def _instant(value: object) -> datetime | None:
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
