"""What a ticket says of danger, the law, haste and mood, in eight languages, and what only sounds like it."""

import pytest

from ticketflow.engines.embedded.classify.alarms import DANGERS, find_alarm
from ticketflow.engines.embedded.classify.sentiment import find_sarcasm, is_shouted

KINDS = {"danger": DANGERS, **{kind: (kind,) for kind in ("theft", "law", "deadline", "ease", "haste", "anger")}}


def name_alarm(text, language):
    small = text.lower()
    for name, kinds in KINDS.items():
        if any(find_alarm(kind, small, language) for kind in kinds):
            return name
    return "sarcasm" if find_sarcasm(small, language) else None


@pytest.mark.parametrize(
    ("text", "language", "alarm"),
    [
        ("The charger caught fire last night", "en", "danger"),
        ("My son was injured when the wheel came off", "en", "danger"),
        ("I got an electric shock from the lamp", "en", "danger"),
        ("I don't want to live any more", "en", "danger"),
        ("I will kill you if you don't pay", "en", "danger"),
        ("Someone hacked my account and is ordering bikes", "en", "theft"),
        ("There are payments I did not make", "en", "theft"),
        ("My lawyer will contact you", "en", "law"),
        ("I'll file a chargeback", "en", "law"),
        ("I will take you to court", "en", "law"),
        ("This is my final notice before legal action", "en", "law"),
        ("Is the battery safe? Could it catch fire?", "en", None),
        ("nobody was injured", "en", None),
        ("No one got hurt, luckily", "en", None),
        ("We sell fire extinguishers", "en", None),
        ("The fire department needs 20 helmets", "en", None),
        ("Our hospital wants to order 30 lights", "en", None),
        ("We are a law firm and need bells", "en", None),
        ("This is not an emergency", "en", None),
        ("It's no emergency", "en", "ease"),
        ("Do you sell emergency lights?", "en", None),
        ("My deal is on fire sale", "en", None),
        ("Der Akku hat Feuer gefangen", "de", "danger"),
        ("Mein Sohn wurde verletzt", "de", "danger"),
        ("Zum Glück wurde niemand verletzt", "de", None),
        ("Ich habe mir den Arm gebrochen", "de", "danger"),
        ("Mein Anwalt meldet sich", "de", "law"),
        ("Ich gehe zur Verbraucherzentrale", "de", "law"),
        ("Mein Konto wurde gehackt", "de", "theft"),
        ("Ich will nicht mehr leben", "de", "danger"),
        ("Es ist nicht dringend", "de", "ease"),
        ("Kann der Akku brennen?", "de", None),
        ("Die Feuerwehr braucht 12 Lampen", "de", None),
        ("La batterie a pris feu", "fr", "danger"),
        ("Mon fils a été blessé", "fr", "danger"),
        ("personne n'a été blessé", "fr", None),
        ("Je porte plainte", "fr", "law"),
        ("mon compte a été piraté", "fr", "theft"),
        ("Je veux mourir", "fr", "danger"),
        ("Rien d'urgent", "fr", "ease"),
        ("La batería explotó", "es", "danger"),
        ("Mi hija está herida", "es", "danger"),
        ("nadie resultó herido", "es", None),
        ("Voy a denunciarles ante Consumo", "es", "law"),
        ("me robaron la cuenta", "es", "theft"),
        ("La batteria ha preso fuoco", "it", "danger"),
        ("Mi sono rotto il polso, sono ferito", "it", "danger"),
        ("Il mio avvocato vi scriverà", "it", "law"),
        ("nessuno è rimasto ferito", "it", None),
        ("A bateria explodiu", "pt", "danger"),
        ("Meu filho ficou ferido", "pt", "danger"),
        ("ninguém ficou ferido", "pt", None),
        ("Vou ao Procon", "pt", "law"),
        ("De accu is ontploft", "nl", "danger"),
        ("Ik ben gewond geraakt", "nl", "danger"),
        ("niemand is gewond", "nl", None),
        ("Mijn advocaat neemt contact op", "nl", "law"),
        ("Bateria wybuchła", "pl", "danger"),
        ("Syn jest ranny", "pl", "danger"),
        ("nikt nie został ranny", "pl", None),
        ("Zgłoszę to do UOKiK", "pl", "law"),
        ("Great job! My parcel is lost again.", "en", "sarcasm"),
        ("Toll, schon wieder das falsche Paket", "de", "sarcasm"),
        ("Bravo, troisième fois que le colis est perdu", "fr", "sarcasm"),
        ("Great job, the bike works perfectly", "en", None),
        ("Wonderful, it arrived early, thank you!", "en", None),
        ("Thanks a lot, the broken lamp was replaced", "en", None),
        ("My flight is tomorrow and I have no ticket", "en", "deadline"),
        ("Meine Hochzeit ist morgen", "de", "deadline"),
        ("where is my order", "en", None),
        ("I want a refund", "en", None),
        ("my card was stolen", "en", "theft"),
        ("the saddle is on the way to hospital street", "en", None),
        ("burning question about size", "en", None),
        ("The kids love the smoke grey colour", "en", None),
        ("The tyre exploded", "en", "danger"),
        ("My chain broke", "en", None),
        ("My bike was stolen, can I buy the same?", "en", "theft"),
        ("The battery is not charging and started smoking", "en", "danger"),
        ("If you do not pay by Friday I will dispute the charge", "en", "law"),
        ("I will not call a lawyer", "en", None),
    ],
)
def test_an_alarm_is_heard_where_it_is_meant(text, language, alarm):
    assert name_alarm(text, language) == alarm


def test_a_long_text_in_capitals_is_shouted():
    assert is_shouted("WHERE IS MY ORDER I HAVE WAITED LONG")
    assert not is_shouted("ORDER LC-204518")
    assert not is_shouted("Where is my order? I have waited SO LONG")
