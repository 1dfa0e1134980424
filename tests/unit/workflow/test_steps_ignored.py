"""What nobody need answer goes through the steps without a letter, and is answered when a person wants it."""

from tests.fakes import fake_request, fake_tools
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.letters import Letters, Phrases

OUT_OF_OFFICE = {"subject": "Automatic reply: password", "body": "I am out of the office. My colleague reads my mail."}
PHRASES = Phrases(
    "Hello,", "Hello {name},", "Sorry.", "Our article {title} says:", "Write again.", "It is with {team}.", "", "Bye"
)


def run(tools=None, **changes):
    return build_graph().invoke(fake_request(**changes), context=tools or fake_tools())


def test_what_no_person_wrote_gets_no_letter_and_says_why():
    state = run(**OUT_OF_OFFICE)

    assert (state["final_response"], state["draft"], state["citations"]) == (None, "", [])
    assert (state["result"]["resolution"], state["result"]["reason"]) == ("ignored", "auto_reply")
    assert (state["verdict"], state["approval"]) == ("approve", "not_needed")


def test_what_a_person_wants_answered_is():
    state = run(**OUT_OF_OFFICE, is_wanted=True)

    assert (state["result"]["resolution"], state["result"]["reason"]) == ("routed", None)


def test_what_says_the_same_again_is_a_duplicate():
    assert run(repeats="018f6f2e-0000-7000-8000-000000000002")["result"]["reason"] == "duplicate"


def test_a_letter_of_ours_that_comes_back_is_known():
    letters = Letters({"en": PHRASES})

    def judge(body):
        return run(fake_tools(letters=letters), body=body)["result"]["reason"]

    assert judge("Hello Ann,\n\nIt is with Billing.\n\nBye") == "own_message"
    assert judge("Hello Ann,\n\nOur article Password says:\n\nChoose it.\n\nWrite again.\n\nBye") == "own_message"
    assert judge("Hello,\n\nhow do I reset my password?\n\nBye") is None
    assert judge("You wrote: It is with Billing. How do I reset my password?") is None
