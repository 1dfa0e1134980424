"""What text can be kept, whoever hands it in and how."""

import re

# Cc, and the two separators that also end a line (Unicode UAX #14, class BK).
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# PostgreSQL's text and jsonb cannot hold NUL; lone surrogates are not text at all (RFC 8259 §8.2).
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
