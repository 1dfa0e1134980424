"""Nothing that a mail brings up goes under: each of its topics is answered, or named as handed over.

The mails of ``two_topics.jsonl`` were written for this. ``article`` names the one that a topic is answered from, where
there is one; whether it is quoted depends on how sure the search is, that nothing is dropped does not.
"""

import json
from pathlib import Path

import pytest

from benchmarks.sets import read_trades
from tests.fakes import fake_request
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.cli.ticket_files import read_sample_tickets
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.search.index import PassageIndex
from ticketflow.engines.embedded.search.knowledge import EmbeddedKnowledge, build_knowledge
from ticketflow.workflow.graph import build_graph

MAILS = [
    json.loads(line) for line in Path(__file__).with_name("two_topics.jsonl").read_text(encoding="utf-8").splitlines()
]
# Half answered and half handed over, rather than handed over as a whole: so many at least.
MIN_HALVES = 0.6


@pytest.fixture(scope="module")
def bases():
    encoder, index = shared_encoder(), PassageIndex()
    articles = [(Path(str(each.external_id)).stem, each.title, each.body) for each in read_sample_articles().articles]
    for article in read_trades()[0]:
        index.replace(article)
    return {
        "shop": build_embedded_tools(build_knowledge(encoder, articles)),
        "trades": build_embedded_tools(EmbeddedKnowledge(encoder, index)),
    }


def run(tools, mail):
    state = build_graph().invoke(fake_request(subject=mail["subject"], body=mail["body"]), context=tools)
    return state["result"], state


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail["subject"])
def test_each_topic_is_answered_or_named(bases, mail):
    result, state = run(bases[mail["base"]], mail)

    if result["resolution"] == "routed":
        return  # the whole mail is with a person, and the letter says so
    cited = {each["article_id"] for each in state["citations"]}
    left = " ".join(result["handed_over"])
    dropped = [
        topic["words"] for topic in mail["topics"] if topic["article"] not in cited and topic["words"] not in left
    ]
    assert dropped == []
    assert all(each[:100] in state["final_response"] for each in result["handed_over"])
    assert not result["handed_over"] or result["completeness"] <= 0.5
    assert result["team"] == state["team"]


def test_most_get_half_an_answer_rather_than_none(bases):
    resolutions = [run(bases[mail["base"]], mail)[0]["resolution"] for mail in MAILS]

    assert resolutions.count("answered") >= MIN_HALVES * len(MAILS)


def test_the_ticket_goes_to_whoever_has_to_answer_what_is_left(bases):
    mail = {
        "subject": "Login",
        "body": "I forgot my password. How do I reset it? And do you ship pumps to Peru by sea?",
    }

    result, state = run(bases["shop"], mail)

    assert result["handed_over"] == ["And do you ship pumps to Peru by sea?"]
    team = bases["shop"].classifier.find_team(result["handed_over"][0])
    assert (state["category"], state["team"], result["team"]) == ("account_access", team, team)
    assert team != "Accounts"
    assert f"our {team} team has it" in state["final_response"]


def test_what_leads_to_a_question_is_no_topic_of_its_own(bases):
    mail = {
        "subject": "Password",
        "body": "I bought a pump last week. Now I want to sign in and forgot my password. How do I reset it?",
    }

    result, _ = run(bases["shop"], mail)

    assert (result["resolution"], result["handed_over"]) == ("answered", [])


def test_the_first_start_shows_one_ignored_one_half_answered_and_one_with_a_person_at_once(bases):
    shown = {}
    for each in read_sample_tickets():
        changes = {"headers": {"auto-submitted": "auto-replied"}} if "metadata" in each.content else {}
        request = fake_request(subject=each.content["subject"], body=each.content["body"], **changes)
        state = build_graph().invoke(request, context=bases["shop"])
        shown[each.content["subject"]] = state["result"], state

    out_of_office, _ = shown["Automatic reply: Your order LC-204377 is on its way"]
    half, _ = shown["new password, and a wheel"]
    urgent, hurt = shown["Brake lever failed, I am hurt"]
    assert (out_of_office["resolution"], out_of_office["reason"]) == ("ignored", "auto_reply")
    assert half["resolution"] == "answered"
    assert half["team"] != "Accounts"
    assert "would your workshop true a wheel" in half["handed_over"][0]
    assert (urgent["resolution"], urgent["reason"], hurt["priority"]) == ("routed", "danger", "urgent")
