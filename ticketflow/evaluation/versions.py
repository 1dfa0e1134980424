"""Tools of a version: the settings' own, with what the version changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ticketflow.adapters.tools import add_chat_model, build_models, choose_confidence
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.classify.artefact import load_classifier
from ticketflow.engines.embedded.classify.classifier import FitOnFirstUse, ModelSource
from ticketflow.engines.embedded.taxonomy import read_taxonomy
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import ConfigurationError, InvalidInputError
from ticketflow.settings import Settings
from ticketflow.storage.classifier_models import get_model
from ticketflow.storage.session import Sessions
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.ports import KnowledgeBase, Tools
from ticketflow.workflow.state import DEFAULT_TENANT

KEYS = "engine=embedded, engine=llm, llm=PROVIDER:MODEL, taxonomy=FILE, model=N or report=DIR"


@dataclass(frozen=True, slots=True)
class Version:
    """How a candidate differs from the settings; ``None`` does not.

    Attributes:
        engine: ``embedded`` or ``llm``.
        llm: Name of a chat model.
        taxonomy: A taxonomy file.
        model: Number of a stored classifier.
        report: Folder of an earlier report, instead of running anything.
    """

    engine: str | None = None
    llm: str | None = None
    taxonomy: Path | None = None
    model: int | None = None
    report: Path | None = None

    @property
    def name(self) -> str:
        """Name it by what is different."""
        different = ((key, getattr(self, key)) for key in self.__dataclass_fields__)
        named = ((key, value.name if isinstance(value, Path) else value) for key, value in different)
        return ", ".join(f"{key} {value}" for key, value in named if value is not None) or "as set"

    def apply(self, settings: Settings) -> Settings:
        """Return the settings this version runs with; no draft waits for a person.

        Raises:
            ConfigurationError: The engine asked for has no model.
        """
        changed: dict[str, Any] = {"approval": "never"}
        changed |= {} if self.taxonomy is None else {"taxonomy": self.taxonomy}
        changed |= {} if self.llm is None else {"llm": self.llm}
        changed |= {"llm": None} if self.engine == "embedded" else {}
        if self.engine == "llm" and not (settings.llm or self.llm):
            raise ConfigurationError("the engine llm needs a model: name one in TICKETFLOW_LLM")
        return settings.model_copy(update=changed)


def parse_version(written: Sequence[str]) -> Version:
    """Read ``engine=llm``, ``taxonomy=FILE`` and so on.

    Raises:
        InvalidInputError: One reads otherwise; the message says how.
    """
    named: dict[str, Any] = {}
    for each in written:
        key, _, value = each.partition("=")
        if key not in Version.__dataclass_fields__ or not value:
            raise InvalidInputError(f"--against: {each!r} must read {KEYS}")
        named[key] = Path(value) if key in ("taxonomy", "report") else value
    if "model" in named:
        if not named["model"].isdecimal():
            raise InvalidInputError(f"--against: model={named['model']} must be the number of a stored model")
        named["model"] = int(named["model"])
    return Version(**named)


def find_source(settings: Settings, version: Version, sessions: Sessions | None) -> ModelSource:
    """Find the classifier of a version: a stored one, the one workers use, or that of the taxonomy file.

    Args:
        settings: As the version changes them.
        version: Which classifier.
        sessions: Where classifiers are stored; ``None`` without a database.

    Raises:
        NotFoundError: There is no such stored classifier.
        InvalidInputError: It was fitted by another version of the engine.
        ConfigurationError: There is no database to find it in.
    """
    encoder = shared_encoder(settings.encoder_model)
    if sessions is None and version.model is not None:
        raise ConfigurationError("--against: model= needs the database it is stored in; set TICKETFLOW_DATABASE_URL")
    if sessions is None or version.taxonomy is not None:
        return FitOnFirstUse(encoder, load_taxonomy(settings.taxonomy))
    if version.model is None:
        return build_models(settings, sessions)
    with sessions() as session:
        model = get_model(session, DEFAULT_TENANT, version.model)
    fitted = load_classifier(encoder, read_taxonomy(model.taxonomy), model.artefact)
    if fitted is None:
        raise InvalidInputError(f"--against: model={version.model} is of an older engine; train it again")
    return fitted


def build_version_tools(settings: Settings, knowledge: KnowledgeBase, source: ModelSource) -> Tools:
    """Build the tools of a version; a chat model's answers are neither read nor kept, no draft waits for a person."""
    confidence = choose_confidence(settings)
    embedded = build_embedded_tools(
        knowledge, settings.taxonomy, settings.encoder_model, confidence, settings.letters, source
    )
    return replace(add_chat_model(embedded, settings), approval=ApprovalPolicy())
