"""The embedded ``Reviewer``: how much of what was asked do the quotes speak to?"""

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.search.asking import asked_sentences, list_contexts
from ticketflow.workflow.ports import Brief, Opinion, Reply
from ticketflow.workflow.state import Problem, question_of
from ticketflow.workflow.usage import EngineCall, record_engine_call

# Cosine of unrelated and of clearly related sentences; between them a straight line. StackFAQ dev:
# of sentences of another article 95 % lie below 0.31; of the right passage's best sentences half
# lie above 0.59.
UNRELATED = 0.3
RELATED = 0.6
# Below this nothing quoted has to do with any sentence of the ticket.
OFF_TOPIC = 0.05
HAS_NOTHING_TO_DO = "a quoted sentence has nothing to do with the ticket"


class EmbeddedReviewer:
    """Judges completeness by sentence similarity; objects only when nothing quoted is to the point."""

    def __init__(self, encoder: Encoder) -> None:
        """Take the encoder."""
        self._encoder = encoder

    def review(self, brief: Brief, reply: Reply) -> Opinion:
        """Judge a reply; an acknowledgement answers nothing yet and has nothing to mend."""
        record_engine_call(EngineCall(engine="embedded/reviewer", model=self._encoder.name))
        quotes = [citation["quote"] for citation in reply.citations]
        if not quotes:
            return Opinion(completeness=0.0, problems=[])
        text = question_of(brief.request)
        wanted = asked_sentences(text)
        left = "\n".join(reply.unanswered)
        answered = [each for each in wanted if each not in left]
        titles = dict.fromkeys(citation["title"] for citation in reply.citations)
        said = self._encoder.encode([*quotes, " ".join(quotes), *titles]).T
        # "How long will it take?" is about what the sentence before says.
        asked = answered or [text]
        alone, joined = (self._encoder.encode(each) @ said for each in (asked, list_contexts(text, asked)))
        related = np.round(np.maximum(alone, joined), 4)
        if related[:, : len(quotes) + 1].max() < OFF_TOPIC:
            problems = [Problem(code="incomplete", detail=HAS_NOTHING_TO_DO, quote=quote) for quote in quotes]
            return Opinion(completeness=0.0, problems=problems)
        addressed = np.clip((related.max(axis=1) - UNRELATED) / (RELATED - UNRELATED), 0.0, 1.0)
        share = 1.0 - len(reply.unanswered) / max(len(answered) + len(reply.unanswered), len(reply.unanswered) + 1)
        return Opinion(completeness=round(float(addressed.mean()) * share, 4), problems=[])
