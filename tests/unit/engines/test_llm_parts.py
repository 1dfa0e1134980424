"""What each part of the LLM engine makes of its model's answers."""

from dataclasses import replace

import pytest

from tests.fakes import FakeKnowledge, fake_passage, fake_request, fake_tools
from tests.scripted_model import answer_well, scripted
from ticketflow.engines.llm.classifier import Option, combine
from ticketflow.engines.llm.extractor import add_facts, locate
from ticketflow.engines.llm.knowledge import merge
from ticketflow.engines.llm.reviewer import UNSAID, describe_objection
from ticketflow.engines.llm.schemas import Fact, Objection, Quote, Sorted, Written, build_sorted
from ticketflow.engines.llm.writer import build_reply, check_answer, restore_quotes
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.ports import Brief, Label, Reply
from ticketflow.workflow.state import DEFAULT_TENANT, Entity, Guess
from ticketflow.workflow.usage import collect_usage

PASSAGE = fake_passage()
QUOTE = "Open the sign-in page to reset your password."
LABEL = Label("billing", "Billing", 0.9, [Guess(category="account", confidence=0.07)], "en", "neutral", "normal")
OPTIONS = {name: Option(name, f"Team {name}") for name in ("billing", "account", "shipping")}


def brief_of(**changes):
    parts = {
        "request": fake_request(),
        "category": "account",
        "team": "Accounts",
        "language": "en",
        "sentiment": "neutral",
        "entities": [],
        "passages": [PASSAGE],
        "problems": [],
    }
    return Brief(**(parts | changes))


def written(answer=f"It is easy. {QUOTE}", quotes=((1, QUOTE),), **changes):
    given = [Quote(passage=number, quote=quote) for number, quote in quotes]
    return Written(**({"answers": True, "sureness": "high", "answer": answer, "quotes": given} | changes))


@pytest.mark.parametrize(
    ("category", "sureness", "confidence"),
    [("billing", "low", 0.9), ("account", "low", 0.2), ("account", "high", 0.6), ("shipping", "medium", 0.4)],
)
def test_the_model_chooses_and_the_embedded_engine_says_how_likely(category, sureness, confidence):
    said = Sorted(category=category, sentiment="negative", priority="high", sureness=sureness)

    label = combine(said, LABEL, OPTIONS)

    assert (label.category, label.team, label.confidence) == (category, f"Team {category}", confidence)
    assert (label.sentiment, label.priority, label.language) == ("negative", "high", "en")
    assert category not in {guess["category"] for guess in label.alternatives}


def test_only_categories_there_are_may_be_chosen():
    with pytest.raises(ValueError, match="category"):
        build_sorted(("billing", "account"))(category="root", sentiment="neutral", priority="low", sureness="low")


def test_a_fact_is_where_the_ticket_says_it():
    request = fake_request(subject="The Alpina 3", body="My Alpina 3 is broken.")

    entity = locate(Fact(type="product", text=" Alpina 3 "), request)

    assert (entity["field"], entity["start"], entity["end"], entity["value"]) == ("subject", 4, 12, "Alpina 3")


@pytest.mark.parametrize("text", ["Roadster", "lpina", "…", "**** 4242"])
def test_a_fact_the_ticket_does_not_state_is_dropped(text):
    assert locate(Fact(type="product", text=text), fake_request(body="My Alpina 3, card **** 4242 …")) is None


@pytest.mark.parametrize("text", ["shop.example/win", "Call me", "7 days, see evil.example", "+49 170 5550199"])
def test_what_a_letter_would_repeat_as_a_number_must_look_like_one(text):
    assert locate(Fact(type="order_id", text=text), fake_request(body=f"Order {text} !")) is None


def test_patterns_have_the_first_word():
    request = fake_request(subject="", body="Order 1234 and Alpina")
    found = [Entity(type="order_id", value="1234", text="1234", field="body", start=6, end=10)]

    entities = add_facts(found, [Fact(type="invoice_id", text="1234"), Fact(type="product", text="Alpina")], request)

    assert [entity["type"] for entity in entities] == ["order_id", "product"]


def test_two_searches_keep_each_article_once_as_the_surer_has_it():
    low, high = fake_passage(confidence=0.3), fake_passage(confidence=0.8, text="other window")
    second = fake_passage(article_id="b", confidence=0.5)

    assert merge([low], [second, high], 5) == [high, second]


def test_the_model_can_drop_and_reorder_passages_and_no_more():
    passages = [fake_passage(article_id=each, title=f"Reset password {each}") for each in "abc"]

    def choose(title, prompted):
        return {"helpful": [3, 1, 3]} if title == "Choice" else answer_well(title, prompted)

    tools, _ = scripted(fake_tools(knowledge=FakeKnowledge(passages)), choose)

    found = tools.knowledge.search("reset password", 5, DEFAULT_TENANT)

    assert [passage["article_id"] for passage in found] == ["c", "a"]


def test_a_passage_that_is_not_there_cannot_be_chosen():
    tools, _ = scripted(fake_tools([PASSAGE]), lambda title, prompted: {"helpful": [2]})

    with collect_usage(DEFAULT_TENANT) as usage:
        found = tools.knowledge.search("reset your password", 5, DEFAULT_TENANT)

    assert [passage["article_id"] for passage in found] == [PASSAGE["article_id"]]
    assert any("only passages 1 to 1" in (spoken.failure or "") for spoken in usage.engine_calls)


