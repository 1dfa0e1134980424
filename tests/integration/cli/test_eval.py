"""``ticketflow eval`` on small data, with the embedded engine."""

import json
import sys

import pytest
from sqlalchemy import text

from ticketflow.adapters.classifier_models import train_classifier
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.taxonomy_file import parse_taxonomy
from ticketflow.storage.models import Base
from ticketflow.workflow.state import DEFAULT_TENANT

ROWS = [
    {"text": "I lost my card on the train", "label": "card_lost"},
    {"text": "My card is gone, please block it", "label": "card_lost"},
    {"text": "How do I add money to my account?", "label": "top_up"},
    {"text": "Can I top up with a cheque?", "label": "top_up"},
]
ARTICLES = [
    {"id": "returns", "title": "How do I send shoes back?", "body": "Print the label in your account."},
    {"id": "cards", "title": "Which cards do you take?", "body": "We take all cards but cheques."},
]
QUESTIONS = [
    {"text": "How do I send my shoes back?", "gold": "returns"},
    {"text": "Which cards do you take?", "gold": "cards"},
    {"text": "Is your shop open on Sunday?", "gold": None},
]
TAXONOMY = """\
categories:
  - {name: card_lost, description: A card was lost or stolen., team: Cards}
  - {name: top_up, description: Adding money to an account., team: Accounts}
  - {name: other, description: Anything else., team: Care}
"""


@pytest.fixture
def write(tmp_path):
    def make(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return make


@pytest.fixture
def data(write):
    return write("data.jsonl", ROWS)


@pytest.fixture
def taxonomy(tmp_path):
    path = tmp_path / "taxonomy.yaml"
    path.write_text(TAXONOMY)
    return path


def figures(path, candidate=0):
    described = json.loads(path.read_text())
    return {name: each["value"] for name, each in described["candidates"][candidate]["figures"].items()}


def test_names_alone_make_categories(run, data, tmp_path):
    result = run("eval", data, "--names-only", "--json", tmp_path / "figures.json")

    assert result.exit_code == 0, result.output
    assert "best_guess_accuracy" in result.stdout
    assert figures(tmp_path / "figures.json")["best_guess_accuracy"] >= 0.75


def test_examples_are_drawn_by_chance_as_often_as_asked(run, data, write, tmp_path):
    examples = write(
        "train.jsonl",
        [
            {"text": "My card was stolen", "label": "card_lost"},
            {"text": "I cannot find my card", "label": "card_lost"},
            {"text": "Add money please", "label": "top_up"},
            {"text": "What are the ways to top up?", "label": "top_up"},
        ],
    )

    result = run(
        "eval", data, "--examples", examples, "--per-class", 1, "--draws", 2, "--json", tmp_path / "figures.json"
    )

    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "figures.json").read_text())["draws"] == 2
    assert "lowest to highest" in result.stdout


