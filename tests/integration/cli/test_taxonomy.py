"""``ticketflow taxonomy`` checks, trains and publishes."""

import json

import pytest

TAXONOMY = """\
categories:
  - name: shipping
    description: Parcels and delivery.
    team: Shipping
    sla: {first_response_h: 4, resolution_h: 24}
    examples: [Where is my parcel?, The delivery is late., When does my order arrive?, Nothing was delivered.]
  - name: billing
    description: Money and invoices.
    team: Billing
    examples: [I want my money back., Send me an invoice., You charged me twice., The bill is wrong.]
  - name: other
    description: Anything else.
    team: Care
ids:
  - type: order_id
    examples: [ORD-1234]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(TAXONOMY)
    return path


def test_check_judges_a_file_and_stores_nothing(run, file):
    result = run("taxonomy", "check", file)

    assert result.exit_code == 0
    assert "4 h / 24 h" in result.stdout
    assert "8 examples of 3 categories" in result.stdout
    assert "Fewer than 8 examples: shipping (4)" in result.stdout
    assert "order_id" in result.stdout
    assert run("taxonomy", "show", "--json").stdout == ""


def test_a_wrong_file_is_one_line_with_the_place(run, file):
    file.write_text(TAXONOMY.replace("team: Billing", "teem: Billing"))

    result = run("taxonomy", "check", file)

    assert result.exit_code == 2
    assert "mine.yaml:9: unknown key 'teem'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_file_is_named(run, tmp_path):
    result = run("taxonomy", "train", tmp_path / "none.yaml")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "none.yaml" in result.stderr


def test_training_publishes_and_try_uses_it(run, file):
    trained = json.loads(run("taxonomy", "train", file, "--json").stdout)

    assert (trained["version"], trained["examples"], trained["corrections"]) == (1, 8, 0)
    ticket = json.loads(run("try", "--json", text="Parcel\nMy parcel has not arrived yet, where is it?").stdout)
    assert (ticket["category"], ticket["team"]) == ("shipping", "Shipping")
    assert ticket["sla"]["first_response_due_at"] < ticket["sla"]["resolution_due_at"]
    assert set(ticket["reasons"]) == {"priority", "sentiment"}


def test_versions_are_listed_and_an_older_one_comes_back(run, file):
    run("taxonomy", "train", file)
    file.write_text(TAXONOMY.replace("team: Billing", "team: Money"))
    run("taxonomy", "train", file)

    assert "version 1 is published" in run("taxonomy", "publish", "1").stdout

    shown = [json.loads(line) for line in run("taxonomy", "show", "--json").stdout.splitlines()]
    assert [(each["version"], each["is_live"]) for each in shown] == [(2, False), (1, True)]
    assert "1 (live)" in run("taxonomy", "show").stdout


def test_training_without_a_file_takes_the_taxonomy_in_force(run, file):
    run("taxonomy", "train", file)

    result = run("taxonomy", "train")

    assert "version 1 is published; it learnt from 0 corrections" in result.stdout


def test_a_version_that_is_not_there_is_named(run):
    result = run("taxonomy", "publish", "3")

    assert result.exit_code == 2
    assert "there is no version 3" in result.stderr
    assert run("taxonomy", "publish", "9999999999").exit_code == 2


def test_until_something_is_published_the_file_counts(run):
    result = run("taxonomy", "show")

    assert result.exit_code == 0
    assert "no version is published" in result.stderr
    assert "payments_billing" in result.stdout
