"""Which sentences may be quoted, and how a reply is put together."""

import numpy as np
import pytest

from tests.fakes import fake_citation, fake_passage, fake_request, words
from ticketflow.engines.embedded.asking import asked_sentences, asking_units
from ticketflow.engines.embedded.confidence import estimate_confidence
from ticketflow.engines.embedded.phrases import PHRASES, phrases_for
from ticketflow.engines.embedded.quotes import best_run, choose_quotes, is_procedure, is_quotable, join_quotes
from ticketflow.engines.embedded.reviewer import EmbeddedReviewer
from ticketflow.engines.embedded.writer import EmbeddedWriter, greeting_name
from ticketflow.workflow.ports import Brief, Reply

QUESTION = "How do I reset my password?"


class WordEncoder:
    """Puts each word on an axis of its own: cosine is word overlap."""

    name = "words"

    def __init__(self):
        self._axes = {}

    def encode(self, texts):
        rows = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text):
                row[self._axes.setdefault(word, len(self._axes))] = 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def english_writer():
    return EmbeddedWriter(WordEncoder(), guess=lambda text: "en")


def brief_of(passages, language="en", problems=(), **changes):
    parts = {"category": "account", "team": "Accounts", "sentiment": "neutral", "entities": []} | changes
    return Brief(
        request=fake_request(subject="", body=QUESTION),
        language=language,
        passages=passages,
        problems=list(problems),
        **parts,
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Ask the customer for their full name.",
        "Then click the [Offer Refund] button to finish.",
        "Tell them that the refund is on its way.",
        "What is your return policy here?",
        "Follow these four steps here:",
        "Too short.",
    ],
)
def test_headings_fragments_and_staff_talk_are_not_quoted(sentence):
    assert not is_quotable(sentence)


@pytest.mark.parametrize(
    "sentence", ["You can return any article within 30 days.", "Our customer service is open from nine to six."]
)
def test_plain_statements_are_quoted(sentence):
    assert is_quotable(sentence)


def test_a_procedure_for_staff_is_not_quoted_at_all():
    text = (
        "Ask the customer to reset the password. Then reset the password in the system. Tell the customer it is done."
    )

    assert is_procedure(text)
    assert english_writer().answer(brief_of([fake_passage(text=text)])) is None


def test_quotes_keep_the_order_of_the_article():
    text = "We sell many fine shoes. Open the page to reset your password. Then reset the password there."

    quotes = choose_quotes(WordEncoder(), [QUESTION], fake_passage(text=text), ())

    assert quotes == ["Open the page to reset your password.", "Then reset the password there."]


def test_sentences_with_personal_data_are_left_out_while_others_remain():
    text = "To reset your password write to jo@corp.example today. To reset your password use the reset page."

    quotes = choose_quotes(WordEncoder(), [QUESTION], fake_passage(text=text), ())

    assert quotes == ["To reset your password use the reset page."]


def test_the_best_run_has_no_gap():
    assert best_run([0.9, -0.8, 0.8, 0.7], [True, True, True, True]) == (2, 4)
    assert best_run([0.9, 0.5, 0.8, 0.7], [True, False, True, True]) == (2, 4)
    assert best_run([0.9, 0.5, 0.2, 0.7], [True, False, True, False]) == (0, 1)


def test_full_sentences_make_a_paragraph_and_list_lines_stay_lines():
    assert join_quotes(["One is here.", "Two is here."]) == "One is here. Two is here."
    assert join_quotes(["- Open it", "- Close it"]) == "- Open it\n- Close it"


@pytest.mark.parametrize("name", ["Ada", "Zoë O’Neil-Smith", "J. R. Müller", "José da Silva", "李 小龙"])
def test_a_name_is_greeted(name):
    assert greeting_name(name) == name


@pytest.mark.parametrize("name", [None, "", "http://evil.example", "a@b.example", "x" * 61, "12345", "<b>Ada</b>"])
def test_what_is_no_name_is_not_greeted(name):
    assert greeting_name(name) is None


def test_an_unlikely_passage_is_not_quoted():
    assert english_writer().answer(brief_of([fake_passage(confidence=0.5)])) is None


def test_a_quote_in_another_language_is_no_answer():
    assert english_writer().answer(brief_of([fake_passage()], language="de")) is None


def test_the_next_passage_answers_when_review_banned_the_first():
    first = fake_passage(text="Reset your password on the first page.")
    second = fake_passage(article_id="b", text="Reset your password on the second page.")
    problems = [{"code": "ungrounded", "detail": "wrong", "quote": first["text"]}]

    reply = english_writer().answer(brief_of([first, second], problems=problems))

    assert reply.citations == [fake_citation(second, second["text"])]


def test_the_second_best_article_does_not_stand_in():
    first = fake_passage(text="We sell fine shoes for everybody.")
    second = fake_passage(article_id="b", text="Reset your password on the second page.")

    assert english_writer().answer(brief_of([first, second])) is None


def test_an_upset_customer_hears_sorry_and_ids_are_noted():
    entities = [{"type": "order_id", "value": "4711", "text": "4711", "field": "body", "start": 0, "end": 4}] * 2

    reply = english_writer().acknowledge(brief_of([], sentiment="negative", entities=entities))

    assert "I am sorry for the trouble" in reply.text
    assert reply.text.count("4711") == 1


@pytest.mark.parametrize("language", PHRASES)
def test_an_acknowledgement_names_the_team_in_every_language(language):
    reply = english_writer().acknowledge(brief_of([], language=language))

    assert "Accounts" in reply.text
    assert "{" not in reply.text


def test_english_where_we_lack_the_language():
    assert phrases_for("fi") is PHRASES["en"]


def test_confidence_grows_with_similarity():
    levels = [estimate_confidence(similarity / 10) for similarity in range(-10, 11)]

    assert levels == sorted(levels)
    assert 0 <= levels[0] < 0.01
    assert 0.99 < levels[-1] <= 1


def test_questions_are_what_must_be_addressed():
    assert asked_sentences("I moved last week. Where is my parcel now?") == ["Where is my parcel now?"]
    assert asked_sentences("I moved last week. Send it there please.") == [
        "I moved last week.",
        "Send it there please.",
    ]


def test_a_long_ticket_is_searched_by_its_questions_too():
    text = "Parcel late\nI moved last week. Where is my parcel now?"

    assert asking_units(text) == [text, "Parcel late\nWhere is my parcel now?", "Parcel late"]


def test_a_short_ticket_is_searched_as_it_is():
    assert asking_units("Where is my parcel?") == ["Where is my parcel?"]


def test_quotes_beside_the_point_are_named():
    reply = Reply("Hello. We sell fine shoes.", [fake_citation(fake_passage(), "We sell fine shoes.")], 0.9)

    opinion = EmbeddedReviewer(WordEncoder()).review(brief_of([]), reply)

    assert opinion.completeness == 0
    assert [problem["quote"] for problem in opinion.problems] == ["We sell fine shoes."]


def test_an_acknowledgement_addresses_nothing_and_needs_no_change():
    opinion = EmbeddedReviewer(WordEncoder()).review(brief_of([]), Reply("We passed it on.", [], 0.0))

    assert (opinion.completeness, opinion.problems) == (0, [])
