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
_NUMBER = r"(?:NUMMERN?|NUMMER\w*|NUMBERS?|NUMEROS?|NUMER\w*|NUM|NO|NR|N|ID|CODE)"
_LINK = (
    rf"(?:{_NUMBER}|IS|ARE|WAS|THE|A|OF|ON|FOR|MY|YOUR|OUR|FROM|SAYS|READS|IST"
    r"|LAUTET|DER|DIE|DAS|MEINE\w*|VON|EST|LE|LA|DE|DU|MA|MON|ES|EL|MI|DEL|E|IL|DELLA|O|DA|DO|HET|VAN|MIJN|TO|JEST|AND)"
)
_REST = r"(?:[^A-Z0-9.!?;]+[A-Z]+){0,5}[^A-Z0-9.!?;]*\Z"
_GAP = rf"(?:[^A-Z0-9.!?;]+{_LINK})*[^A-Z0-9.!?;]*\Z"
# What no card has before it, and the lengths of what has: a number of another length may be a card for all that.
_BAR_CODE = re.compile(
    r"\b(?:EAN|GTIN|UPC|ISBN|SSCC|BAR ?CODES?|STRICHCODE|CODE ?BARRES?|CODIGO DE BARRAS|CODICE A BARRE|STREEPJESCODE"
    rf"|KOD KRESKOWY|LABEL){_REST}"
)
_BAR_CODE_DIGITS = {12, 13, 14, 18}  # GS1 General Specifications §3: GTIN-12 to GTIN-14, SSCC
_DEVICE = re.compile(rf"\bIMEI(?:SV)?{_REST}")
_DEVICE_DIGITS = {15, 16}  # 3GPP TS 23.003 §6.2
_METER = re.compile(rf"\b(?:METER|ZAHLER\w*|SERIAL|SERIENNUMMER|SERIENNR|SKU|CHASSIS){_REST}")
# What has its number right after it; cards of the main issuers are starred all the same.
_PARCEL = (
    r"TRACKING|PARCELS?|PACKAGE|SHIPMENT|FEDEX|UPS|USPS|DHL|DPD|GLS|HERMES|SENDUNG\w*|PAKET\w*|COLIS|SUIVI|ENVIO"
    r"|SEGUIMIENTO|SPEDIZIONE|RASTREIO|ZENDING|TRACKCODE|PRZESYLK\w*"
)
_ORDER = (
    r"ORDERS?|PURCHASES?|BOOKING|INVOICES?|BESTELL\w*|AUFTRAG\w*|RECHNUNG\w*|COMMANDES?|FACTURE|PEDIDOS?|FACTURA"
    r"|ORDINE|ORDINI|FATTURA|ENCOMENDAS?|FATURA|BESTELLING\w*|FACTUUR|ZAMOWIENI\w*|ARTICLE|ARTIKEL\w*|ITEM|PRODUCT"
    r"|CUSTOMER|KUNDEN\w*|ACCOUNT"
)
_SAID = re.compile(rf"\b(?:{_PARCEL}|{_ORDER}){_GAP}")
# Words that surely announce a number of their own: "order number", "order #", a parcel's. A bare "order" may as well be
# what a card paid for, and spares only what no main issuer prints and no issuer of short numbers ever did.
_ANNOUNCED = re.compile(rf"#|\b\w*(?:NUMMERN?|NR)\b|\b(?:{_NUMBER}|{_PARCEL})\b")
_SEVERAL = re.compile(
    r"(?:ORDERS|PURCHASES|PARCELS|INVOICES|COMMANDES|PEDIDOS|ORDINI|ENCOMENDAS|BESTELLUNGEN|BESTELLINGEN|AUFTRAGE"
    r"|RECHNUNGEN|NUMBERS|NUMMERN|NUMEROS)\b"
)
# What issuers print today, by first digits and length.
_MAIN = re.compile(
    r"(?:4\d{15}(?:\d{2,3})?|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d|35(?:2[89]|[3-8]\d)|62\d\d|5018|5020|5038|5893|6304|67\d\d|220[0-4]|9792)\d{12,15}"
    r"|3(?:0[0-5]|[689]\d)\d{11})\Z"
)
# Visa's of 13 digits and Maestro's short ones: rare, if they are printed at all.
_RARE = re.compile(r"(?:4\d{12}|(?:5[06-9]|6\d)\d{10,17})\Z")
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
    if _MARKETPLACE.search(around):
        return True
    digits = "".join(filter(str.isdecimal, written))
    return _is_code(before, digits) or _is_ordered(before, written, digits)


def _is_code(before: str, digits: str) -> bool:
    """Tell a bar code, a device or a meter, which words name and whose length it has."""
    if _METER.search(before):
        return _MAIN.match(digits) is None
    is_device = len(digits) in _DEVICE_DIGITS and _DEVICE.search(before) is not None
    return is_device or (len(digits) in _BAR_CODE_DIGITS and _BAR_CODE.search(before) is not None)


def _is_ordered(before: str, written: str, digits: str) -> bool:
    """Tell an order or a parcel: in one piece, as they are written; cards come in groups."""
    said = _SAID.search(before)
    if said is None:
        return False
    if not written.isdecimal():
        return _LISTED.match(written) is not None and _SEVERAL.search(said[0]) is not None
    is_rare = _RARE.match(digits) is not None and not _ANNOUNCED.search(said[0])
    return _MAIN.match(digits) is None and not is_rare
