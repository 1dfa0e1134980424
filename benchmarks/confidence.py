"""Fit what confidence.py weighs: run `python -m benchmarks.confidence DATA_DIR`, copy what it prints.

Fitted on StackFAQ, on tickets of four trades and on the shop's, each bare and wrapped in mails
(`benchmarks/data/wrappers.yaml`), with random halves of the articles removed. The figures come from questions and
wrappers held out: fitted on half of the articles' questions, measured on the others in the wrappers of `eval --wrap`.

One part of the evidence, `support`, is measured with the weights in force: copy, and run it once more.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets import build_index, halve_articles, read_bases
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.search.asking import read_asked
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.write.writer import needs_person
from ticketflow.evaluation.wrapping import BARE, TWO_QUESTIONS, Mail, Texts, draw_others, read_wrappers, wrap_mails
from ticketflow.mail.parts import join_words, split_mail
from ticketflow.workflow.state import question_text

DRAWS = 3
SPLITS = 4
THRESHOLDS = (0.85, 0.88, 0.9, 0.92, 0.94)
# Of a base with more questions every second, third … is taken: ten ask the same of an article of StackFAQ.
MAX_QUESTIONS = 260
FITTED_WRAPPERS = Path(__file__).parent / "data" / "wrappers.yaml"
FITTED_FORMS = (BARE, "generic subject", "story")
MEASURED_FORMS = (BARE, "generic subject", "story", "200 words", TWO_QUESTIONS)
SHARES = {"StackFAQ": 1.0, "trades": 1.0, "shop": 0.5}
# Chosen among 0.05 to 2 by what is held out. Features are scaled by how much they vary, so one number does.
RIDGE = 1.0
ROUNDS = 40
# The best part of each ticket decides, and which that is depends on the fit: it settles in a few rounds.
SETTLING = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket put to a base: what speaks for the best article of each of its parts, and whether that is right."""

    base: str
    form: str
    golds: frozenset[str]
    place: int
    features: Floats
    found: tuple[str, ...]
    right: NDArray[np.bool_]
    is_answerable: bool