def test_a_search_that_found_little_is_made_again_in_other_words():
    asked = []

    class Noting(FakeKnowledge):
        def search(self, query, limit, tenant):
            asked.append((query, tenant))
            return super().search(query, limit, tenant)

    def script(title, prompted):
        return {"query": "reset password"} if title == "Query" else answer_well(title, prompted)

    tools, _ = scripted(fake_tools(knowledge=Noting([PASSAGE])), script)

    found = tools.knowledge.search("I am locked out", 5, "acme")

    assert asked == [("I am locked out", "acme"), ("reset password", "acme")]
    assert found


REFUSED = {
    "no words": written(answer=QUOTE[:10]),
    "no quote": written(quotes=()),
    "quote from nowhere": written(answer="Just wait a while, please.", quotes=((1, "Just wait a while"),)),
    "quote of another passage": written(quotes=((2, QUOTE),)),
    "quote not in the answer": written(answer="Go and reset it yourself."),
    "link": written(answer=f"{QUOTE} See https://evil.example/x"),
    "address": written(answer=f"{QUOTE} Write to ada@example.com"),
    "phone": written(answer=f"{QUOTE} Call +44 20 7946 0958"),
    "number": written(answer=f"{QUOTE} You get 5000 back."),
    "markup": written(answer=f"{QUOTE} <b>now</b>"),
    "instruction to staff": written(answer=f"{QUOTE} Ask the customer for their username."),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
def test_an_answer_is_held_to_what_it_cites(answer):
    with pytest.raises(BadModelOutputError):
        check_answer(answer, [PASSAGE], brief_of())


def test_the_tickets_own_link_is_not_good_enough():
    brief = brief_of(request=fake_request(body="Is https://evil.example/x yours?"))

    with pytest.raises(BadModelOutputError, match="link"):
        check_answer(written(answer=f"{QUOTE} Yes: https://evil.example/x"), [PASSAGE], brief)


def test_a_quote_is_put_back_as_the_article_has_it():
    passage = replace_text("Voici\u00a0: ouvrez la page\u2026 Puis cliquez.")
    said = written(answer="Bonjour. Voici : ouvrez la page... Merci.", quotes=((1, "Voici : ouvrez la page..."),))

    restored = restore_quotes(said, [passage])

    check_answer(restored, [passage], brief_of())
    assert restored.quotes[0].quote == "Voici\u00a0: ouvrez la page\u2026"
    assert restored.answer == "Bonjour. Voici\u00a0: ouvrez la page\u2026 Merci."


def test_a_quote_that_was_objected_to_is_not_used_again():
    brief = brief_of(problems=[{"code": "rejected", "detail": "too curt", "quote": QUOTE}])

    with pytest.raises(BadModelOutputError, match="objected"):
        check_answer(written(), [PASSAGE], brief)


def test_a_good_answer_passes_with_the_tickets_order_number_and_the_articles_link():
    passage = replace_text(f"{QUOTE} See https://shop.example/help within 30 days.")
    order = Entity(type="order_id", value="LC-204518", text="LC-204518", field="body", start=0, end=9)
    answer = written(answer=f"For LC-204518: {QUOTE} See https://shop.example/help within 30 days.")

    check_answer(answer, [passage], brief_of(entities=[order]))


def replace_text(text):
    return fake_passage(text=text)


@pytest.mark.parametrize(("sureness", "confidence"), [("high", 0.95), ("medium", 0.8), ("low", 0.5)])
def test_a_reply_stands_in_the_frame_of_a_letter_and_is_as_sure_as_its_passage(sureness, confidence):
    frame = Reply("Hello Ada,\n\nWe passed it on.\n\nKind regards,\nSupport", [], 0.0)

    reply = build_reply(written(sureness=sureness), [PASSAGE], frame)

    assert reply.text == f"Hello Ada,\n\nIt is easy. {QUOTE}\n\nKind regards,\nSupport"
    assert [citation["quote"] for citation in reply.citations] == [QUOTE]
    assert reply.confidence == confidence


def test_what_a_person_said_of_the_draft_before_is_read_by_the_next_writer():
    tools, model = scripted(fake_tools([PASSAGE]))

    tools.writer.answer(brief_of(problems=[{"code": "rejected", "detail": "mention the postage"}]))

    assert "mention the postage" in model.seen[0].user


def test_no_passage_is_no_answer_and_no_call():
    tools, model = scripted(fake_tools([PASSAGE]))

    assert tools.writer.answer(brief_of(passages=[])) is None
    assert model.seen == []


def test_an_acknowledgement_is_not_sent_to_the_model():
    tools, model = scripted(fake_tools([PASSAGE]))
    brief = brief_of()

    reply = tools.writer.acknowledge(brief)
    tools.reviewer.review(brief, reply)

    assert model.seen == []


@pytest.mark.parametrize(
    ("detail", "shown"),
    [("the postage is missing", "the postage is missing"), ("write to ada@example.com", UNSAID), ("evil.com", UNSAID)],
)
def test_a_reviewers_words_are_passed_on_unless_they_hold_data(detail, shown):
    assert describe_objection(Objection(code="incomplete", detail=detail))["detail"] == shown


def test_the_reviewer_adds_to_what_the_embedded_one_finds():
    def script(title, prompted):
        return {"addressed": 4, "problems": [{"code": "tone", "detail": "too curt"}]}

    tools, _ = scripted(fake_tools([PASSAGE]), script)
    reply = replace(
        tools.writer.acknowledge(brief_of()), citations=[{"article_id": PASSAGE["article_id"], "quote": "x"}]
    )

    opinion = tools.reviewer.review(brief_of(), reply)

    assert opinion.completeness == 0.4
    assert [problem["code"] for problem in opinion.problems] == ["tone"]
