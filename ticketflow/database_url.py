"""Database URLs as people and providers write them, read as libpq reads them. No message repeats any part of one."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

POOLER = "pgbouncer"
SCHEMA = "schema"

# The driver that may follow is SQLAlchemy's habit, and whichever it is, ours is psycopg 3.
_SCHEME = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_KEYWORDS = re.compile(r"[a-z_]+ *=")
# SQLAlchemy's way to name several: host=db1:5432&host=db2:5432.
_PLACE = re.compile(r"([^:/,@]+)(?::([0-9]+))?")
_PORT = re.compile(r"[0-9]{0,5}")
_ESCAPE = "in user name and password write % as %25, @ as %40, / as %2F, ? as %3F, a space as %20"
_YES_OR_NO = {"true": "true", "1": "true", "false": "false", "0": "false"}
# Of Prisma and JDBC, which mean one schema by it, and no other searched.
_OURS = {SCHEMA: SCHEMA, "currentSchema": SCHEMA, POOLER: POOLER}
# What other clients' URLs say besides, and what to say instead.
_FOREIGN: Mapping[str, str] = {
    "ssl": "write sslmode=require or sslmode=verify-full instead",
    "sslaccept": "write sslmode=require or sslmode=verify-full instead",
    "sslidentity": "write sslcert and sslkey instead",
    "sslrootcertificate": "write sslrootcert instead",
    "uselibpqcompat": "leave it out, this is libpq",
    "connection_limit": "leave it out",
    "pool_timeout": "leave it out",
    "pool_size": "leave it out",
    "max_overflow": "leave it out",
    "socket_timeout": "leave it out",
    "command_timeout": "leave it out",
    "statement_cache_size": "leave it out; write pgbouncer=true for a pooler that is not recognised",
    "prepared_statements": "leave it out; write pgbouncer=true for a pooler that is not recognised",
    "prepareThreshold": "leave it out; write pgbouncer=true for a pooler that is not recognised",
    "supa": "leave it out",
    "replication": "leave it out",
    "search_path": "write schema=NAME, or options=-csearch_path%3DNAME",
}


def read_database_url(text: str) -> dict[str, str]:
    """Return libpq's parameters, and ours (``pgbouncer``, ``schema``), of a URL or of ``keyword=value`` words.

    Of several servers, without a word on it, the one that takes writes is meant: the others would refuse every ticket.

    Raises:
        ValueError: It can't be read, or could be read in two ways; the message says what to write instead.
    """
    text = text.strip()
    if _KEYWORDS.match(text):
        found = _ask_libpq(text)
    else:
        place, query, ours = _split(text)
        found = _ask_libpq(f"postgresql://{place}?{query}") | ours
    if unfit := _FOREIGN.keys() & found.keys():
        raise ValueError(f"{min(unfit)} does not fit here: {_FOREIGN[min(unfit)]}")
    if not all(map(_PORT.fullmatch, found.get("port", "").split(","))):
        raise ValueError(f"has a port that is no number; {_ESCAPE}")
    hosts = found.get("host", "").split(",")
    if len(hosts) > 1:
        if not all(hosts):
            raise ValueError("has a comma and no server behind or before it")
        found.setdefault("target_session_attrs", "read-write")
    return found


def _split(url: str) -> tuple[str, str, dict[str, str]]:
    """Split a URL into what says where, what libpq is to read of the rest, and our own parameters."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ValueError("must start with postgresql://")
    place, _, query = url[scheme.end() :].partition("?")
    authority, _, path = place.partition("/")
    # A character of the password that is not written as it should be puts the rest of it into the name of the host.
    if authority.count("@") > 1 or "@" in path or "@" in query:
        raise ValueError(f"has an @ where none can stand; {_ESCAPE}")
    theirs, ours, places = [], {}, []
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if name in _OURS:
            ours[_OURS[name]] = _read_ours(name, unquote(value))
        elif name in _FOREIGN and pair != "ssl=true":  # libpq takes this one, for JDBC's sake
            raise ValueError(f"{name} does not fit here: {_FOREIGN[name]}")
        elif name == "host" and (named := _PLACE.fullmatch(unquote(value))):
            places.append(named.groups(default=""))
        else:
            theirs.append(f"{name}{equals}{value.replace('=', '%3D')}")
    if places:
        ours |= {key: ",".join(values) for key, values in zip(("host", "port"), zip(*places, strict=True), strict=True)}
    return place, "&".join(theirs), {name: value for name, value in ours.items() if value.strip(",")}


def _read_ours(name: str, value: str) -> str:
    if name == POOLER and value not in _YES_OR_NO:
        raise ValueError("pgbouncer must be true or false")
    if not value:
        raise ValueError(f"{name} is empty")
    return _YES_OR_NO[value] if name == POOLER else value


def _ask_libpq(conninfo: str) -> dict[str, str]:
    # Not at the top: the command line reads settings, and seldom talks to a database.
    import psycopg  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        return {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    except (psycopg.Error, UnicodeError):  # says what it could not read, which may be a piece of a password
        raise ValueError(f"libpq can't read it, or does not know one of its parameters; {_ESCAPE}") from None
