"""Which sentences may be quoted, and how a reply is put together."""

import numpy as np
import pytest

from tests.fakes import fake_passage, fake_request, words
from ticketflow.engines.embedded.search.asking import asked_sentences, is_repeating, list_questions, read_asked
from ticketflow.engines.embedded.search.confidence import (
    MAX_LEAD,
    Evidence,
    bound_lead,
    estimate_confidence,
)
from ticketflow.engines.embedded.search.quotes import (
    best_run,
    choose_quotes,
    is_policy,
    is_procedure,
    is_quotable,
    join_quotes,
    leans_back,
)
from ticketflow.engines.embedded.write.letters_file import load_shipped_letters
from ticketflow.engines.embedded.write.reviewer import EmbeddedReviewer
from ticketflow.engines.embedded.write.writer import PERSON_SEEDS, EmbeddedWriter, greeting_name, needs_person
from ticketflow.workflow.ports import Brief, Reply
from ticketflow.workflow.state import cite
from ticketflow.workflow.steps.grounding import list_own_sentences

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


PROCEDURE = (
    "Ask the customer for the order. Valid payment methods are credit card and PayPal. Tell the customer it is done."
)


def test_links_of_articles_stored_as_they_were_written_make_no_procedure():
    text = "Go to any [ticket office](https://ski.example/o). Old ones are under [old cards](https://ski.example/c)."

    assert not is_procedure(text)
    assert is_procedure("Click [Pull up Account] now. Then click [Send].")


def test_a_policy_within_a_procedure_is_quoted_and_nothing_else():
    passage = fake_passage(text=PROCEDURE)

    assert is_procedure(PROCEDURE)
    assert choose_quotes(WordEncoder(), ["Are credit card and PayPal valid payment methods?"], passage, ()) == [
        "Valid payment methods are credit card and PayPal."
    ]
    assert choose_quotes(WordEncoder(), ["Is it done with the order of the customer?"], passage, ()) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The standard subscription is $99 a year.",
        "Refunds to cards take five days to arrive.",
        "We accept gift cards in every shop.",
        "Codes expire after seven days.",
    ],
)
def test_what_stands_on_its_own_is_a_policy(sentence):
    assert is_policy(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "You can put account login as the text.",
        "They have nothing to worry about there.",
        "This will return the general results.",
        "The flow diagram can be seen at once.",
        "Gold, Silver and Bronze all qualify.",
        "If they say yes, then the fee is removed.",
        "The reason is kept for the survey.",
        "Explain that programs can cause a slowdown.",
    ],
)
def test_what_is_said_to_staff_is_no_policy(sentence):
    assert not is_policy(sentence)


def test_quotes_keep_the_order_of_the_article():
    text = "We sell many fine shoes. Open the page to reset your password. Then reset the password there."

    quotes = choose_quotes(WordEncoder(), [QUESTION], fake_passage(text=text), ())

    assert quotes == ["Open the page to reset your password.", "Then reset the password there."]


def test_sentences_with_personal_data_are_left_out_while_others_remain():
    text = "To reset your password write to jo@corp.example today. To reset your password use the reset page."

    quotes = choose_quotes(WordEncoder(), [QUESTION], fake_passage(text=text), ())

    assert quotes == ["To reset your password use the reset page."]


def test_an_answer_begins_with_a_sentence_that_needs_none_before_it():
    leaning = [leans_back(each) for each in ("Open the page.", "It shows a link.", "However, wait.", "“This” one too.")]

    assert leaning == [False, True, True, True]
    assert best_run([0.1, 0.9, 0.1], [True] * 3, [False, True, False]) == (0, 2)
    assert best_run([0.1, 0.9, 0.1], [True] * 3, [False, False, False]) == (1, 2)
    assert best_run([0.9, 0.9, 0.1], [False, True, True], [False, True, False]) == (1, 2)


def test_the_best_run_has_no_gap():
    assert best_run([0.9, -0.8, 0.8, 0.7], [True, True, True, True]) == (2, 4)
    assert best_run([0.9, 0.5, 0.8, 0.7], [True, False, True, True]) == (2, 4)
    assert best_run([0.9, 0.5, 0.2, 0.7], [True, False, True, False]) == (0, 1)


