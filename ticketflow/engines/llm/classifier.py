"""The LLM ``Classifier``: the model chooses the category, the embedded engine says how likely it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import or_else
from ticketflow.engines.llm.prompt_files import load_prompt, ticket_section
from ticketflow.engines.llm.schemas import Sorted, Sureness, build_sorted
from ticketflow.workflow.ports import Classifier, Label
from ticketflow.workflow.state import Guess, Sla

ALTERNATIVES = 3
SAID_SO = "a chat model judged so"
# What a model says of its own certainty is no probability. These bounds only rank its choices below what
# the embedded engine is sure of, and above what it calls unlikely.
SAID: dict[Sureness, float] = {"low": 0.2, "medium": 0.4, "high": 0.6}


@dataclass(frozen=True, slots=True)
class Option:
    """A category: what the model is told of it, and what follows from choosing it."""

    description: str
    team: str
    sla: Sla | None = None


Options = Mapping[str, Option]


class LlmClassifier:
    """Asks a model for category, mood and haste; language and probabilities stay with the embedded engine."""

    def __init__(self, chat: Chat, embedded: Classifier, options: Callable[[], Options]) -> None:
        """Take the model, the engine to fall back to, and how to find the categories that hold now."""
        self.embedded = embedded
        self._chat = chat
        self._options = options

    @property
    def categories(self) -> frozenset[str]:
        """Names a label may carry."""
        return self.embedded.categories

    def classify(self, subject: str, body: str) -> Label:
        """Label one ticket."""
        label = self.embedded.classify(subject, body)
        return or_else(lambda: self._ask(subject, body, label), lambda: label)

    def _ask(self, subject: str, body: str, label: Label) -> Label:
        options = {name: each for name, each in self._options().items() if name in self.categories}
        question = Question(
            step="classify",
            part="classifier",
            prompt=load_prompt("classify.v1"),
            values={"categories": "\n".join(f"{name}: {each.description}" for name, each in options.items())},
            sections=[ticket_section(subject, body)],
            shape=build_sorted(tuple(options)),
        )
        return combine(self._chat.ask(question), label, options)


def combine(said: Sorted, label: Label, options: Options) -> Label:
    """Take the model's choice, as likely as the embedded engine holds it, or a little if it does not."""
    guesses = [Guess(category=label.category, confidence=label.confidence), *label.alternatives]
    probability = next((each["confidence"] for each in guesses if each["category"] == said.category), 0.0)
    return replace(
        label,
        category=said.category,
        team=options[said.category].team,
        sla=options[said.category].sla,
        confidence=max(probability, SAID[said.sureness]),
        alternatives=[each for each in guesses if each["category"] != said.category][:ALTERNATIVES],
        sentiment=said.sentiment,
        priority=said.priority,
        reasons={"sentiment": SAID_SO, "priority": SAID_SO},
    )
