"""The words around a reply, per language; English where we have none of the customer's language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """Fixed sentences of a reply; ``{}`` fields are filled with str.format.

    Attributes:
        hello: Greeting without a name.
        hello_name: Greeting with ``{name}``.
        sorry: Said first to somebody who is upset.
        answer: Introduces quotes from ``{title}``.
        more: After an answer; names ``{team}``.
        routed: Acknowledgement without an answer; names ``{team}``.
        kept: Says that ``{ids}`` was noted.
        bye: Sign-off.
    """

    hello: str
    hello_name: str
    sorry: str
    answer: str
    more: str
    routed: str
    kept: str
    bye: str


PHRASES = {
    "en": Phrases(
        hello="Hello,",
        hello_name="Hello {name},",
        sorry="I am sorry for the trouble you have had.",
        answer="Thank you for getting in touch. Our help article “{title}” says:",
        more="If that does not settle it, simply reply to this message and our {team} team will see your reply.",
        routed=(
            "Thank you for your message. I did not find an answer in our help articles that I am sure of, "
            "so I have passed your message on to our {team} team. There is no need to send it again."
        ),
        kept="I have noted {ids} with it.",
        bye="Kind regards,\nCustomer Support",
    ),
    "de": Phrases(
        hello="Guten Tag,",
        hello_name="Guten Tag {name},",
        sorry="Die Unannehmlichkeiten tun mir leid.",
        answer="Vielen Dank für Ihre Nachricht. In unserem Hilfeartikel „{title}“ steht dazu:",
        more=(
            "Falls das Ihre Frage nicht klärt, antworten Sie einfach auf diese Nachricht; "
            "unser Team {team} sieht Ihre Antwort."
        ),
        routed=(
            "Vielen Dank für Ihre Nachricht. In unseren Hilfeartikeln habe ich keine Antwort gefunden, bei der ich "
            "sicher bin, deshalb habe ich Ihre Nachricht an unser Team {team} weitergegeben. "
            "Sie brauchen sie nicht noch einmal zu senden."
        ),
        kept="Ich habe dazu vermerkt: {ids}.",
        bye="Mit freundlichen Grüßen\nIhr Kundenservice",
    ),
    "fr": Phrases(
        hello="Bonjour,",
        hello_name="Bonjour {name},",
        sorry="Je suis désolé pour les désagréments que vous avez rencontrés.",
        answer="Merci pour votre message. Notre article d’aide « {title} » indique :",
        more="Si cela ne suffit pas, répondez simplement à ce message : notre équipe {team} verra votre réponse.",
        routed=(
            "Merci pour votre message. Je n’ai pas trouvé dans nos articles d’aide de réponse dont je sois sûr ; "
            "je l’ai donc transmis à notre équipe {team}. Il est inutile de le renvoyer."
        ),
        kept="J’y ai noté : {ids}.",
        bye="Cordialement,\nLe service client",
    ),
    "es": Phrases(
        hello="Hola:",
        hello_name="Hola, {name}:",
        sorry="Lamento las molestias que ha tenido.",
        answer="Gracias por su mensaje. Nuestro artículo de ayuda «{title}» dice:",
        more="Si esto no lo resuelve, responda a este mensaje y nuestro equipo {team} verá su respuesta.",
        routed=(
            "Gracias por su mensaje. No he encontrado en nuestros artículos de ayuda una respuesta segura, "
            "así que lo he pasado a nuestro equipo {team}. No hace falta que lo envíe otra vez."
        ),
        kept="He anotado: {ids}.",
        bye="Un saludo,\nAtención al cliente",
    ),
}


def phrases_for(language: str) -> Phrases:
    """Return the phrases of a language, English ones where there are none."""
    return PHRASES.get(language, PHRASES["en"])