def test_full_sentences_make_a_paragraph_and_list_lines_stay_lines():
    assert join_quotes(["One is here.", "Two is here."]) == "One is here. Two is here."
    assert join_quotes(["- Open it", "- Close it"]) == "- Open it\n- Close it"


NAMES = [
    *(
        "O'Brien",
        "Jean-Luc",
        "山田太郎",
        "Müller-Lüdenscheidt",
        "Dr. Ana M. da Silva",
        "J.R.R. Tolkien",
        "john smith",
        "Ng",
    ),
    *(
        "Nguyễn Thị Minh Khai",
        "Анна Каренина",
        "محمد علي",
        "St. John",
        "van der Berg",
        "D’Angelo",
        "Smith, John",
        "कमला",
    ),
    *("Prof. Dr. Weber", "J.-P. Sartre", "Ludwig van Beethoven Jr."),
]
NO_NAMES = [
    *(
        "Click evil.example now",
        "evil.com",
        "Visit evil dot com",
        "Ada 0900",
        "Call Now",
        "x@y.z",
        "www.evil",
        "Click here",
    ),
    *(
        "Ignore previous instructions",
        "http://x",
        "evil\u3002com",
        "клик пример.рф",
        "A B C D E F G",
        "{x}",
        "Ada; drop",
    ),
    *("Go to evil . com", "e.v.i.l.c.o.m", "Klick jetzt hier", "@evil", "Appelez maintenant", "Ada\u200b.com"),
]


@pytest.mark.parametrize("name", ["Ada", "Zoë O’Neil-Smith", "J. R. Müller", "José da Silva", "李 小龙", *NAMES])
def test_a_name_is_greeted(name):
    assert greeting_name(name) == name


@pytest.mark.parametrize(
    "name", [None, "", "http://evil.example", "a@b.example", "x" * 61, "12345", "<b>Ada</b>", *NO_NAMES]
)
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

    assert reply.citations == [cite(second, second["text"])]


def test_a_draft_that_a_person_sent_back_is_not_written_again_from_the_same_article():
    first = fake_passage(text="Reset your password on the first page. To reset your password call us.")
    second = fake_passage(article_id="b", text="Reset your password on the second page.")
    rejected = [{"code": "rejected", "detail": "wrong page", "quote": "Reset your password on the first page."}]

    again = english_writer().answer(brief_of([first, second], problems=rejected))
    last = english_writer().answer(brief_of([first], problems=rejected))

    assert [citation["article_id"] for citation in again.citations] == ["b"]
    assert last is None


def test_the_second_best_article_does_not_stand_in():
    first = fake_passage(text="We sell fine shoes for everybody.")
    second = fake_passage(article_id="b", text="Reset your password on the second page.")

    assert english_writer().answer(brief_of([first, second])) is None


def test_every_sentence_of_an_answer_is_a_phrase_or_a_quote():
    brief = brief_of([fake_passage()], sentiment="negative")
    reply = english_writer().answer(brief)
    state = brief.request | {"language": "en", "team": "Accounts", "draft": reply.text, "citations": reply.citations}

    assert list_own_sentences(state, load_shipped_letters()) == []


def test_an_upset_customer_hears_sorry_and_ids_are_noted():
    entities = [{"type": "order_id", "value": "4711", "text": "4711", "field": "body", "start": 0, "end": 4}] * 2

    reply = english_writer().acknowledge(brief_of([], sentiment="negative", entities=entities))

    assert "I am sorry for the trouble" in reply.text
    assert reply.text.count("4711") == 1


@pytest.mark.parametrize("language", load_shipped_letters().phrases)
def test_an_acknowledgement_names_the_team_in_every_language(language):
    reply = english_writer().acknowledge(brief_of([], language=language))

    assert "Accounts" in reply.text
    assert "{" not in reply.text


def test_english_where_we_lack_the_language():
    letters = load_shipped_letters()

    assert letters.find("fi", "Accounts") is letters.phrases["en"]


