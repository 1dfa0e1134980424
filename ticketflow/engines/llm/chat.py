"""Ask a chat model one question: kept answers, limits, a repair turn, and what must not come back."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ticketflow.engines.llm.calls import Answer, AnswerCache, CallLimiter, NoCache, NoLimit
from ticketflow.engines.llm.failures import (
    ModelBusyError,
    ModelDownError,
    ModelUnavailableError,
    UnreadableAnswerError,
)
from ticketflow.engines.llm.guard import refuse_leaks, tidy_all
from ticketflow.engines.llm.models import LlmOptions
from ticketflow.engines.llm.prompt_files import (
    NO_SEAL,
    Prompt,
    Rendered,
    Seal,
    Section,
    draw_seal,
    fill,
    load_repair,
    render,
)
from ticketflow.engines.llm.provider import Provider
from ticketflow.errors import BadModelOutputError
from ticketflow.observability.logging import get_logger
from ticketflow.observability.metrics import MODEL_CALLS, MODEL_COST, MODEL_FALLBACKS, MODEL_TOKENS
from ticketflow.observability.tracing import describe_span, span
from ticketflow.workflow.state import LlmStep
from ticketflow.workflow.usage import EngineCall, Usage, current_usage, record_engine_call

log = get_logger(__name__)

Shape = TypeVar("Shape", bound=BaseModel)

# A model is told what was wrong with its answer, not the whole of it.
MAX_PROBLEM_CHARACTERS = 300
# Two questions fit into the two minutes a step has.
QUESTION_BUDGET_S = 55.0


@dataclass(frozen=True)
class Question(Generic[Shape]):
    """One thing to ask.

    Attributes:
        step: The step that asks.
        part: The part of the engine that asks, as the ledger names it.
        prompt: Our words.
        sections: Strangers' words, each under a heading of ours.
        shape: What the answer must look like.
        values: What the prompt's fields are filled with; ours, or the operator's.
        check: Raises ``BadModelOutputError`` for an answer that fits its shape and is wrong all the same.
    """

    step: LlmStep
    part: str
    prompt: Prompt
    sections: Sequence[Section]
    shape: type[Shape]
    values: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Shape], None] = lambda _: None

    def render(self, seal: Seal) -> Rendered:
        """Write down what the model reads."""
        return render(self.prompt, self.values, self.sections, seal)


@dataclass(slots=True)
class _Tally:
    """What one question has cost so far."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, input_tokens: int, output_tokens: int) -> None:
        """Count an answer's tokens."""
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens


class Chat:
    """Asks one model, for all parts of the engine."""

    def __init__(
        self,
        provider: Provider,
        options: LlmOptions,
        cache: AnswerCache | None = None,
        limiter: CallLimiter | None = None,
    ) -> None:
        """Bind a model to what is remembered of it.

        Args:
            provider: The model, and how it is called.
            options: Attempts, waits and prices.
            cache: Left out, every answer is asked for anew.
            limiter: Left out, nothing is limited.
        """
        self.options = options
        self._provider = provider
        self._cache = NoCache() if cache is None else cache
        self._limiter = NoLimit() if limiter is None else limiter

    def ask(self, question: Question[Shape]) -> Shape:
        """Ask, and keep the answer.

        Raises:
            ModelBusyError: A short pause is asked for, and the step can be tried again after it.
            ModelUnavailableError: No answer is to be had now; the embedded engine should speak.
            BadModelOutputError: No answer fits, even after a repair turn; the same.
        """
        usage = current_usage()  # where nobody says whose ticket it is, nothing is kept
        kept = None if usage is None else self._find_kept(question, usage)
        if kept is not None:
            return kept
        tally = _Tally()
        try:
            answer = self._converse(question, tally)
        except ModelBusyError as busy:
            attempt = None if usage is None else usage.attempt
            is_tried_again = attempt is not None and attempt <= self.options.max_waits
            if is_tried_again and (busy.retry_after_s or 0) <= self.options.max_wait_s:
                MODEL_CALLS.labels(question.step, "put_off").inc()
                self._count_cost(question, tally)
                raise
            self._record(question, tally, failure=str(busy))
            raise ModelUnavailableError(str(busy)) from None
        except (ModelUnavailableError, BadModelOutputError) as error:
            self._record(question, tally, failure=str(error))
            raise error from None
        if usage is not None:
            self._keep(question, answer, tally, usage)
        self._record(question, tally)
        return answer

    def _converse(self, question: Question[Shape], tally: _Tally) -> Shape:
        """Ask until an answer fits; each time after the first the model learns what was wrong."""
        seal = draw_seal()
        rendered = question.render(seal)
        messages = [("system", rendered.system), ("user", rendered.user)]
        give_up_at = time.monotonic() + QUESTION_BUDGET_S - self.options.timeout_s
        for attempt in range(1, self.options.attempts + 1):
            raw: Any = None
            try:
                raw = self._call(question, messages, tally)
                return self._read(question, raw, rendered, seal)
            except BadModelOutputError as error:
                MODEL_CALLS.labels(question.step, "invalid").inc()
                if attempt == self.options.attempts or time.monotonic() > give_up_at:
                    raise
                said = getattr((raw or {}).get("raw"), "content", "")
                messages += [("assistant", said)] if isinstance(said, str) and said else []
                messages.append(("user", fill(load_repair(), {"problem": str(error)})))
        raise ModelUnavailableError("no attempt is allowed")

    def _call(self, question: Question[Shape], messages: Sequence[tuple[str, str]], tally: _Tally) -> dict[str, Any]:
        """Make one call, and a second one at once when the first found nobody there."""
        try:
            return self._call_once(question, messages, tally)
        except ModelDownError as error:
            if not error.is_quick:
                raise
        return self._call_once(question, messages, tally, is_last_try=True)

    def _call_once(
        self,
        question: Question[Shape],
        messages: Sequence[tuple[str, str]],
        tally: _Tally,
        *,
        is_last_try: bool = False,
    ) -> dict[str, Any]:
        schema = question.shape.model_json_schema()
        # Neither the prompt nor the answer is in the span.
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": self._provider.name,
            "ticketflow.prompt_version": question.prompt.version,
        }
        with self._provider.take_turn(self._limiter), span(f"chat {self._provider.name}", "client", attributes):
            tally.calls += 1
            try:
                result = self._provider.call(schema, messages, is_last_try=is_last_try)
                used = getattr(result.get("raw"), "usage_metadata", None) or {}
                describe_span({f"gen_ai.usage.{name}": used.get(name) for name in ("input_tokens", "output_tokens")})
            except ModelDownError:
                MODEL_CALLS.labels(question.step, "down").inc()
                raise
            except UnreadableAnswerError as error:
                tally.add(error.input_tokens, error.output_tokens)
                raise
        tally.add(used.get("input_tokens", 0), used.get("output_tokens", 0))
        return result

    def _read(self, question: Question[Shape], result: dict[str, Any], rendered: Rendered, seal: Seal) -> Shape:
        """Turn what came back into an answer that may be used."""
        parsed, raw = result.get("parsed"), result.get("raw")
        # Everything the model said, parsed or not.
        calls = [call.get("args") for call in getattr(raw, "tool_calls", None) or []]
        refuse_leaks([getattr(raw, "content", ""), calls], rendered, seal)
        if not isinstance(parsed, dict):
            said = result.get("parsing_error")
            raise BadModelOutputError(
                f"the answer is not JSON that fits ({type(said).__name__ if said else 'nothing'})"
            )
        answer = _validate(question.shape, tidy_all(parsed))
        refuse_leaks(answer.model_dump(), rendered, seal)
        question.check(answer)
        return answer

    def _build_key(self, question: Question[Shape], tenant: str) -> str:
        rendered = question.render(NO_SEAL)
        depends_on = [
            tenant,
            self._provider.name,
            self._provider.settings,
            question.prompt.version,
            self.options.method,
            rendered.system,
            rendered.user,
            question.shape.model_json_schema(),
        ]
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()

    def _find_kept(self, question: Question[Shape], usage: Usage) -> Shape | None:
        """Look for an answer given before; one that was paid for in this ticket's lost attempt is put on its bill."""
        kept = self._cache.find(self._build_key(question, usage.tenant))
        if kept is None:
            return None
        try:  # the rules of today may be others
            answer = _validate(question.shape, kept.content)
            question.check(answer)
        except BadModelOutputError:
            return None
        MODEL_CALLS.labels(question.step, "kept").inc()
        is_ours = (usage.attempt or 1) > 1 and usage.ticket_id == kept.ticket_id
        record_engine_call(
            EngineCall(
                engine=f"llm/{question.part}",
                model=self._provider.name,
                prompt_version=question.prompt.version,
                input_tokens=kept.input_tokens if is_ours else 0,
                output_tokens=kept.output_tokens if is_ours else 0,
                cost_usd=kept.cost_usd if is_ours else 0.0,
            )
        )
        return answer

    def _keep(self, question: Question[Shape], answer: Shape, tally: _Tally, usage: Usage) -> None:
        self._cache.keep(
            self._build_key(question, usage.tenant),
            Answer(
                model=self._provider.name,
                prompt_version=question.prompt.version,
                content=answer.model_dump(mode="json"),
                input_tokens=tally.input_tokens,
                output_tokens=tally.output_tokens,
                cost_usd=self.options.price(tally.input_tokens, tally.output_tokens),
                ticket_id=usage.ticket_id,
                tenant=usage.tenant,
            ),
        )

    def _record(self, question: Question[Shape], tally: _Tally, failure: str | None = None) -> None:
        """Tell ledger, metrics and log what became of a question."""
        cost_usd = self._count_cost(question, tally)
        if failure is None:
            MODEL_CALLS.labels(question.step, "valid").inc()
        else:
            MODEL_FALLBACKS.labels(question.step).inc()
            log.warning("model.fell_back", step=question.step, model=self._provider.name, reason=failure)
        record_engine_call(
            EngineCall(
                engine=f"llm/{question.part}",
                model=self._provider.name,
                prompt_version=question.prompt.version,
                input_tokens=tally.input_tokens,
                output_tokens=tally.output_tokens,
                cost_usd=cost_usd,
                calls=tally.calls,
                failure=failure,
            )
        )

    def _count_cost(self, question: Question[Shape], tally: _Tally) -> float:
        """Count what a question has cost, whatever came of it; return the dollars."""
        cost_usd = self.options.price(tally.input_tokens, tally.output_tokens)
        MODEL_TOKENS.labels(question.step, "input").inc(tally.input_tokens)
        MODEL_TOKENS.labels(question.step, "output").inc(tally.output_tokens)
        MODEL_COST.labels(question.step).inc(cost_usd)
        return cost_usd


def _validate(shape: type[Shape], content: Any) -> Shape:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = "; ".join(f"{_place(each)}: {each['msg']}" for each in faults)
        raise BadModelOutputError(wrong[:MAX_PROBLEM_CHARACTERS]) from None


def _place(fault: ErrorDetails) -> str:
    """Say where a fault is, in our words only: the name of a field that is too much is the model's, or the ticket's."""
    ours = fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]
    return ".".join(map(str, ours)) or "the answer"
