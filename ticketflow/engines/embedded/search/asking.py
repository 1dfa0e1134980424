"""What a ticket asks, taken apart: long tickets bury their question in the story around it."""

from ticketflow.engines.embedded.sentences import split_sentences

QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")
MAX_QUESTIONS = 4
MIN_SUBJECT_WORDS = 2
MIN_WORDS = 3
MAX_SENTENCES = 8


def asking_units(text: str) -> list[str]:
    """Return the texts to search with: the whole, the subject, and the subject before each question.

    Args:
        text: From ``question_text``; a subject, where there is one, is the first line.

    Returns:
        The whole text first; only that for a ticket of one sentence.
    """
    subject, _, body = text.rpartition("\n")
    questions = [each for each in split_sentences(body) if each.endswith(QUESTION_MARKS)][:MAX_QUESTIONS]
    units = [text, *(f"{subject}\n{question}".strip() for question in questions)]
    if len(subject.split()) >= MIN_SUBJECT_WORDS:
        units.append(subject)
    return list(dict.fromkeys(units))


def list_sentences(text: str) -> list[str]:
    """List the first sentences that are long enough to say something."""
    return [each for each in split_sentences(text) if len(each.split()) >= MIN_WORDS][:MAX_SENTENCES]


def asked_sentences(text: str) -> list[str]:
    """List what has to be addressed: the questions, or every sentence when none is one."""
    sentences = [each for each in split_sentences(text) if len(each.split()) >= MIN_WORDS]
    questions = [each for each in sentences if each.endswith(QUESTION_MARKS)]
    return (questions or sentences)[:MAX_SENTENCES]