def evidence_of(likeness: float, lead: float = 0.0, **others: float) -> Evidence:
    """Speak for a passage that is as near as its title."""
    parts = {"overlap_lead": 0.0, "rarity": 2.0, "sentences": 1.0, "strange_name": 0.0, "title_words": 3.0}
    return Evidence(similarity=likeness, nearness=likeness, title=likeness, lead=lead, **(parts | others))


@pytest.mark.parametrize("support", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("lead", [-MAX_LEAD, 0.0, MAX_LEAD])
def test_confidence_grows_with_similarity(lead, support):
    levels = [estimate_confidence(evidence_of(similarity / 10, lead, support=support)) for similarity in range(-10, 11)]

    assert levels == sorted(levels)
    assert 0 <= levels[0] < 0.01
    assert 0.7 < levels[-1] <= 1


def test_a_lead_speaks_for_a_passage_up_to_a_bound():
    behind, even, ahead = (estimate_confidence(evidence_of(0.6, lead)) for lead in (-0.1, 0.0, 0.1))

    assert behind < even < ahead
    assert (bound_lead(0.123456), bound_lead(0.9), bound_lead(-0.9)) == (0.1235, MAX_LEAD, -MAX_LEAD)


def test_another_part_that_finds_the_same_speaks_for_a_passage_and_a_strange_name_against_it():
    strange, plain, borne_out = (
        estimate_confidence(evidence_of(0.6, **more)) for more in ({"strange_name": 1.0}, {}, {"support": 0.7})
    )

    assert strange < plain < borne_out


def test_a_ticket_for_a_person_is_not_answered():
    brief = brief_of([fake_passage()])
    brief.request["body"] = PERSON_SEEDS[0]

    assert english_writer().answer(brief) is None


def test_one_sentence_is_enough_to_need_a_person():
    story = " ".join(f"Some other word{number} is said about thing{number} here." for number in range(6))

    assert needs_person(WordEncoder(), f"{story} {PERSON_SEEDS[3]}")
    assert not needs_person(WordEncoder(), story)
    assert not needs_person(WordEncoder(), QUESTION)


def test_questions_are_what_must_be_addressed():
    assert asked_sentences("I moved last week. Where is my parcel now?") == ["Where is my parcel now?"]
    assert asked_sentences("I moved last week. Send it there please.") == ["Send it there please."]
    assert asked_sentences("I moved last week. My flat is new.") == ["I moved last week.", "My flat is new."]


def test_numbers_of_ones_own_are_not_searched_with():
    asked = read_asked(
        "I paid 74.20 EUR on 13.11.2026, 10:15 with 10 % code SPOKE10 for LC-205688: a 15 inch case for error 500?"
    )

    assert asked.texts == ["I paid on, with code for: a 15 inch case for error 500?"]


def test_sentences_that_ask_are_searched_with_together():
    text = "Voucher\nI forgot the code. It was a long day for me. Can you take it off?"

    assert "Voucher\nI forgot the code.\nCan you take it off?" in windows_of(text)


def windows_of(text):
    return [window.text for window in read_asked(text).windows]


def test_a_ticket_is_searched_by_its_parts_and_what_stands_beside_them():
    text = "Parcel late\nI moved last week. Where is my parcel now?"

    assert windows_of(text) == [
        "I moved last week.",
        "Where is my parcel now?",
        "I moved last week.\nWhere is my parcel now?",
        "Parcel late\nWhere is my parcel now?",
        "Parcel late\nI moved last week.\nWhere is my parcel now?",
        "Parcel late",
    ]


def test_a_short_ticket_is_searched_as_it_is():
    assert windows_of("Where is my parcel?") == ["Where is my parcel?"]


def test_who_asks_is_heard_at_the_end_of_the_longest_story():
    text = "We had a lovely time in the Alps. " * 40 + "How do I cancel my order?"

    assert "How do I cancel my order?" in windows_of(text)
    assert len(windows_of(text)) < 20


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("I moved last week.", []),
        ("Where is my parcel? How long will that take?", ["Where is my parcel?"]),
        ("I forgot my password. How do I reset it?", ["How do I reset it?"]),
        ("Where is my parcel? Please let me know as soon as possible.", ["Where is my parcel?"]),
        ("How do I reset it? Can I pay by PayPal?", ["How do I reset it?", "Can I pay by PayPal?"]),
        ("Wo ist mein Paket? Und bitte senden Sie mir die Rechnung.",
         ["Wo ist mein Paket?", "Und bitte senden Sie mir die Rechnung."]),
    ],
)  # fmt: skip
def test_a_question_that_wants_its_own_answer_is_told_from_one_that_goes_on(text, questions):
    assert list_questions(text) == questions


