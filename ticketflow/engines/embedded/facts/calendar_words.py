"""The words of dates, per language: days, months, units, numbers, and what points back or ahead."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """How one language speaks of days. Words are regular expressions in small letters, without groups.

    Attributes:
        shifts: Words for a day counted from today.
        weekdays: Monday to Sunday.
        back: Before or after a weekday: the one that was.
        ahead: Before or after a weekday: the one that comes.
        near: Before a weekday, on its own: the one that was, as somebody who writes to support mostly means.
        units: Day, week, month and year, singular or plural.
        numbers: One to ten.
        ago: What an amount of time lies between to mean the past; a blank string for nothing.
        within: The same, for the future.
    """

    shifts: dict[str, int]
    weekdays: tuple[str, str, str, str, str, str, str]
    back: str
    ahead: str
    near: str
    units: tuple[str, str, str, str]
    numbers: tuple[str, ...]
    ago: tuple[str, str]
    within: tuple[str, str] = field(default=("in ", ""))


ENGLISH = CalendarWords(
    shifts={"today": 0, "yesterday": -1, "tomorrow": 1, "day before yesterday": -2, "day after tomorrow": 2},
    weekdays=(
        "mon(?:day)?",
        "tue(?:s|sday)?",
        "wed(?:nesday)?",
        "thu(?:rs|rsday)?",
        "fri(?:day)?",
        "saturday",
        "sunday",
    ),
    back="last|past",
    ahead="next|this(?: coming)?|coming|by|until|till",
    near="on|since",
    units=("days?", "weeks?", "months?", "years?"),
    numbers=("an?|one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ago=("", " ago"),
)

CALENDARS = {
    "en": ENGLISH,
    "de": CalendarWords(
        shifts={"heute": 0, "gestern": -1, "vorgestern": -2, "morgen(?! fr)": 1, "übermorgen": 2},
        weekdays=("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag|sonnabend", "sonntag"),
        back="letzte[nmr]?|vergangene[nmr]?|vorige[nmr]?",
        ahead="nächste[nmr]?|kommende[nmr]?|diese[nmr]?|bis(?: zum)?",
        near="am|seit",
        units=("tage?n?", "wochen?", "monate?n?", "jahre?n?"),
        numbers=("ein(?:e[mnr]?)?", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"),
        ago=("vor ", ""),
    ),
    "fr": CalendarWords(
        shifts={"aujourd['’]hui": 0, "avant-hier": -2, "hier": -1, "après-demain": 2, "demain": 1},
        weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        back="dernier",
        ahead="prochain|d['’]ici|jusqu['’]à",
        near="depuis",
        units=("jours?", "semaines?", "mois", "ans?|années?"),
        numbers=("une?", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
        ago=("il y a ", ""),
        within=("dans ", ""),
    ),
    "es": CalendarWords(
        shifts={"hoy": 0, "anteayer|antes de ayer": -2, "ayer": -1, "pasado mañana": 2, "(?<!la )mañana": 1},
        weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        back="pasado",
        ahead="próximo|que viene|hasta el",
        near="desde el",
        units=("d[ií]as?", "semanas?", "mes(?:es)?", "años?"),
        numbers=("una?", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"),
        ago=("hace ", ""),
        within=("(?:en|dentro de) ", ""),
    ),
    "it": CalendarWords(
        shifts={"oggi": 0, "l['’]altro ieri": -2, "ieri": -1, "dopodomani": 2, "domani": 1},
        weekdays=("luned[iì]", "marted[iì]", "mercoled[iì]", "gioved[iì]", "venerd[iì]", "sabato", "domenica"),
        back="scors[oa]",
        ahead="prossim[oa]|entro",
        near="da",
        units=("giorn[oi]", "settiman[ae]", "mes[ei]", "ann[oi]"),
        numbers=("un[oa]?", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove", "dieci"),
        ago=("", " fa"),
        within=("(?:tra|fra) ", ""),
    ),
    "pt": CalendarWords(
        shifts={"hoje": 0, "anteontem": -2, "ontem": -1, "depois de amanhã": 2, "amanhã": 1},
        weekdays=("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"),
        back="passad[oa]",
        ahead="próxim[oa]|que vem|até",
        near="desde",
        units=("dias?", "semanas?", "m[eê]s(?:es)?", "anos?"),
        numbers=("uma?", "dois|duas", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez"),
        ago=("há ", ""),
        within=("(?:em|daqui a) ", ""),
    ),
    "nl": CalendarWords(
        shifts={"vandaag": 0, "eergisteren": -2, "gisteren": -1, "overmorgen": 2, "morgen": 1},
        weekdays=("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
        back="afgelopen|vorige",
        ahead="volgende|komende|tot",
        near="op|sinds",
        units=("dag(?:en)?", "we(?:ek|ken)", "maand(?:en)?", "ja(?:ar|ren)"),
        numbers=("een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen", "tien"),
        ago=("", " geleden"),
        within=("over ", ""),
    ),
}

# Names of months in all these languages; none means two different months.
MONTHS = (
    "jan(?:uary|uar|uari|vier)?|enero|gennaio|janeiro",
    "feb(?:ruary|ruar|ruari|rero|braio)?|f[ée]vr(?:ier)?|fevereiro",
    "mar(?:ch|zo|s)?|märz|maart|março",
    "apr(?:il|ile)?|avr(?:il)?|abr(?:il)?",
    "may|mai|mayo|mei|maggio|maio",
    "june?|juni|juin|junio|giugno|junho",
    "july?|juli|juil(?:let)?|julio|luglio|julho",
    "aug(?:ust|ustus)?|ao[uû]t|agosto",
    "sept?(?:ember|embre|iembre)?|settembre|setembro",
    "o[ck]t(?:ober|obre|ubre)?|ottobre|outubro",
    "nov(?:ember|embre|iembre|embro)?",
    "de[cz](?:ember|embre)?|d[ée]c(?:embre)?|dic(?:iembre|embre)?|dezembro",
)