def main(folder: Path) -> None:
    """Print the constants, then what they are worth."""
    fitted, measured = [], []
    for name, articles, everything in read_bases(folder):
        questions = everything[:: -(-len(everything) // MAX_QUESTIONS)]
        fitted += list_examples(name, articles, questions, FITTED_FORMS, read_wrappers(FITTED_WRAPPERS))
        measured += list_examples(name, articles, questions, MEASURED_FORMS, read_wrappers())
    offset, *weights = fit(fitted)
    say(f"OFFSET = {offset:.2f}\nWEIGHTS = ({', '.join(f'{each:.1f}' for each in weights)})")
    measure_held_out(fitted, measured)


def measure_held_out(fitted: Sequence[Example], measured: Sequence[Example]) -> None:
    """Print what thresholds cost and save on questions and wrappers that nothing was fitted on."""
    counts: dict[tuple[str, str, float], list[int]] = {}
    for seed in range(SPLITS):
        chance = np.random.default_rng(seed)
        golds = sorted({gold for each in fitted for gold in each.golds})
        known = set(chance.permutation(golds)[: len(golds) // 2].tolist())
        weights = fit([each for each in fitted if is_known(each, known)])
        for example in measured:
            if not any(gold in known for gold in example.golds) and (example.golds or not is_known(example, known)):
                count(example, weights, counts)
    for (base, form, threshold), (said, right, able, covered, unable, wrong) in sorted(counts.items()):
        say(
            f"{base}, {form} from {threshold}: precision {right / max(said, 1):.3f}, answered {covered / able:.3f}, "
            f"without an article {wrong / max(unable, 1):.3f}"
        )


def is_known(example: Example, known: set[str]) -> bool:
    """Tell whether an example is for fitting: by its article, or by its place where none answers it."""
    return bool(example.golds & known) if example.golds else example.place % 2 == 0


def count(example: Example, weights: Floats, counts: dict[tuple[str, str, float], list[int]]) -> None:
    """Count one ticket at each threshold: said, said rightly, answerable, rightly answered, not, said nevertheless."""
    likely = 1 / (1 + np.exp(-(weights[0] + example.features @ weights[1:])))
    for threshold in THRESHOLDS:
        sure = likely >= threshold
        if example.form != TWO_QUESTIONS:
            sure &= np.arange(len(sure)) == int(likely.argmax())
        said, right = bool(sure.any()), bool(sure.any() and example.right[sure].all())
        able = example.is_answerable
        row = counts.setdefault((example.base, example.form, threshold), [0] * 6)
        for at, value in enumerate((said, right, able, able and right, not able, said and not able)):
            row[at] += value


def list_examples(
    base: str,
    articles: Sequence[IndexedArticle],
    questions: Sequence[dict[str, Any]],
    forms: Sequence[str],
    texts: Texts,
) -> list[Example]:
    """Put questions in each form to random halves of a base."""
    encoder = shared_encoder()
    halves = [
        (build_index(half), frozenset(each.article_id for each in half)) for half in halve_articles(articles, DRAWS)
    ]
    return [
        Example(
            base,
            form,
            golds,
            place,
            np.array([each.evidence.features() for each in found]),
            tuple(each.article.article_id for each in found),
            np.array([each.article.article_id in golds for each in found]),
            bool(golds & present),
        )
        for form in forms
        for place, (text, golds) in enumerate(wrap(form, questions, texts))
        if not needs_person(encoder, text)
        for asked in [read_asked(text)]
        for vectors in [asked.build_vectors(encoder.encode(asked.texts))]
        for index, present in halves
        for found in [index.judge_each(asked.windows, vectors)]
    ]


def wrap(form: str, questions: Sequence[dict[str, Any]], texts: Texts) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each question in a form, as it is searched with, and the articles that answer it."""
    mails: list[Mail] = [(each.get("subject", ""), each.get("body") or each["text"]) for each in questions]
    others = draw_others(len(mails), seed=0)
    for place, (subject, body) in enumerate(wrap_mails(form, mails, texts, 0, others)):
        golds = {questions[place]["gold"], questions[others[place]]["gold"] if form == TWO_QUESTIONS else None}
        own = join_words(body, split_mail(subject, body, None))
        yield question_text(subject, own), frozenset(golds - {None})


def fit(examples: Sequence[Example]) -> Floats:
    """Return offset and weights, fitted on the part of each ticket that they themselves find surest."""
    total = {base: sum(each.base == base for each in examples) for base in SHARES}
    counts = np.array([SHARES[each.base] / total[each.base] for each in examples])
    chosen = [int(each.features[:, 0].argmax()) for each in examples]  # the most similar to begin with
    weights = np.zeros(0)
    for _ in range(SETTLING):
        features = np.array([each.features[at] for each, at in zip(examples, chosen, strict=True)])
        right = np.array([each.right[at] for each, at in zip(examples, chosen, strict=True)], dtype=float)
        weights = fit_logistic(features, right, counts)
        chosen = [int((each.features @ weights[1:]).argmax()) for each in examples]
    return weights


def fit_logistic(features: Floats, targets: Floats, counts: Floats) -> Floats:
    """Fit a logistic regression by Newton's method; the offset, in front, is not shrunk."""
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(features)), (features - middle) / spread])
    ridge = np.eye(scaled.shape[1]) * RIDGE * counts.sum() / 1000
    ridge[0, 0] = 0.0
    fitted = np.zeros(scaled.shape[1])
    for _ in range(ROUNDS):
        likely = 1 / (1 + np.exp(-scaled @ fitted))
        slope = scaled.T @ (counts * (targets - likely)) - ridge @ fitted
        curve = (scaled * (counts * likely * (1 - likely))[:, None]).T @ scaled + ridge
        fitted = fitted + np.linalg.solve(curve, slope)
    weights = fitted[1:] / spread
    return np.array([fitted[0] - weights @ middle, *weights])


def say(line: str) -> None:
    """Write one line of the report."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