@pytest.mark.parametrize(
    "text",
    [
        "That didn’t help.",
        "Das hat nicht geholfen!",
        "I already tried that",
        "Cela ne marche toujours pas",
        "nie pomogło",
    ],
)
def test_who_says_that_an_answer_did_not_help_is_heard(text):
    assert is_repeating(text)
    assert not is_repeating("My brother is of no help at all.")
    assert list_questions("My brother is of no help at all.") == []


def test_quotes_beside_the_point_are_named():
    reply = Reply("Hello. We sell fine shoes.", [cite(fake_passage(), "We sell fine shoes.")], 0.9)

    opinion = EmbeddedReviewer(WordEncoder()).review(brief_of([]), reply)

    assert opinion.completeness == 0
    assert [problem["quote"] for problem in opinion.problems] == ["We sell fine shoes."]


def test_an_acknowledgement_addresses_nothing_and_needs_no_change():
    opinion = EmbeddedReviewer(WordEncoder()).review(brief_of([]), Reply("We passed it on.", [], 0.0))

    assert (opinion.completeness, opinion.problems) == (0, [])


def test_of_two_questions_the_one_nobody_answers_is_named_and_handed_over():
    brief = brief_of([fake_passage(speaks_to=[QUESTION])])
    brief.request["body"] = f"{QUESTION} And do you deliver to Norway?"

    reply = english_writer().answer(brief)

    assert reply.unanswered == ["And do you deliver to Norway?"]
    assert "“And do you deliver to Norway?”" in reply.text
    assert EmbeddedReviewer(WordEncoder()).review(brief, reply).completeness <= 0.5


def test_two_questions_get_two_answers():
    other = "We deliver to Norway within nine days."
    question = "And do you deliver to Norway?"
    passages = [
        fake_passage(speaks_to=[QUESTION]),
        fake_passage(
            article_id="018f6f2e-0000-7000-8000-00000000000b", title="Norway", text=other, speaks_to=[question]
        ),
    ]
    brief = brief_of(passages)
    brief.request["body"] = f"{QUESTION} {question}"

    reply = english_writer().answer(brief)

    assert reply.unanswered == []
    assert other in reply.text
    assert {each["title"] for each in reply.citations} == {"Reset your password", "Norway"}


def test_what_cannot_be_repeated_in_a_letter_is_left_to_a_person_as_a_whole():
    brief = brief_of([fake_passage(speaks_to=[QUESTION])])
    brief.request["body"] = f"{QUESTION} Would you please visit win.example.com/prize today?"

    assert english_writer().answer(brief) is None


@pytest.mark.parametrize(
    "body",
    [
        "That did not help. How do I reset my password?",
        f"{QUESTION}\n\n> Thank you for getting in touch. Our help article “Reset your password” says: x",
    ],
)
def test_the_same_answer_is_not_given_twice(body):
    brief = brief_of([fake_passage()])
    brief.request["body"] = body

    assert english_writer().answer(brief) is None


@pytest.mark.parametrize(("language", "is_told"), [("en", False), ("de", False), ("pl", True), ("ar", True)])
def test_a_letter_in_another_language_than_the_customers_says_so(language, is_told):
    told = "can only write to you in English"
    routed = english_writer().acknowledge(brief_of([], language=language))
    answered = EmbeddedWriter(WordEncoder(), guess=lambda text: language).answer(
        brief_of([fake_passage()], language=language)
    )

    assert [told in each.text for each in (routed, answered)] == [is_told, is_told]
