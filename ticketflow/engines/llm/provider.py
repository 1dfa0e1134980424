"""One model of one provider: how a single call is made, and when none is."""

import inspect
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langsmith import tracing_context

from ticketflow.engines.llm.calls import CallLimiter, Slot
from ticketflow.engines.llm.failures import (
    ModelBusyError,
    ModelDownError,
    ModelMisusedError,
    build_busy,
    judge_failure,
)
from ticketflow.engines.llm.models import LlmOptions
from ticketflow.observability.logging import get_logger
from ticketflow.workflow.interruption import stop_if_interrupted

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = get_logger(__name__)

# How long a step waits on the spot for its turn; a longer wait gives the worker to other tickets.
SHORT_WAIT_S = 2.0
# A provider that did not answer is left alone by this process for so long; one that refuses us, longer.
LEFT_ALONE_S = 15.0
FAILURES_IN_A_ROW = 2  # one slow answer is no outage
MISUSED_ALONE_S = 60.0
# A failure this soon (refused, reset) is worth a second try at once; a timeout is not.
QUICK_S = 2.0
# The slot of a call outlives its timeout by this much before it counts as abandoned.
HOLD_MARGIN_S = 10.0


class Provider:
    """Calls a chat model once, within the limits all workers share."""

    def __init__(self, model: "BaseChatModel", name: str, options: LlmOptions, limited_as: str | None = None) -> None:
        """Take a model.

        Args:
            model: Any LangChain chat model; its own retries should be off.
            name: What the ledger calls it.
            options: How it is held to a schema, and how long it may take.
            limited_as: What limits and pauses are counted by; several models of one account may share it.
        """
        self.name = name
        self._model = model
        self._options = options
        self._limited_as = limited_as or name
        self._alone_until = 0.0
        self._failures = 0
        self._failed_as: ModelDownError | ModelMisusedError | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What else an answer depends on: the server, and the model's own parameters, without secrets."""
        own = self._model._identifying_params  # noqa: SLF001  # LangChain's own name for them
        return {"server": self._limited_as, **{name: str(value) for name, value in own.items()}}

    @contextmanager
    def take_turn(self, limiter: CallLimiter) -> Iterator[None]:
        """Hold leave to make one call until the block ends; a pause the provider asks for in it holds for everybody.

        Raises:
            ModelBusyError: A pause is asked for, by the provider or by our own limit.
            ModelUnavailableError: It failed a moment ago, and is left alone.
        """
        failed_as = self._failed_as
        if failed_as is not None and time.monotonic() < self._alone_until:  # spare the customers its timeout
            raise type(failed_as)(f"left alone after: {failed_as}")
        slot = self._take_slot(limiter)
        try:
            yield
        except ModelBusyError as busy:
            limiter.block(self._limited_as, busy.retry_after_s or 0.0)  # before anybody can have our slot
            raise
        finally:
            limiter.give_back(slot)

    def call(
        self, schema: dict[str, Any], messages: Sequence[tuple[str, str]], *, is_last_try: bool = False
    ) -> dict[str, Any]:
        """Call the model, in a turn; return ``raw``, ``parsed`` and ``parsing_error``.

        Raises:
            ModelBusyError: It asks for a pause.
            ModelUnavailableError: It is down, or refuses us.
            UnreadableAnswerError: What came back could not even be received.
        """
        stop_if_interrupted()
        started = time.monotonic()
        try:
            result = self._invoke(schema, messages)
        except ModelDownError as down:
            self._failures += 1
            down.is_quick = not is_last_try and time.monotonic() - started < QUICK_S
            if self._failures >= FAILURES_IN_A_ROW:
                self._leave_alone(down, LEFT_ALONE_S)
            raise
        except ModelMisusedError as misused:
            log.error("model.refused", model=self.name, reason=str(misused))  # noqa: TRY400  # no traceback: it may quote
            self._leave_alone(misused, MISUSED_ALONE_S)
            raise
        self._failures = 0
        return result

    def _invoke(self, schema: dict[str, Any], messages: Sequence[tuple[str, str]]) -> dict[str, Any]:
        wanted: dict[str, Any] = {"include_raw": True}
        if "method" in inspect.signature(self._model.with_structured_output).parameters:
            wanted["method"] = self._options.method
        sent = list(messages)
        if self._options.method == "json_mode":  # which only knows "some JSON": the model is told which is wanted
            (role, system), *others = messages
            sent = [(role, f"{system}\n\nAnswer with JSON of this schema:\n{json.dumps(schema)}"), *others]
        try:
            with tracing_context(enabled=None if self._options.has_tracing else False):
                result: Any = self._model.with_structured_output(schema, **wanted).invoke(sent)
        except Exception as error:  # noqa: BLE001  # every provider's library has errors of its own
            raise judge_failure(error) from None
        answer: dict[str, Any] = result
        return answer

    def _take_slot(self, limiter: CallLimiter) -> Slot:
        """Wait a moment for leave to call.

        Raises:
            ModelBusyError: It takes longer.
        """
        give_up_at = time.monotonic() + SHORT_WAIT_S
        while True:
            stop_if_interrupted()
            leave = limiter.take(self._limited_as, self._options.timeout_s + HOLD_MARGIN_S)
            if isinstance(leave, Slot):
                return leave
            left_s = give_up_at - time.monotonic()
            if leave.seconds > left_s:
                raise build_busy(max(leave.seconds, SHORT_WAIT_S), is_from_provider=leave.is_from_provider)
            time.sleep(leave.seconds)

    def _leave_alone(self, error: ModelDownError | ModelMisusedError, for_s: float) -> None:
        self._failed_as, self._alone_until = error, time.monotonic() + for_s
