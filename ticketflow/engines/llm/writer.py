"""The LLM ``Writer``: the model writes the middle of a letter, held to the passages it cites."""

from dataclasses import replace

from ticketflow.engines.embedded.search.quotes import is_internal
from ticketflow.engines.embedded.sentences import split_sentences
from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import or_else
from ticketflow.engines.llm.guard import find_strange_links, find_strange_numbers, find_verbatim
from ticketflow.engines.llm.prompt_files import load_prompt, passage_sections, problem_sections, ticket_section
from ticketflow.engines.llm.schemas import MAX_PASSAGES, Sureness, Written
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.ports import Brief, Reply, Writer
from ticketflow.workflow.state import Passage, cite, own_text
from ticketflow.workflow.steps.leads import find_strange_phones, may_be_called

# How likely a cited passage answers is calibrated; what the model says of itself can only lower it.
AT_MOST: dict[Sureness, float] = {"low": 0.5, "medium": 0.8, "high": 1.0}
MIN_ANSWER_CHARACTERS = 20


class LlmWriter:
    """Answers in the model's words around verbatim quotes; an acknowledgement stays a fixed phrase."""

    def __init__(self, chat: Chat, embedded: Writer) -> None:
        """Take the model, and who writes letters when it cannot."""
        self._chat = chat
        self._embedded = embedded

    def answer(self, brief: Brief) -> Reply | None:
        """Write an answer, or ``None`` when the passages do not hold one; no passage, no call."""
        if not brief.passages:
            return None
        return or_else(lambda: self._ask(brief), lambda: self._embedded.answer(brief))

    def acknowledge(self, brief: Brief) -> Reply:
        """Say that a team has the message."""
        return self._embedded.acknowledge(brief)

    def _ask(self, brief: Brief) -> Reply | None:
        passages = brief.passages[:MAX_PASSAGES]
        question = Question(
            step="draft",
            part="writer",
            prompt=load_prompt("draft.v1"),
            values={"language": brief.language},
            sections=[
                ticket_section(brief.request["subject"], own_text(brief.request)),
                *passage_sections(passages),
                *problem_sections(brief.problems),
            ],
            shape=Written,
            check=lambda written: check_answer(restore_quotes(written, passages), passages, brief),
        )
        written = restore_quotes(self._chat.ask(question), passages)
        return build_reply(written, passages, self._embedded.acknowledge(brief)) if written.answers else None


def restore_quotes(written: Written, passages: list[Passage]) -> Written:
    """Put quotes back as their passages have them, down to blanks that look alike; others stay as they are."""
    answer, quotes = written.answer, []
    for each in written.quotes:
        source = passages[each.passage - 1]["text"] if each.passage <= len(passages) else ""
        verbatim = find_verbatim(each.quote, source) or each.quote
        answer = answer.replace(each.quote, verbatim)
        quotes.append(each.model_copy(update={"quote": verbatim}))
    return written.model_copy(update={"answer": answer, "quotes": quotes})


def check_answer(written: Written, passages: list[Passage], brief: Brief) -> None:
    """Hold an answer to what it cites.

    Raises:
        BadModelOutputError: It says something no cited passage does; the message is the model's to read.
    """
    if not written.answers:
        return
    if len(written.answer.strip()) < MIN_ANSWER_CHARACTERS or not written.quotes:
        raise BadModelOutputError("answers: an answer needs some words and a quote; else say false")
    for each in written.quotes:
        if each.passage > len(passages) or each.quote not in passages[each.passage - 1]["text"]:
            raise BadModelOutputError(f"quotes: one is not in passage {each.passage} word for word")
        if each.quote not in written.answer:
            raise BadModelOutputError("quotes: one does not appear in the answer word for word")
    banned = {problem["quote"] for problem in brief.problems if "quote" in problem}
    if any(each.quote in banned for each in written.quotes):
        raise BadModelOutputError("quotes: one was objected to before")
    if any(is_internal(sentence) for sentence in split_sentences(written.answer)):
        raise BadModelOutputError("answer: one sentence instructs our staff; the customer reads this")
    _check_strangers(written, passages, brief)


def _check_strangers(written: Written, passages: list[Passage], brief: Brief) -> None:
    """Let links, addresses and numbers come from cited passages only; the ticket's own link may be a trap."""
    cited = "\n".join(cited_texts(written, passages))
    if find_strange_links(written.answer, cited):
        raise BadModelOutputError("answer: it holds a link, an address or markup that no cited passage has")
    if find_strange_phones(written.answer, cited):
        raise BadModelOutputError("answer: it holds a phone number that no cited passage has")
    ids = (entity["text"] for entity in brief.entities if entity["type"] in {"order_id", "invoice_id"})
    noted = " ".join(each for each in ids if not may_be_called(each))
    if find_strange_numbers(written.answer, f"{cited}\n{noted}"):
        raise BadModelOutputError("answer: it holds a number that no cited passage has")


def cited_texts(written: Written, passages: list[Passage]) -> list[str]:
    """List the words an answer may take its facts from."""
    cited = dict.fromkeys(each.passage for each in written.quotes)
    return [f"{passages[number - 1]['title']}\n{passages[number - 1]['text']}" for number in cited]


def build_reply(written: Written, passages: list[Passage], frame: Reply) -> Reply:
    """Put the answer between the greeting and the sign-off of a letter in the customer's language."""
    greeting, *_, goodbye = frame.text.split("\n\n")
    cited = [passages[each.passage - 1] for each in written.quotes]
    likely = max(passage["confidence"] for passage in cited)
    citations = [cite(passage, each.quote) for passage, each in zip(cited, written.quotes, strict=True)]
    text = f"{greeting}\n\n{written.answer.strip()}\n\n{goodbye}"
    return replace(frame, text=text, citations=citations, confidence=min(likely, AT_MOST[written.sureness]))
