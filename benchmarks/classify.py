"""Measure the classifier on public sets: run `python -m benchmarks.classify DATA_DIR`.

Everything is tested on texts the model was not fitted on: of banking77 and bitext a part of the train file, of
clinc150 the validation file.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets import read_rows
from ticketflow.engines.embedded.classify.calibration import calibration_error
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier, choose
from ticketflow.engines.embedded.classify.training import FittedClassifier, fit_classifier
from ticketflow.engines.embedded.encoder.vectors import MiniLmEncoder, Vectors
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy

MOODS = Path(__file__).parent / "data" / "moods.jsonl"
DRAWS = 3
EXAMPLES = 10
# One in so many texts of a train file is tested on, where the set has no other file.
TEST_SHARE = 8
OUT_OF_SCOPE = "oos"
FALLBACK = "other"
TIMED = 300

Rows = Sequence[tuple[str, str]]


class RememberingEncoder(MiniLmEncoder):
    """Embeds each text once: the sets are larger than the encoder's own cache."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        super().__init__()
        self._known: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors."""
        for text in texts:
            if text not in self._known:
                self._known[text] = super().encode([text])[0]
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True, slots=True)
class Figures:
    """How a fitted classifier did on some texts."""

    accuracy: float
    ece: float


def main(folder: Path) -> None:
    """Print every figure."""
    encoder = RememberingEncoder()
    measure_moods(encoder)
    for name, fitted_on, tested_on in read_sets(folder):
        say(f"{name}: {len(fitted_on)} texts to draw from, {len(tested_on)} held out")
        known = [(text, label) for text, label in tested_on if label != OUT_OF_SCOPE]
        measure_few(encoder, fitted_on, known)
        measure_names(encoder, fitted_on, known)
        if name != "bitext":
            measure_all(encoder, fitted_on, tested_on)


def measure_moods(encoder: RememberingEncoder) -> None:
    """Print how often mood, haste and language are as a person would say; foreign texts apart."""
    rows = read_rows(MOODS)
    classifier = EmbeddedClassifier(encoder, load_taxonomy())
    labels = [classifier.classify("", row["text"]) for row in rows]
    for part, is_english in (("English", True), ("foreign", False)):
        pairs = [each for each in zip(rows, labels, strict=True) if (each[0]["language"] == "en") is is_english]
        shares = {
            key: np.mean([getattr(label, key) == row[key] for row, label in pairs])
            for key in ("sentiment", "priority", "language")
        }
        say(f"moods, {len(pairs)} {part}: " + ", ".join(f"{key} {share:.3f}" for key, share in shares.items()))


def read_sets(folder: Path) -> Iterator[tuple[str, Rows, Rows]]:
    """Read each set as texts to fit on and texts to test on."""
    for name in ("banking77", "bitext"):
        rows = _pairs(folder / name / "train.jsonl")
        order = np.random.default_rng(0).permutation(len(rows))
        cut = len(rows) // TEST_SHARE
        yield name, [rows[at] for at in order[cut:]], [rows[at] for at in order[:cut]]
    yield "clinc150", _pairs(folder / "clinc150" / "train.jsonl"), _pairs(folder / "clinc150" / "val.jsonl")


def measure_few(encoder: RememberingEncoder, fitted_on: Rows, tested_on: Rows) -> None:
    """Print the means over draws of some examples a class."""
    draws = []
    for seed in range(DRAWS):
        fitted = fit_classifier(encoder, draw_taxonomy(fitted_on, EXAMPLES, seed))
        draws.append(test(fitted, tested_on))
    accuracy, ece = (np.mean([getattr(draw, key) for draw in draws]) for key in ("accuracy", "ece"))
    say(f"  {EXAMPLES} examples a class: accuracy {accuracy:.4f}, ECE {ece:.4f}")


def measure_names(encoder: RememberingEncoder, fitted_on: Rows, tested_on: Rows) -> None:
    """Print what names alone are good for."""
    figures = test(fit_classifier(encoder, draw_taxonomy(fitted_on, 0, 0)), tested_on)
    say(f"  names only: accuracy {figures.accuracy:.4f}, ECE {figures.ece:.4f}")


def measure_all(encoder: RememberingEncoder, fitted_on: Rows, tested_on: Rows) -> None:
    """Print what all data are good for, out of scope too, and what fitting and judging cost."""
    encoder.encode([text for text, _ in fitted_on])
    started = time.perf_counter()
    fitted = fit_classifier(encoder, draw_taxonomy(fitted_on, None, 0))
    took_s = time.perf_counter() - started
    known = [(text, label) for text, label in tested_on if label != OUT_OF_SCOPE]
    figures = test(fitted, known)
    say(f"  all examples: accuracy {figures.accuracy:.4f}, ECE {figures.ece:.4f}; fitted in {took_s:.0f} s")
    say(f"  {fitted.calibration}")
    started = time.perf_counter()
    for text, _ in known[:TIMED]:
        fitted.guess(text)
    say(f"  {(time.perf_counter() - started) / min(TIMED, len(known)) * 1000:.2f} ms a text beside its vector")
    measure_out_of_scope(fitted, tested_on)


def measure_out_of_scope(fitted: FittedClassifier, tested_on: Rows) -> None:
    """Print how much of what fits nothing is seen as such, and what that costs the rest."""
    chosen = [choose(fitted.guess(text), FALLBACK)[1]["category"] for text, _ in tested_on]
    strange = np.array([label == OUT_OF_SCOPE for _, label in tested_on])
    right = np.array([name == label for name, (_, label) in zip(chosen, tested_on, strict=True)])
    say(f"  with the fallback: accuracy in scope {right[~strange].mean():.4f}")
    if strange.any():
        recall = np.mean([name == FALLBACK for name, is_strange in zip(chosen, strange, strict=True) if is_strange])
        say(f"  out of scope: recall {recall:.4f}")


def draw_taxonomy(rows: Rows, examples: int | None, seed: int) -> Taxonomy:
    """Make a taxonomy with some or all examples of each class; the fallback has none."""
    chance = np.random.default_rng(seed)
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    categories = [
        Category(
            label, "", "", tuple(by_label[label][at] for at in chance.permutation(len(by_label[label]))[:examples])
        )
        for label in sorted(by_label)
        if label != OUT_OF_SCOPE
    ]
    return Taxonomy((*categories, Category(FALLBACK, "", "")), FALLBACK)


def test(fitted: FittedClassifier, rows: Rows) -> Figures:
    """Judge texts by the likeliest category."""
    guesses = [fitted.probabilities(text) for text, _ in rows]
    best = [max(guess, key=guess.__getitem__) for guess in guesses]
    right = np.array([name == label for name, (_, label) in zip(best, rows, strict=True)])
    return Figures(float(right.mean()), calibration_error(_confidences(guesses), right))


def _confidences(guesses: Sequence[Mapping[str, float]]) -> NDArray[np.float32]:
    return np.array([max(guess.values()) for guess in guesses], dtype=np.float32)


def _pairs(path: Path) -> Rows:
    return [(row["text"], row["label"]) for row in read_rows(path)]


def say(line: str) -> None:
    """Write one line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
