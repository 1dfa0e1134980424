"""The classifier all processes share: what is published counts, else the taxonomy file's own fit."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from ticketflow.engines.embedded.classify.artefact import dump_classifier, load_classifier
from ticketflow.engines.embedded.classify.report import Report, build_report
from ticketflow.engines.embedded.classify.training import (
    FittedClassifier,
    build_fingerprint,
    fit_and_judge,
    fit_classifier,
)
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.taxonomy import Taxonomy, dump_taxonomy, read_taxonomy
from ticketflow.errors import TransientError
from ticketflow.mail.parts import join_words, split_mail
from ticketflow.observability.logging import get_logger
from ticketflow.storage.classifier_models import (
    NewModel,
    Publication,
    find_by_fingerprint,
    find_publication,
    get_model,
    list_corrected_categories,
    list_models,
    publish_model,
    record_model,
)
from ticketflow.storage.models import ClassifierModel
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import question_text

log = get_logger(__name__)

# A worker asks this often whether somebody published another version.
CHECK_EVERY_S = 2.0


class StoredModels:
    """The ``ModelSource`` of every process: the published model, or that of the taxonomy file.

    A fit is made once, by the first process that needs it, outside any transaction, and stored; a
    process that fits the same meanwhile takes over what was stored first.
    """

    def __init__(
        self,
        sessions: Sessions,
        encoder: Encoder,
        file: Taxonomy,
        tenant: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the taxonomy that counts until one is published; nothing is read yet."""
        self._sessions = sessions
        self._encoder = encoder
        self._file = file
        self._tenant = tenant
        self._clock = clock
        self._lock = threading.Lock()
        self._publication: Publication | None = None
        self._fitted: FittedClassifier | None = None
        self._checked_at = -math.inf

    @property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy in force."""
        return self.fitted().taxonomy

    def fitted(self) -> FittedClassifier:
        """Return the model in force, at most two seconds behind a publication.

        Raises:
            TransientError: The database does not answer, and no model was read before.
        """
        with self._lock:
            if self._fitted is not None and self._clock() - self._checked_at < CHECK_EVERY_S:
                return self._fitted
            try:
                self._fitted = self._refresh()
            except DBAPIError as error:
                if self._fitted is None:
                    message = f"the classifier cannot be read just now: {type(error).__name__}"
                    raise TransientError(message) from error
                log.warning("classifier.stale", error=type(error).__name__)
            self._checked_at = self._clock()
            return self._fitted

    def _refresh(self) -> FittedClassifier:
        with self._sessions() as session:
            publication = find_publication(session, self._tenant)
            if self._fitted is not None and publication == self._publication:
                return self._fitted
            if publication is None:
                model = find_by_fingerprint(session, self._tenant, build_fingerprint(self._encoder.name, self._file))
            else:
                model = get_model(session, self._tenant, publication.version)
        if model is not None:
            fitted = self._load(model)
        else:  # nobody has fitted the file yet
            fitted, held_out = fit_and_judge(self._encoder, self._file)
            figures = build_report(fitted, held_out).figures
            fingerprint = build_fingerprint(self._encoder.name, self._file)
            new = NewModel(fingerprint, dump_taxonomy(self._file), dump_classifier(fitted), figures.as_json())
            with self._sessions.begin() as session:
                record_model(session, self._tenant, new)
        self._publication = publication
        log.info("classifier.loaded", version=publication and publication.version)
        return fitted

    def _load(self, model: ClassifierModel) -> FittedClassifier:
        taxonomy = read_taxonomy(model.taxonomy)
        fitted = load_classifier(self._encoder, taxonomy, model.artefact)
        if fitted is None:
            log.warning("classifier.outdated", version=model.version, remedy="run `ticketflow taxonomy train`")
            return fit_classifier(self._encoder, taxonomy)
        return fitted


@dataclass(frozen=True, slots=True)
class Trained:
    """A fit that was published.

    Attributes:
        learnt: How many of people's corrections it learnt from.
        passed_over: Categories that corrections name and the taxonomy does not have, with how many there are.
    """

    version: int
    report: Report
    learnt: int
    passed_over: dict[str, int]


def train_classifier(sessions: Sessions, encoder: Encoder, taxonomy: Taxonomy, tenant: str) -> Trained:
    """Fit a taxonomy and people's corrections, and publish the result to all workers."""
    with sessions() as session:
        corrected = list_corrected_categories(session, tenant)
    examples = [
        (question_text(each.subject, join_words(each.body, split_mail(each.subject, each.body))), each.category)
        for each in corrected
    ]
    learnt = [(text, name) for text, name in examples if name in taxonomy.by_name]
    unknown = [name for _, name in examples if name not in taxonomy.by_name]
    fitted, held_out = fit_and_judge(encoder, taxonomy, learnt)
    report = build_report(fitted, held_out)
    fingerprint = build_fingerprint(encoder.name, taxonomy, learnt)
    new = NewModel(fingerprint, dump_taxonomy(taxonomy), dump_classifier(fitted), report.figures.as_json())
    with sessions.begin() as session:
        version = record_model(session, tenant, new).version
        publish_model(session, tenant, version)
    return Trained(version, report, len(learnt), {name: unknown.count(name) for name in sorted(set(unknown))})


def republish_classifier(sessions: Sessions, version: int, tenant: str) -> None:
    """Make an older version count again.

    Raises:
        NotFoundError: There is no such version.
    """
    with sessions.begin() as session:
        publish_model(session, tenant, version)


def find_published_taxonomy(sessions: Sessions, tenant: str) -> Taxonomy | None:
    """Read the taxonomy that was published last; ``None`` while the taxonomy file counts."""
    with sessions() as session:
        publication = find_publication(session, tenant)
        if publication is None:
            return None
        return read_taxonomy(get_model(session, tenant, publication.version).taxonomy)


def read_classifiers(sessions: Sessions, tenant: str) -> tuple[int | None, Sequence[ClassifierModel]]:
    """List all versions, newest first, and say which one is published."""
    with sessions() as session:
        publication = find_publication(session, tenant)
        return publication and publication.version, list_models(session, tenant)
