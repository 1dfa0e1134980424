"""The API as commands use it: our own errors instead of status codes, patience where a repeat does no harm."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx

from ticketflow.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TicketFlowError,
    TransientError,
)
from ticketflow.settings import Settings, load_settings

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.25
LAST_PAUSE_S = 8.0
EVENT_PAGE = 200
PAGE = 200
KEY_FILE = "cli.key"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_BUSY = frozenset({429, 502, 503, 504})
_ERRORS: dict[int, type[TicketFlowError]] = {404: NotFoundError, 409: ConflictError, 412: ConflictError}


class UnreachableError(TransientError):
    """Nobody answers where the API should be."""


class BusyError(TransientError):
    """The API asks to be left alone for a moment."""


class ApiClient:
    """One API, over one pool of connections; may be shared between threads."""

    def __init__(self, http: httpx.Client, patience_s: float = 0, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use a prepared connection pool.

        Args:
            patience_s: How long a call is repeated while the API is away or busy.
            sleep: Waits that many seconds between two tries.
        """
        self._http = http
        self._patience_s = patience_s
        self._sleep = sleep

    def require_reachable(self) -> None:
        """Find out in one short request whether anybody is there.

        Raises:
            UnreachableError: Nobody is.
        """
        self._send("GET", "/healthz")

    def wait_until_reachable(self) -> None:
        """Wait until the API answers, as long as calls are repeated.

        Raises:
            UnreachableError: It did not.
        """
        self._call("GET", "/healthz")

    def open_ticket(self, ticket: dict[str, Any], idempotency_key: str) -> tuple[dict[str, Any], bool]:
        """Send a ticket; return the API's answer, and whether it is the answer to an earlier sending."""
        headers = {"Idempotency-Key": f'"{idempotency_key}"'}
        response = self._call("POST", "/tickets", json=ticket, headers=headers)
        return _read_json(response), response.headers.get("Idempotency-Replayed") == "true"

    def get_ticket(self, ticket_id: str, wait_s: float = 0) -> dict[str, Any]:
        """Read a ticket, at the latest ``wait_s`` seconds from now, sooner if it ends sooner."""
        timeout = httpx.Timeout(READ_TIMEOUT_S + wait_s, connect=CONNECT_TIMEOUT_S)
        return self._get(f"/tickets/{ticket_id}", {"wait": round(wait_s, 3)} if wait_s else {}, timeout)

    def list_events(self, ticket_id: str, after: int = 0) -> list[dict[str, Any]]:
        """List a ticket's whole trail after an event, oldest first."""
        events: list[dict[str, Any]] = []
        while page := self._get(f"/tickets/{ticket_id}/events", {"after": after, "limit": EVENT_PAGE})["events"]:
            events += page
            after = page[-1]["id"]
        return events

    def stream_events(self, ticket_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """Follow a ticket's trail until the API ends the stream, or is away or busy."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        path = f"/tickets/{ticket_id}/events"
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    response.read()
                    _raise_problem(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except (httpx.TransportError, TransientError, json.JSONDecodeError):
            return  # the caller goes on after the last whole event

    def list_steps(self, ticket_id: str) -> list[dict[str, Any]]:
        """List a ticket's ledger."""
        steps: list[dict[str, Any]] = self._get(f"/tickets/{ticket_id}/steps", {})["steps"]
        return steps

    def cancel_ticket(self, ticket_id: UUID, reason: str | None = None) -> dict[str, Any]:
        """Stop a ticket for good."""
        return self._post(f"/tickets/{ticket_id}/cancel", {"reason": reason})

    def retry_ticket(self, ticket_id: UUID) -> dict[str, Any]:
        """Try a ticket's failed step again."""
        return self._post(f"/tickets/{ticket_id}/retry", {})

    def rewind_ticket(self, ticket_id: UUID, step: str) -> dict[str, Any]:
        """Take a ticket back to a step it finished."""
        return self._post(f"/tickets/{ticket_id}/rewind", {"step": step})

    def fork_ticket(self, ticket_id: UUID, step: str, overrides: dict[str, Any]) -> dict[str, Any]:
        """Open a ticket that starts at a step of another one; return the new one."""
        return self._post(f"/tickets/{ticket_id}/fork", {"step": step, "overrides": overrides})

    def decide_approval(self, ticket_id: UUID, seen: int, decision: dict[str, Any]) -> dict[str, Any]:
        """Decide about a ticket's draft, as it was in a version."""
        headers = {"If-Match": f'"{seen}"'}
        return _read_json(self._call("POST", f"/tickets/{ticket_id}/approval", json=decision, headers=headers))

    def correct_ticket(self, ticket_id: UUID, seen: int, correction: dict[str, Any]) -> dict[str, Any]:
        """Correct what was found out about a ticket, as it was in a version."""
        headers = {"If-Match": f'"{seen}"'}
        return _read_json(self._call("PATCH", f"/tickets/{ticket_id}", json=correction, headers=headers))

    def iter_tickets(self, **wanted: str) -> Iterator[dict[str, Any]]:
        """Go through every ticket that fits, newest first, reading on as they are taken."""
        return self._iter_all("tickets", wanted)

    def list_corrections(self, **wanted: str) -> list[dict[str, Any]]:
        """List every correction that fits, newest first."""
        return list(self._iter_all("corrections", wanted))

    def list_pauses(self) -> list[dict[str, Any]]:
        """List the pauses that concern the caller's tickets."""
        pauses: list[dict[str, Any]] = self._get("/pauses", {})["pauses"]
        return pauses

    def pause_step(self, step: str, reason: str | None = None) -> dict[str, Any]:
        """Hold a step of the caller's tickets back, or ``all``."""
        return _read_json(self._call("PUT", f"/pauses/{quote(step, safe='')}", json={"reason": reason}))

    def resume_step(self, step: str) -> None:
        """Lift a pause of the caller's."""
        self._call("DELETE", f"/pauses/{quote(step, safe='')}")

    def add_webhook(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Register an endpoint; the answer has its secret."""
        return self._post("/webhooks", webhook)

    def list_webhooks(self) -> list[dict[str, Any]]:
        """List all endpoints, oldest first."""
        webhooks: list[dict[str, Any]] = self._get("/webhooks", {})["webhooks"]
        return webhooks

    def change_webhook(self, webhook_id: UUID, change: dict[str, Any]) -> dict[str, Any]:
        """Change an endpoint, whatever it is like now."""
        return _read_json(self._call("PATCH", f"/webhooks/{webhook_id}", json=change))

    def rotate_webhook_secret(self, webhook_id: UUID) -> dict[str, Any]:
        """Make a new secret for an endpoint; the answer has it."""
        return self._post(f"/webhooks/{webhook_id}/rotate-secret", {})

    def remove_webhook(self, webhook_id: UUID) -> None:
        """Delete an endpoint and its deliveries."""
        self._call("DELETE", f"/webhooks/{webhook_id}")

    def test_webhook(self, webhook_id: UUID) -> dict[str, Any]:
        """Have a test sent to an endpoint; return the delivery."""
        return self._post(f"/webhooks/{webhook_id}/test", {})

    def get_delivery(self, webhook_id: UUID, delivery_id: str) -> dict[str, Any]:
        """Read a delivery."""
        return self._get(f"/webhooks/{webhook_id}/deliveries/{delivery_id}", {})

    def list_deliveries(self, webhook_id: UUID, limit: int, status: str | None) -> list[dict[str, Any]]:
        """List the newest deliveries to an endpoint."""
        wanted = {"limit": limit} | ({"status": status} if status else {})
        deliveries: list[dict[str, Any]] = self._get(f"/webhooks/{webhook_id}/deliveries", wanted)["deliveries"]
        return deliveries

    def redeliver(self, webhook_id: UUID, delivery_id: UUID) -> dict[str, Any]:
        """Have a delivery sent again."""
        return self._post(f"/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", {})

    def search_articles(self, query: str, limit: int) -> list[dict[str, Any]]:
        """List the passages research would find, best first."""
        found: list[dict[str, Any]] = self._get("/articles/search", {"q": query, "limit": limit})["results"]
        return found

    def _iter_all(self, resource: str, wanted: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Read a list page by page."""
        more: dict[str, Any] = {**wanted, "limit": PAGE}
        while more:
            response = self._call("GET", f"/{resource}", params=more)
            page = _read_json(response)[resource]
            yield from page
            more = {**more, "cursor": page[-1]["id"]} if "next" in response.links else {}

    def _get(self, path: str, params: dict[str, Any], timeout: httpx.Timeout | None = None) -> dict[str, Any]:
        more = {"timeout": timeout} if timeout else {}
        return _read_json(self._call("GET", path, params=params, **more))

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _read_json(self._call("POST", path, json=body))

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request, again and again while patience lasts."""
        deadline = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                response = self._send(method, path, **request)
                if response.is_error:
                    _raise_problem(response)
                return response
            except TransientError as error:
                # Full jitter: threads that failed together do not come back together.
                wait_s = max(error.retry_after_s or 0, random.uniform(0, pause_s))  # noqa: S311
                if time.monotonic() + wait_s > deadline:
                    raise
            self._sleep(wait_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TimeoutException:
            raise UnreachableError(f"{self._http.base_url} did not answer in time") from None
        except httpx.TransportError:
            raise UnreachableError(f"cannot reach {self._http.base_url}; is `ticketflow up` running?") from None


@contextmanager
def open_client(patience_s: float = 0) -> Iterator[ApiClient]:
    """Give a client of the API that settings name."""
    settings = load_settings()
    base_url = find_base_url(settings)
    key = find_key(settings)
    try:
        http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            trust_env=urlsplit(base_url).hostname not in _LOOPBACK,  # no proxy leads to this machine
        )
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigurationError(f"TICKETFLOW_API_URL: {error}") from None
    with http:
        yield ApiClient(http, patience_s)


def find_base_url(settings: Settings) -> str:
    """Return where the API is.

    Raises:
        ConfigurationError: The setting is no address.
    """
    if settings.api_url is None:
        return local_url(settings)
    if not settings.api_url.startswith(("http://", "https://")):
        raise ConfigurationError("TICKETFLOW_API_URL: must start with http:// or https://")
    return settings.api_url.rstrip("/")


def find_key(settings: Settings) -> str | None:
    """Return the key to present; the one `ticketflow up` made is shown to its own API alone."""
    if settings.api_key is not None:
        return settings.api_key
    if settings.api_url is not None and settings.api_url.rstrip("/") != local_url(settings):
        return None
    try:
        return (settings.data_dir / KEY_FILE).read_text().strip() or None
    except OSError:
        return None


def local_url(settings: Settings) -> str:
    """Return where `ticketflow up` serves the API, as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _raise_problem(response: httpx.Response) -> NoReturn:
    """Raise the error of ours that an RFC 9457 answer stands for."""
    try:
        problem = response.json()
        named = [f"{each['field']}: {each['message']}" for each in problem.get("errors") or []]
        message = str("; ".join(named) or problem.get("detail") or problem["title"])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"the API answered {response.status_code} {response.reason_phrase}".strip()
    if response.status_code in {401, 403}:
        raise ConfigurationError(f"{message}; set TICKETFLOW_API_KEY (`ticketflow keys create NAME` makes a key)")
    # A 409 that says when to come back: the first request under this idempotency key is still running.
    if response.status_code in _BUSY or "Retry-After" in response.headers:
        busy = BusyError(message)
        after_s = response.headers.get("Retry-After", "")
        busy.retry_after_s = float(after_s) if after_s.isdecimal() else None
        raise busy
    other = InvalidInputError if response.is_client_error else TicketFlowError
    raise _ERRORS.get(response.status_code, other)(message)


def _read_json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = response.json()
    except json.JSONDecodeError:
        raise ConfigurationError(f"{response.url} is not a Ticket Flow API; check TICKETFLOW_API_URL") from None
    return answer
