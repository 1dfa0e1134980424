"""A classifier learns from names and examples, and knows how far to trust itself."""

from dataclasses import replace

import numpy as np
import pytest

from tests.word_encoder import WordEncoder
from ticketflow.engines.embedded.classify import artefact, neighbours, training
from ticketflow.engines.embedded.classify.artefact import dump_classifier, load_classifier
from ticketflow.engines.embedded.classify.calibration import calibration_error, deal_folds, find_temperature, hold_out
from ticketflow.engines.embedded.classify.features import GRAMS, build_features, hash_grams
from ticketflow.engines.embedded.classify.neighbours import build_neighbours, vote_all
from ticketflow.engines.embedded.classify.report import build_report
from ticketflow.engines.embedded.classify.training import (
    Calibration,
    build_fingerprint,
    fit_and_judge,
    fit_classifier,
    gather_material,
    mix,
)
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy

NAMES = Taxonomy(
    (Category("lost_parcel", "", "Shipping"), Category("money_back", "", "Billing"), Category("other", "", "Care")),
    "other",
)
EXAMPLES = {
    "lost_parcel": ("my parcel is lost", "where is the parcel", "parcel did not arrive", "the lost parcel again"),
    "money_back": ("i want my money back", "refund the money", "money back please", "give me a money refund"),
}
TAUGHT = replace(
    NAMES, categories=tuple(replace(each, examples=EXAMPLES.get(each.name, ())) for each in NAMES.categories)
)


@pytest.fixture(scope="module")
def encoder():
    return WordEncoder()


@pytest.fixture(scope="module")
def fitted(encoder):
    return fit_classifier(encoder, TAUGHT)


def test_names_alone_are_enough_to_begin_with(encoder):
    guess = fit_classifier(encoder, NAMES).probabilities("the parcel is lost")

    assert max(guess, key=guess.__getitem__) == "lost_parcel"


def test_pieces_of_words_count_where_there_are_sentences_to_learn_them_from(encoder, fitted):
    assert not fit_classifier(encoder, NAMES).model.weights[-GRAMS:].any()
    assert fitted.model.weights[-GRAMS:].any()


def test_probabilities_are_of_all_categories_in_their_order_and_add_up(fitted):
    guess = fitted.probabilities("give me the money")

    assert list(guess) == ["lost_parcel", "money_back", "other"]
    assert sum(guess.values()) == pytest.approx(1)
    assert guess["money_back"] > guess["lost_parcel"] > guess["other"]


def test_a_text_like_nothing_known_is_not_familiar(fitted):
    assert fitted.guess("my parcel is lost").is_familiar
    assert not fitted.guess("zebra xylophone").is_familiar


def test_further_examples_are_learnt_and_those_of_unknown_categories_left_out(encoder):
    more = [("zebra trouble", "money_back"), ("zebra trouble", "gone")]

    guess = fit_and_judge(encoder, TAUGHT, more)[0].probabilities("zebra trouble")

    assert max(guess, key=guess.__getitem__) == "money_back"


def test_a_sentence_given_twice_counts_once():
    material = gather_material(TAUGHT, [("my parcel is lost", "lost_parcel")])

    assert material.texts.count("my parcel is lost") == 1
    assert material.is_example.sum() == 8


def test_a_description_that_is_an_example_counts_as_that_alone():
    first, *others = TAUGHT.categories
    taught = replace(TAUGHT, categories=(replace(first, description="my parcel is lost"), *others))

    material = gather_material(taught)

    assert material.texts.count("my parcel is lost") == 1
    assert material.is_example[material.texts.index("my parcel is lost")]


def test_votes_count_by_their_share_beside_calibrated_logits():
    logits, votes = np.array([[2.0, 0.0]], dtype=np.float32), np.array([[0.0, 1.0]], dtype=np.float32)

    row = mix(logits, votes, Calibration(temperature=2.0, vote_share=0.25, least_energy=0.0))[0]

    assert row.tolist() == pytest.approx([0.75 * np.e / (np.e + 1), 0.75 / (np.e + 1) + 0.25])


def test_the_order_of_further_examples_makes_no_other_fit():
    pairs = [("zebra", "money_back"), ("lion", "lost_parcel")]

    assert build_fingerprint("m", TAUGHT, pairs) == build_fingerprint("m", TAUGHT, pairs[::-1])


def test_the_fallback_is_not_learnt_from_its_name():
    assert "other" not in gather_material(NAMES).texts


def test_fitting_twice_gives_the_same_probabilities(encoder, fitted):
    assert fit_classifier(encoder, TAUGHT).probabilities("the parcel") == fitted.probabilities("the parcel")


