import json

import pytest

from tests.fakes import fake_tools
from tests.unit.evaluation.build import build_row
from ticketflow.evaluation.comparison import compare
from ticketflow.evaluation.evaluation import Evaluation
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.report import write_report
from ticketflow.evaluation.sections import choose_sections
from ticketflow.evaluation.trial import Candidate, Setup, try_candidate

PNG = b"\x89PNG\r\n\x1a\n"
ROWS = [
    build_row(text="Where is my parcel?", label="shipping"),
    build_row(text="<script>alert('invoice')</script>", label="shipping"),
]


@pytest.fixture
def folder(tmp_path):
    setup = Setup(fake_tools(), Yardstick())
    trial = try_candidate(Candidate("as set", lambda _: setup), ROWS, choose_sections(ROWS, ()), "classify", 1)
    write_report(
        tmp_path / "report",
        Evaluation("data.jsonl", ROWS, 1, [trial, trial], compare(trial, trial)),
        "ticketflow eval data.jsonl",
    )
    return tmp_path / "report"


def test_a_report_is_a_page_with_its_pictures_inside(folder):
    page = (folder / "report.html").read_text()

    assert "ticketflow eval data.jsonl" in page
    assert page.count('src="data:image/png;base64,') == 4
    assert 'src="http' not in page
    assert "href=" not in page


def test_what_customers_wrote_is_text_and_no_markup(folder):
    page = (folder / "report.html").read_text()

    assert "<script>" not in page
    assert "&lt;script&gt;alert(&#39;invoice&#39;)&lt;/script&gt;" in page


def test_pictures_figures_and_predictions_lie_beside_the_page(folder):
    predictions = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]

    for name in ("confusion.png", "reliability.png", "confusion-against.png", "reliability-against.png"):
        assert (folder / name).read_bytes().startswith(PNG)
    assert json.loads((folder / "figures.json").read_text())["candidates"][0]["figures"]["accuracy"]["value"] == 0.5
    assert [each["given"]["category"] for each in predictions] == ["shipping", "billing"] * 2
    assert predictions[0]["gold"] == {"label": "shipping"}
