"""Everything that looks at strangers' text takes linear time, whatever the text is made of."""

from datetime import UTC, datetime

import pytest

from tests.hostile.shapes import IS_FULL, LIMIT_S, MEGABYTE, SHAPES, SIZE, find_overrun, find_slow
from ticketflow.engines.embedded.classify.alarms import find_alarm, load_alarms
from ticketflow.engines.embedded.classify.features import hash_grams
from ticketflow.engines.embedded.classify.sentiment import _ANGER, _PRAISE_NEAR
from ticketflow.engines.embedded.facts.error_codes import find_error_codes
from ticketflow.engines.embedded.facts.extractor import MAX_CHARACTERS, find_facts
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.search.asking import is_asking, is_leaning, is_repeating, list_questions, read_asked
from ticketflow.engines.embedded.search.passages import find_starts, split_passages
from ticketflow.engines.embedded.search.quotes import leans_back
from ticketflow.engines.embedded.search.words import find_content_words
from ticketflow.engines.embedded.sentences import find_sentences
from ticketflow.mail.decoding import decode_body, decode_line
from ticketflow.mail.message import is_mail, read_mail
from ticketflow.mail.parts import split_mail
from ticketflow.masking import mask_text
from ticketflow.services.articles import MAX_BODY_CHARACTERS
from ticketflow.workflow.state import question_text
from ticketflow.workflow.steps.leads import find_strange_phones
from ticketflow.workflow.steps.personal_data import find_emails, find_links, find_phones
from ticketflow.workflow.steps.wording import find_tone_faults

NOW = datetime(2026, 11, 29, tzinfo=UTC)
READERS = {
    "sentences": find_sentences,
    "words": find_content_words,
    "question": lambda text: question_text(text, text),
    "unpacking": decode_body,
    "unpacked lines": decode_line,
    "mail files": lambda text: read_mail(text.encode(errors="replace")) if is_mail(text) else None,
    "parts": lambda text: split_mail("Re: it", text, "Ann Lee"),
    "language": guess_language,
    "grams": hash_grams,
    "questions": lambda text: list_questions(question_text("Hello there", text)),
    "units": lambda text: read_asked(question_text("Hello there", text)),
    "leaning": leans_back,
    "errors": find_error_codes,
    "payment numbers": mask_text,
    "addresses": find_emails,
    "strange phones": lambda text: find_strange_phones(text, ""),
    "phones": find_phones,
    "links": find_links,
    "tone": lambda text: find_tone_faults([text]),
    "mood": lambda text: [each.search(text.lower()) for each in (_ANGER, _PRAISE_NEAR)],
    "alarms": lambda text: [find_alarm(kind, text.lower(), "en") for kind in load_alarms("en")[0].kinds],
    "asking": lambda text: [is_asking(text), is_leaning(text), is_repeating(text)],
}


@pytest.mark.parametrize("reader", READERS)
def test_reading_any_shape_takes_linear_time(reader):
    assert find_slow(READERS[reader], list(SHAPES)[:: 1 if IS_FULL else 4]) == {}


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl"])
def test_finding_facts_in_what_a_step_reads_takes_less_than_a_second(language):
    shapes = list(SHAPES)[:: 1 if IS_FULL else 10]

    assert find_slow(lambda text: find_facts(text, language, NOW), shapes, MAX_CHARACTERS, LIMIT_S) == {}


def test_cutting_the_longest_article_takes_less_than_a_second():
    def cut(text: str) -> object:
        return find_starts(text, split_passages("Title", text))

    assert find_slow(cut, list(SHAPES)[:: 1 if IS_FULL else 4], MAX_BODY_CHARACTERS, LIMIT_S) == {}


def test_sentences_of_a_megabyte_are_found_in_a_second():
    assert find_slow(find_sentences, ["dots", "exclamations", "questions and exclamations", "newlines"], MEGABYTE) == {}


@pytest.mark.parametrize(
    "unit",
    [
        "6 ",
        "6-6 ",
        "6.6 6-",
        "6:66 ",
        f"{'6' * 60} ",
        "6\n> ",
        "\uff16 ",
        "DE89",
        "D\u041589 ",
        "RU12",
        "4" * 16,
        "DE89370400440532013000 ",
    ],
)
def test_what_nearly_is_a_number_without_end_is_masked_in_linear_time(unit):
    assert not find_overrun(mask_text, lambda size: (unit * size)[:size], SIZE, LIMIT_S * SIZE / MEGABYTE)