def test_a_figure_that_is_not_good_enough_ends_with_exit_code_1(run, data):
    result = run("eval", data, "--names-only", "--fail-under", "ms_median=0,best_guess_accuracy=0.5")

    assert result.exit_code == 1
    assert "error: ms_median is " in result.stderr
    assert "accuracy is" not in result.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--fail-under", "acuracy=1"], "there is no figure 'acuracy'; there are accuracy, "),
        (["--fail-under", "mrr=1", "--names-only"], "this run did not measure mrr, but "),
        (["--per-class", "2"], "--per-class: goes with --examples"),
        (["--draws", "2", "--names-only"], "--draws: only --per-class and --leave-out draw by chance"),
        (["--leave-out", "0.5"], "--leave-out and --without-titles: go with --articles"),
        (["--from-tickets"], "give either DATA or --from-tickets"),
        (["--since", "2026-01-01"], "--since: goes with --from-tickets"),
        (["--against", "llm"], "--against: 'llm' must read"),
        (["--map", "price"], "--map: 'price' must read theirs=ours"),
        ([], "2 labels are no categories (card_lost, top_up): give --examples or --names-only"),
    ],
)
def test_wrong_options_end_with_exit_code_2_and_say_what_to_change(run, data, options, problem):
    result = run("eval", data, *options)

    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "Hello", "label": 4}', "data.jsonl: line 2: label: Input should be a valid string"),
        ('{"text": ', "data.jsonl: line 2: not JSON"),
        ("[]", "data.jsonl: line 2: not a JSON object"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(run, tmp_path, line, problem):
    path = tmp_path / "data.jsonl"
    path.write_text(f"{json.dumps(ROWS[0])}\n{line}\n")

    result = run("eval", path, "--names-only")

    assert result.exit_code == 2
    assert problem in result.stderr


def test_rows_that_are_among_the_examples_are_pointed_out(run, data):
    result = run("eval", data, "--examples", data)

    assert "4 of 4 rows are among the examples" in result.stderr


def test_search_and_answers_are_measured_on_articles_of_a_file(run, write, tmp_path):
    result = run(
        "eval", write("queries.jsonl", QUESTIONS), "--articles", write("kb.jsonl", ARTICLES),
        "--json", tmp_path / "figures.json",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert figures(tmp_path / "figures.json")["recall@1"] == 1.0
    assert figures(tmp_path / "figures.json")["answered_without_article"] == 0.0


def test_articles_are_left_out_in_each_draw(run, write, tmp_path):
    result = run(
        "eval", write("queries.jsonl", QUESTIONS[:2]), "--articles", write("kb.jsonl", ARTICLES), "--without-titles",
        "--leave-out", 0.5, "--draws", 2, "--report", tmp_path / "report",
    )  # fmt: skip

    predictions = [json.loads(line) for line in (tmp_path / "report" / "predictions.jsonl").read_text().splitlines()]
    assert result.exit_code == 0, result.output
    assert all(len(each["given"]["found"]) <= 1 for each in predictions)


def test_facts_are_measured_without_a_category_for_every_label(run, write, tmp_path):
    row = {"text": "Where is order 10021455?", "label": "no_such_category"}
    row["entities"] = [{"type": "order_id", "value": "10021455", "start": 15, "end": 23}]

    result = run("eval", write("facts.jsonl", [row]), "--steps", "extract", "--json", tmp_path / "figures.json")

    assert result.exit_code == 0, result.output
    assert figures(tmp_path / "figures.json")["order_id.span_f1"] == 1.0


def test_two_taxonomies_are_compared_side_by_side(run, data, taxonomy, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(TAXONOMY.replace("A card was lost or stolen.", "Ways of adding money to the account."))

    result = run(
        "eval", data, "--taxonomy", taxonomy, "--against", f"taxonomy={other}", "--json", tmp_path / "figures.json"
    )

    described = json.loads((tmp_path / "figures.json").read_text())
    assert result.exit_code == 0, result.output
    assert [each["name"] for each in described["candidates"]] == ["taxonomy taxonomy.yaml", "taxonomy other.yaml"]
    assert set(described["differences"]["accuracy"]) == {"value", "interval_95", "hint"}


def test_the_published_classifier_is_what_is_measured_and_an_older_one_can_be_held_against_it(
    run, sessions, data, taxonomy, tmp_path
):
    encoder, written = shared_encoder(), taxonomy.read_text()
    train_classifier(sessions, encoder, parse_taxonomy(written, "first"), DEFAULT_TENANT)
    train_classifier(
        sessions, encoder, parse_taxonomy(written.replace("lost or stolen", "lost"), "second"), DEFAULT_TENANT
    )
    before = read_everything(sessions)

    result = run("eval", data, "--against", "model=1", "--json", tmp_path / "figures.json")
    none = run("eval", data, "--against", "model=9")

    assert result.exit_code == 0, result.output
    described = json.loads((tmp_path / "figures.json").read_text())
    assert [each["name"] for each in described["candidates"]] == ["as set", "model 1"]
    assert "there is no version 9" in none.stderr
    assert read_everything(sessions) == before


def test_a_version_is_held_against_an_earlier_report(run, data, write, taxonomy, tmp_path):
    run("eval", data, "--names-only", "--report", tmp_path / "before")

    result = run(
        "eval", data, "--taxonomy", taxonomy, "--against", f"report={tmp_path / 'before'}",
        "--json", tmp_path / "figures.json",
    )  # fmt: skip
    other = run("eval", write("other.jsonl", ROWS[:2]), "--names-only", "--against", f"report={tmp_path / 'before'}")
    none = run("eval", data, "--names-only", "--against", f"report={tmp_path}")

    assert result.exit_code == 0, result.output
    described = json.loads((tmp_path / "figures.json").read_text())
    assert [each["name"] for each in described["candidates"]] == ["taxonomy taxonomy.yaml", "before: as set"]
    assert "accuracy" in described["differences"]
    assert (other.exit_code, none.exit_code) == (2, 2)
    assert "was made on other rows; give the same data" in other.stderr
    assert "is no folder that --report wrote" in none.stderr


def test_a_report_says_how_to_make_it_again(run, data, tmp_path):
    result = run("eval", data, "--names-only", "--limit", 3, "--report", tmp_path / "report")

    assert result.exit_code == 0, result.output
    assert "report.html" in result.stdout
    page = (tmp_path / "report" / "report.html").read_text()
    assert f"ticketflow eval {data} --names-only --limit 3 --report {tmp_path / 'report'}" in page


def test_without_matplotlib_a_report_says_what_to_install(run, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    result = run("eval", data, "--names-only", "--report", tmp_path / "report")

    assert result.exit_code == 2
    assert "run `pip install 'ticketflow[eval]'`" in result.stderr
    assert run("eval", data, "--names-only").exit_code == 0


def test_replaying_tickets_compares_with_what_came_of_them_and_touches_nothing(
    run, served, sessions, write, taxonomy, tmp_path
):
    for body in ("How do I reset my password?", "Where is my parcel, my order 10021 has not arrived?"):
        served.submit(body=body)
    articles = write("kb.jsonl", ARTICLES)
    before = read_everything(sessions)

    result = run(
        "eval", "--from-tickets", "--taxonomy", taxonomy, "--articles", articles, "--json", tmp_path / "figures.json"
    )

    described = json.loads((tmp_path / "figures.json").read_text())
    assert result.exit_code == 0, result.output
    assert (described["rows"], figures(tmp_path / "figures.json")["same_category"]) == (2, 0.0)
    assert {"category", "resolution"} <= {what for each in described["changes"] for what in each["changes"]}
    assert "would come out differently" in result.stdout
    assert read_everything(sessions) == before


def test_replaying_tickets_searches_the_stored_articles_and_touches_nothing(run, served, sessions, write, tmp_path):
    run("articles", "import", write("kb.jsonl", ARTICLES))
    served.submit()
    before = read_everything(sessions)

    result = run("eval", "--from-tickets", "--limit", 1, "--since", "2026-01-01", "--json", tmp_path / "figures.json")

    assert result.exit_code == 0, result.output
    assert figures(tmp_path / "figures.json")["failed"] == 0.0
    assert read_everything(sessions) == before


def test_without_tickets_there_is_nothing_to_replay(run):
    result = run("eval", "--from-tickets")

    assert result.exit_code == 2
    assert "there is no completed ticket to replay" in result.stderr


def read_everything(sessions) -> dict[str, list[tuple]]:
    """Return every row of every table, with the transaction that wrote it."""
    with sessions() as session:
        return {
            name: sorted(map(str, session.execute(text(f'SELECT xmin, each::text FROM "{name}" AS each'))))
            for name in Base.metadata.tables
        }


def test_each_form_of_mail_has_figures_of_its_own(run, write, taxonomy, tmp_path):
    questions, articles = write("questions.jsonl", QUESTIONS), write("articles.jsonl", ARTICLES)
    target = tmp_path / "figures.json"

    result = run("eval", questions, "--articles", articles, "--taxonomy", taxonomy, "--wrap", "--json", target)

    assert result.exit_code == 0, result.output
    named = {each["name"]: each["figures"] for each in json.loads(target.read_text())["candidates"]}
    assert list(named)[:2] == ["bare", "generic subject"]
    assert len(named) == 8
    assert all("answered_without_article" in each for name, each in named.items() if name != "two questions")


def test_limits_hold_in_every_form(run, write, taxonomy):
    questions, articles = write("questions.jsonl", QUESTIONS), write("articles.jsonl", ARTICLES)

    result = run(
        "eval", questions, "--articles", articles, "--taxonomy", taxonomy, "--wrap", "--fail-under", "recall@1=1.1"
    )

    assert result.exit_code == 1
    assert "story: recall@1 is" in result.output
