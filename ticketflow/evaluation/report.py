"""A folder that shows an evaluation: a page for people, pictures, and every prediction."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from ticketflow.evaluation.evaluation import Evaluation, count_confusions, describe_prediction
from ticketflow.evaluation.metrics import reliability
from ticketflow.evaluation.past import TRIAL_FILE, dump_trial
from ticketflow.evaluation.plots import draw_confusions, draw_reliability
from ticketflow.evaluation.sections import find_meaning
from ticketflow.evaluation.trial import Trial

MOST_MISTAKES = 50
# From this many on a label's row in a picture of confusions can be told from its neighbours no more.
MOST_LABELS = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing and the file it goes to."""

    file: str
    title: str
    png: bytes

    @property
    def url(self) -> str:
        """The picture itself as a URL, so that the page needs no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def write_report(folder: Path, evaluation: Evaluation, command: str) -> None:
    """Write ``report.html``, its pictures as PNG, ``figures.json``, ``predictions.jsonl`` and ``trial.json``.

    Args:
        folder: Where to; made if it is not there, files of an earlier report are replaced.
        evaluation: What to show.
        command: How to run it again, for the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = draw_pictures(evaluation)
    for picture in pictures:
        (folder / picture.file).write_bytes(picture.png)
    (folder / "report.html").write_text(render(evaluation, pictures, command), encoding="utf-8")
    write_json(folder / "figures.json", evaluation.describe())
    write_json(folder / TRIAL_FILE, dump_trial(evaluation))
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(each, ensure_ascii=False)}\n" for each in evaluation.predictions())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write one JSON object."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def draw_pictures(evaluation: Evaluation) -> list[Picture]:
    """Draw confusions and reliability of each candidate, all draws together."""
    pictures = []
    for place, trial in enumerate(evaluation.trials):
        ending = "-against" if place else ""
        for number, what in enumerate(dict.fromkeys(what for each in trial.measured for what in each.pairs)):
            pairs = [pair for each in trial.measured for pair in each.pairs.get(what, [])]
            if pairs and len({label for pair in pairs for label in pair}) <= MOST_LABELS:
                file = f"confusion{'' if number == 0 else '-' + what}{ending}.png"
                title = f"{what}: {trial.name}"
                pictures.append(Picture(file, title, draw_confusions(pairs, title)))
        for number, what in enumerate(dict.fromkeys(what for each in trial.measured for what in each.certainty)):
            parts = [each.certainty[what] for each in trial.measured if what in each.certainty]
            confidence, is_right = (np.concatenate(each) for each in zip(*parts, strict=True))
            bins = reliability(confidence, is_right)
            file = f"reliability{'' if number == 0 else '-' + what.replace(' ', '-')}{ending}.png"
            title = f"confidence in the {what}: {trial.name}"
            pictures.append(Picture(file, title, draw_reliability(bins, title)))
    return pictures


def render(evaluation: Evaluation, pictures: Sequence[Picture], command: str) -> str:
    """Fill the page; all text of customers is escaped."""
    loader = jinja2.PackageLoader("ticketflow.evaluation", "")
    page = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return page.get_template("report.html").render(
        evaluation=evaluation,
        command=command,
        written_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        meanings={name: find_meaning(name) for name in evaluation.names()},
        confusions=[count_confusions(trial, "category")[:MOST_MISTAKES] for trial in evaluation.trials],
        mistakes=[list_mistakes(evaluation, trial) for trial in evaluation.trials],
        pictures=pictures,
    )


def list_mistakes(evaluation: Evaluation, trial: Trial) -> list[dict[str, Any]]:
    """List rows of the first draw with a figure that is 0 for them, those given with most confidence first."""
    if not trial.measured:
        return []
    figures = trial.measured[0].rowwise
    wrong = [name for name in ("accuracy", "entities_exact", "recall@1", "resolution_accuracy") if name in figures]
    found = []
    for place, (row, outcome) in enumerate(zip(evaluation.rows, trial.outcomes[0], strict=True)):
        missed = [name for name in wrong if figures[name][place] == 0]
        if missed or outcome.error:
            found.append({**describe_prediction(row, outcome), "missed": missed})
    return sorted(found, key=lambda each: -each["given"].get("confidence", 0.0))[:MOST_MISTAKES]
