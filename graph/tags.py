"""Tags on threads: `Tags`, which a person gives and finds threads by."""

from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

from graph.bookmark import Bookmark, storable
from graph.checkpointers import PostgresCheckpointer
from graph.errors import InvalidInput
from graph.tables import Tables, owned

MOST, LONGEST = 10, 40
"""Tags of a thread, and characters of a tag."""

# One statement: the tags that stay are not written again. It names the thread, also where nothing changes.
_SET = """
WITH place AS (
    SELECT number FROM longthread_thread WHERE owner = %(owner)s AND key = %(key)s FOR UPDATE
), gone AS (
    DELETE FROM longthread_tag g USING place
    WHERE g.thread = place.number AND NOT g.tag = ANY (%(tags)s::text[])
), given AS (
    INSERT INTO longthread_tag (thread, owner, tag)
    SELECT place.number, hashtext(%(owner)s), tag FROM place, unnest(%(tags)s::text[]) tag
    ON CONFLICT DO NOTHING
)
SELECT number FROM place
"""
_OF = """
SELECT g.tag, count(*) AS threads FROM longthread_tag g JOIN longthread_thread t ON t.number = g.thread
WHERE g.owner = hashtext(%(owner)s) AND t.owner = %(owner)s AND t.trashed IS NULL AND NOT t.archived
    AND NOT t.temporary
GROUP BY g.tag ORDER BY count(*) DESC, g.tag LIMIT %(limit)s
"""


def normal(tag: str) -> str:
    """A tag as it is kept: in lower case, without a # or spaces around it. Raises `InvalidInput`."""
    kept = " ".join(normalize("NFKC", tag).casefold().split()).lstrip("#").strip()
    if not kept or len(kept) > LONGEST or not storable(kept) or "," in kept:
        raise InvalidInput(f"A tag has 1 to {LONGEST} characters and no comma; this one has {len(kept):,}.")
    return kept


class Tags:
    """The tags of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._tables = Tables(saver)

    async def set(self, place: Bookmark, tags: Sequence[str]) -> Sequence[str]:
        """Give the thread these tags and no others. Raises `ThreadNotFound`, `InvalidInput`."""
        kept = sorted({normal(tag) for tag in tags})
        if len(kept) > MOST:
            raise InvalidInput(f"A thread has at most {MOST} tags; these are {len(kept)}.")
        await self._tables.change(_SET, owned(place) | {"tags": kept})
        return kept

    async def of(self, user_id: str, limit: int = 100) -> dict[str, int]:
        """A person's tags, those of most threads first, with how many are in the list."""
        values: dict[str, Any] = {"owner": user_id, "limit": limit}
        return {row["tag"]: row["threads"] for row in await self._tables.rows(_OF, values)}
