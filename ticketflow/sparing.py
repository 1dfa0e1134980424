"""Numbers that could be a card's and surely are something else: said by the words right before them.

A check digit fits one number in ten by chance, so that orders, parcels and bar codes were starred as cards. Only words
spare a number, never shape alone, and none where a word of paying is near. What cards have today, first digits and
length, is spared by the most telling words alone.
"""

import re

Span = tuple[int, int]

# Words in capitals without accents, as folding writes them; German compounds end in -NUMMER or -NR.
_PAYING = re.compile(
    r"\b(?:CARDS?|VISA|MASTER ?CARD|AMEX|MAESTRO|DISCOVER|CREDIT|DEBIT|CC|CVV|CVC|EXP|EXPIR\w*|PAN"
    r"|PAID|PAY|PAYMENT|PAYING|CHARGED"
    r"|\w*KARTEN?\w*|BEZAHL\w*|ZAHL\w*|CARTE|CB|PAYE\w*|PAIEMENT|TARJETA|PAGUE\w*|PAGO|CARTA|PAGAT\w*|CARTAO|KAART|BETAAL\w*"
    r"|KART[AYE]|ZAPLAC\w*)\b"
)
_LINK = (
    r"(?:N|NO|NR|NUM|NUMBERS?|NUMMERN?|NUMERO|NUMEROS|NUMER\w*|ID|CODE|IS|ARE|WAS|THE|A|OF|ON|FOR|MY|YOUR|OUR|FROM|SAYS|READS|IST"
    r"|LAUTET|DER|DIE|DAS|MEINE\w*|VON|EST|LE|LA|DE|DU|MA|MON|ES|EL|MI|DEL|E|IL|DELLA|O|DA|DO|HET|VAN|MIJN|TO|JEST|AND)"
)
# What no card has before it.
_SURE = re.compile(
    r"\b(?:IMEI(?:SV)?|EAN|GTIN|UPC|ISBN|SSCC|BAR ?CODES?|STRICHCODE|CODE ?BARRES?"
    r"|CODIGO DE BARRAS|CODICE A BARRE|STREEPJESCODE|KOD KRESKOWY"
    r"|METER|ZAHLER\w*|SERIAL|SERIENNUMMER|SERIENNR|SKU|CHASSIS)(?:[^A-Z0-9.!?;]+[A-Z]+){0,5}[^A-Z0-9.!?;]*\Z"
)
# What has its number right after it; cards of the main issuers are starred all the same.
_SAID = re.compile(
    r"\b(?:ORDERS?|PURCHASES?|BOOKING|TRACKING|PARCELS?|PACKAGE|SHIPMENT|FEDEX|UPS|USPS|DHL|DPD|GLS|HERMES|INVOICES?|LABEL"
    r"|BESTELL\w*|AUFTRAG\w*|SENDUNG\w*|PAKET\w*|RECHNUNG\w*|COMMANDES?|COLIS|SUIVI|FACTURE|PEDIDOS?|ENVIO|SEGUIMIENTO|FACTURA"
    r"|ORDINE|ORDINI|SPEDIZIONE|FATTURA|ENCOMENDAS?|RASTREIO|FATURA|BESTELLING\w*|ZENDING|TRACKCODE|FACTUUR|ZAMOWIENI\w*|PRZESYLK\w*"
    rf"|ARTICLE|ARTIKEL\w*|ITEM|PRODUCT|CUSTOMER|KUNDEN\w*|ACCOUNT)(?:[^A-Z0-9.!?;]+{_LINK})*[^A-Z0-9.!?;]*\Z"
)
# What issuers print today, by first digits and length; Maestro's short cards and Visa's of 13 digits are long gone.
_MAIN = re.compile(
    r"(?:4\d{15}(?:\d{2,3})?|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d|35(?:2[89]|[3-8]\d)|62\d\d|5018|5020|5038|5893|6304|67\d\d|220[0-4]|9792)\d{12,15}"
    r"|3(?:0[0-5]|[689]\d)\d{11})\Z"
)
# An order of a marketplace, and two numbers of a list: no card is printed in such groups.
_MARKETPLACE = re.compile(r"(?<!\d)\d{3}-\d{7}-\d{7}(?!\d)")
_MARKETPLACE_REST = 12
_LISTED = re.compile(r"\d{7,10}(?: \d{7,10})+\Z")
_BEFORE = 60
_AFTER = 30


def drop_others(folded: str, spans: list[Span]) -> list[Span]:
    """Leave out the spans of numbers that surely are no cards.

    Args:
        folded: A text in capitals and ASCII digits; see ``folding``.
        spans: Of what could be cards in it.
    """
    return [span for span in spans if not _is_other(folded, *span)]


def _is_other(folded: str, start: int, end: int) -> bool:
    before = folded[max(0, start - _BEFORE) : start]
    if _PAYING.search(before) or _PAYING.search(folded[end : end + _AFTER]):
        return False
    written = folded[start:end]
    around = folded[max(0, start - _MARKETPLACE_REST) : end + _MARKETPLACE_REST]
    if _MARKETPLACE.search(around) or _SURE.search(before):
        return True
    is_said = _SAID.search(before) is not None
    is_main = _MAIN.match("".join(filter(str.isdecimal, written))) is not None
    # In one piece, as orders are written; cards come in groups.
    return is_said and ((written.isdecimal() and not is_main) or _LISTED.match(written) is not None)
