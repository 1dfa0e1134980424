"""A LangChain chat model that answers from a script, and notes what it was sent."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field, PrivateAttr

from ticketflow.adapters.llm_engine import put_before
from ticketflow.engines.llm.chat import Chat
from ticketflow.engines.llm.classifier import Option
from ticketflow.engines.llm.models import LlmOptions
from ticketflow.engines.llm.provider import Provider
from ticketflow.workflow.ports import Tools

Script = Callable[[str, "Prompted"], dict[str, Any] | str]
"""Gets the schema's title and the conversation; returns an answer, or text that is none, or raises."""


class Prompted:
    """A conversation as the script sees it.

    Attributes:
        schema: What the answer should look like.
        system: Our words.
        user: The first message with strangers' words.
        turns: Number of messages.
    """

    def __init__(self, schema: dict[str, Any], messages: Sequence[BaseMessage]) -> None:
        self.schema = schema
        self.system = str(messages[0].content)
        self.user = str(messages[1].content)
        self.last = str(messages[-1].content)
        self.turns = len(messages)

    @property
    def categories(self) -> list[str]:
        category = self.schema["properties"]["category"]
        return category.get("enum") or [category["const"]]

    @property
    def sections(self) -> dict[str, str]:
        """The text between boundaries, by heading."""
        pattern = r"^([A-Z][\w ]*):\n(#[0-9a-f]{12})\n(.*?)\n\2$"
        return {found[1]: found[3] for found in re.finditer(pattern, self.user, re.DOTALL | re.MULTILINE)}

    @property
    def passages(self) -> list[str]:
        return [text for heading, text in self.sections.items() if heading.startswith("Passage ")]


class ScriptedModel(BaseChatModel):
    """Answers each schema as its script says, through LangChain's own tool calling and parsing."""

    script: Script = Field(exclude=True)
    _seen: list[Prompted] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def model_name(self) -> str:
        return "scripted"

    @property
    def seen(self) -> list[Prompted]:
        """Every conversation, in order."""
        return self._seen

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        schema = kwargs["tools"][0]
        prompted = Prompted(schema, messages)
        self._seen.append(prompted)
        answer = self.script(schema["title"], prompted)
        usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        if isinstance(answer, str):
            message = AIMessage(answer, usage_metadata=usage)
        else:
            call = {"name": schema["title"], "args": json.loads(json.dumps(answer)), "id": "call-1"}
            message = AIMessage("", tool_calls=[call], usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


def answer_well(title: str, prompted: Prompted) -> dict[str, Any]:
    """Answer as a good, if dull, model would."""
    if title == "Sorted":
        return {"category": prompted.categories[0], "sentiment": "neutral", "priority": "normal", "sureness": "high"}
    if title == "Facts":
        found = re.findall(r"\b\d{4,15}\b", prompted.user)
        return {"facts": [{"type": "order_id", "text": text} for text in found[:6]]}
    if title == "Query":
        return {"query": " ".join(prompted.sections["Ticket"].split())[:100] or "help"}
    if title == "Choice":
        return {"helpful": [number for number, _ in enumerate(prompted.passages, start=1)]}
    if title == "Written":
        quote = re.split(r"(?<=\.)\s+", prompted.passages[0].partition("\n")[2])[0]
        quotes = [{"passage": 1, "quote": quote}]
        return {"answers": True, "sureness": "high", "answer": f"Our article says: {quote}", "quotes": quotes}
    return {"addressed": 8, "problems": []}


def scripted_tools(embedded: Tools, script: Script = answer_well, **options: Any) -> Tools:
    """Put a scripted model before an embedded engine."""
    return scripted(embedded, script, **options)[0]


def scripted(embedded: Tools, script: Script = answer_well, **options: Any) -> tuple[Tools, ScriptedModel]:
    """Put a scripted model before an embedded engine; return it too."""
    model = ScriptedModel(script=script)
    asked = LlmOptions(**options)
    categories = {name: Option(f"about {name}", f"Team {name}") for name in sorted(embedded.classifier.categories)}
    return put_before(embedded, Chat(Provider(model, "scripted", asked), asked), lambda: categories), model