def test_a_stored_classifier_judges_as_before(encoder, fitted):
    stored = load_classifier(encoder, TAUGHT, dump_classifier(fitted))

    for text in ("where is my parcel", "money", "zebra"):
        assert stored.probabilities(text) == pytest.approx(fitted.probabilities(text), abs=0.01)
        assert stored.guess(text).is_familiar == fitted.guess(text).is_familiar


def test_a_classifier_of_another_recipe_is_not_loaded(encoder, fitted, monkeypatch):
    stored = dump_classifier(fitted)
    monkeypatch.setattr(artefact, "RECIPE", training.RECIPE + 1)

    assert load_classifier(encoder, TAUGHT, stored) is None


def test_the_fingerprint_follows_everything_a_fit_depends_on():
    base = build_fingerprint("minilm", TAUGHT)

    assert build_fingerprint("minilm", TAUGHT) == base
    others = [
        build_fingerprint("other", TAUGHT),
        build_fingerprint("minilm", NAMES),
        build_fingerprint("minilm", TAUGHT, [("x", "other")]),
    ]
    assert len({base, *others}) == 4


def test_the_report_names_confusions_and_thin_categories(encoder):
    muddled = replace(TAUGHT.categories[1], examples=(*EXAMPLES["money_back"], "my lost parcel never did arrive"))
    taxonomy = replace(TAUGHT, categories=(TAUGHT.categories[0], muddled, TAUGHT.categories[2]))

    report = build_report(*fit_and_judge(encoder, taxonomy))

    assert report.figures.examples == 9
    assert report.thin == {"lost_parcel": 4, "money_back": 5, "other": 0}
    found = {(each.category, each.taken_for): each.texts for each in report.confusions}
    assert "my lost parcel never did arrive" in found["money_back", "lost_parcel"]


def test_without_examples_there_is_nothing_to_report(encoder):
    figures = build_report(*fit_and_judge(encoder, NAMES)).figures

    assert (figures.accuracy, figures.macro_f1, figures.ece) == (None, None, None)


def test_one_text_gets_the_votes_it_would_get_among_many(encoder, monkeypatch):
    monkeypatch.setattr(neighbours, "SHORTLIST", 2)
    material = gather_material(TAUGHT)
    features = build_features(encoder, material.texts)
    asked = build_features(encoder, ["my parcel", "money refund"])
    logits = np.array([[3, 2, 1], [1, 3, 2]], dtype=np.float32)

    alone = np.concatenate(
        [
            build_neighbours(features, material.labels, 3).vote(asked[at : at + 1], logits[at : at + 1])
            for at in range(2)
        ]
    )

    assert alone == pytest.approx(vote_all(asked, logits, features, material.labels), abs=1e-5)
    assert alone[0, 2] == alone[1, 0] == 0


def test_grams_have_length_one_and_share_parts_of_words():
    assert np.linalg.norm(hash_grams("Where is my parcel?")) == pytest.approx(1)
    assert hash_grams("?!").any() == np.False_
    assert hash_grams("parcels") @ hash_grams("parcel") > hash_grams("parcels") @ hash_grams("money") + 0.3


def test_every_example_is_held_out_once_and_never_judged_by_itself():
    labels, held = np.repeat(np.arange(3), 4), np.array([True] * 11 + [False])
    seen = []

    def judge(left_out):
        seen.append(left_out)
        return np.flatnonzero(left_out)[:, None].astype(np.float32)

    judged = hold_out(judge, labels, held, folds=3)

    assert judged[:, 0].tolist() == list(range(11))
    assert np.sum(seen, axis=0).tolist() == [1] * 11 + [0]
    assert set(deal_folds(labels, held, 3)) == {0, 1, 2}


def test_overconfidence_is_cooled_and_measured():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 4000)
    right = rng.random(4000) < 0.8
    chosen = np.where(right, labels, 1 - labels)
    logits = (np.eye(2)[chosen] * 4).astype(np.float32)

    temperature = find_temperature(logits, labels)

    assert calibration_error(np.full(4000, 0.982, dtype=np.float32), right) == pytest.approx(0.18, abs=0.02)
    assert 1 / (1 + np.exp(-4 / temperature)) == pytest.approx(0.8, abs=0.03)


def test_of_many_examples_a_part_is_judged(encoder, monkeypatch):
    monkeypatch.setattr(training, "MANY_EXAMPLES", 8)

    fitted, held_out = fit_and_judge(encoder, TAUGHT)

    assert 0 < len(held_out.labels) < 8
    assert build_report(fitted, held_out).figures.examples == 8
