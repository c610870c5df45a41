"""Words looked for in titles and messages: `SEARCH`, what it is `wanted` with, and a `Hit`. Pure.

The index holds words, by their beginnings, and single signs of the scripts that put no spaces between words
(see `longthread_words` in the schema); that those signs stand together is looked up in the text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graph.bookmark import storable
from graph.checkpointers.ids import whole

MAX_QUERY = 1_000
EXCERPT = 160

_SIGNS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{2,}"
)

_WORD = re.compile(r"[^\W_]+")

SEARCH = r"""
WITH query AS MATERIALIZED (
    SELECT ('''@' || hashtext(%(owner)s)::text || '''' || string_agg(
        ' & ' || quote_literal(lexeme)
            || CASE WHEN length(lexeme) > 2 OR lexeme ~ '[\uac00-\ud7a3]' THEN ':*' ELSE '' END, ''
    ))::tsquery AS words
    FROM unnest(longthread_words(0, %(text)s)) WHERE lexeme <> '@0'
), found AS (
    SELECT n.thread, NULL::integer AS place, n.title AS text, t.updated AS created, NULL AS id, NULL AS type
    FROM longthread_title n JOIN longthread_thread t ON t.number = n.thread
    WHERE longthread_words(n.owner, n.title) @@ (SELECT words FROM query)
    UNION ALL
    SELECT m.thread, m.number, m.text, m.created, m.id, m.type
    FROM longthread_message m
    WHERE m.number >= 0 AND longthread_words(m.owner, m.text) @@ (SELECT words FROM query)
)
SELECT t.number, t.thread_id, coalesce(n.title, '') AS title, f.id AS message_id, f.type AS role,
    coalesce(f.place, -1) AS place, f.created,
    substr(f.text, greatest(strpos(lower(f.text), lower(%(first)s)) - 40, 1), %(excerpt)s) AS excerpt
FROM found f JOIN longthread_thread t ON t.number = f.thread
LEFT JOIN longthread_title n ON n.thread = t.number
WHERE t.owner = %(owner)s AND t.trashed IS NULL AND NOT t.temporary AND f.text ILIKE ALL (%(signs)s::text[])
    AND (%(created)s::timestamptz IS NULL
        OR (f.created, t.number, coalesce(f.place, -1)) < (%(created)s, %(thread)s, %(place)s))
ORDER BY f.created DESC, t.number DESC, coalesce(f.place, -1) DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Hit:
    """A title (no `message_id`) or a message that was found. `place` tells apart hits of one thread."""

    number: int
    thread_id: str
    title: str
    message_id: str | None
    role: str | None
    place: int
    created: datetime
    excerpt: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Hit":
        """The hit of a row of `SEARCH`."""
        columns: dict[str, Any] = dict(row)
        if columns["message_id"] is not None:
            columns["message_id"] = whole(columns["message_id"])
        return cls(**columns)


def wanted(text: str) -> dict[str, Any] | None:
    """What `SEARCH` is given for a query; None for one that looks for nothing."""
    words = "".join(c if storable(c) else " " for c in text[:MAX_QUERY]).split()
    first = _WORD.search(" ".join(words))
    if first is None:
        return None
    signs = [f"%{run}%" for word in words for run in _SIGNS.findall(word)]
    return {"text": " ".join(words), "signs": signs, "first": first[0], "excerpt": EXCERPT}
