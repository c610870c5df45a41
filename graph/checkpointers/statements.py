"""The statements that write to threads, composed from their parts. Pure.

Each is one round trip and one transaction. A writer says what it believes (this checkpoint is the head, these
messages are new); where that does not hold nothing is written and no row comes back. Numbers travel as array
literals: psycopg would choose their width by their size, and every width would be planned anew.
"""

from functools import cache
from typing import Literal

FEW = 4
"""New messages up to which their rows are spelt out, which is what a turn needs; more travel as arrays."""

SPAN = 6
"""Seconds that a lease holds without being renewed: so long a dead process keeps others waiting."""

DIGEST = "substr(encode(sha256(convert_to({}, 'UTF8')), 'hex'), 1, 32)::uuid"
"""Of a thread's key, under which is kept that it was deleted; and of a request's name."""

DELETED = "EXISTS (SELECT FROM longthread_deleted d WHERE d.digest = " + DIGEST.format("%(key)s") + ")"
"""Whether the thread was deleted for good."""

# Leases: taken by who answers, named by each write of the turn.

_FREE = " AND (t.until IS NULL OR t.until < now())"
_TAKEN = f"lease = %(lease)s::uuid, until = now() + interval '{SPAN} s', wish = NULL"
_HELD = " AND t.lease = %(lease)s::uuid"
_ENDED = ", lease = NULL, until = NULL, wish = NULL"

Held = Literal["", "kept", "ended"]
"""Whether a write names a lease, and whether that ends with it."""

# Writing: each part reads `place`, the one row of the thread if all is as the writer believes.


def _fresh(messages: int) -> list[str]:
    if not messages:
        return []
    one = "(%(number_{0})s::integer, %(type_{0})s, %(id_{0})s, %(text_{0})s, %(body_{0})b::bytea)"
    rows = (
        f"(VALUES {', '.join(one.format(n) for n in range(messages))})"
        if messages <= FEW
        else "unnest(%(numbers)s::integer[], %(types)s::text[], %(ids)s::text[], %(texts)s::text[], "
        "%(bodies)b::bytea[])"
    )
    return [
        f"""
fresh AS (
    INSERT INTO longthread_message (thread, number, owner, type, id, text, body)
    SELECT place.number, m.number, hashtext(%(owner)s), m.type, m.id, m.text, nullif(m.body, '')
    FROM place, {rows} AS m (number, type, id, text, body)
)"""
    ]


def _unheard(ids: int) -> str:
    """Believing that nothing is stored under these ids."""
    found = """ AND NOT EXISTS (
        SELECT FROM longthread_message d
        WHERE d.thread = t.number AND hashtext(d.id) = hashtext({0}) AND d.id = {0})"""
    if ids <= FEW:
        return "".join(found.format(f"%(unheard_{n})s") for n in range(ids))
    return """ AND NOT EXISTS (
        SELECT FROM unnest(%(unheard)s::text[]) u
        JOIN longthread_message d ON d.thread = t.number AND hashtext(d.id) = hashtext(u) AND d.id = u)"""


_VALUES = """
large AS (
    INSERT INTO longthread_value (thread, digest, body)
    SELECT place.number, v.digest, v.body
    FROM place, unnest(%(digests)s::uuid[], %(larges)b::bytea[]) AS v (digest, body)
    ON CONFLICT DO NOTHING
)"""
_TITLE = """
titled AS (
    INSERT INTO longthread_title (thread, owner, title)
    SELECT place.number, hashtext(%(owner)s), %(title)s FROM place ON CONFLICT DO NOTHING
)"""

# What goes on from the head is the head, else the newest is: ids follow clocks, and clocks differ. The tip
# that is left stays a tip, of a branch that is not active.
_IS_HEAD = "(t.head IS NULL OR t.head = %(parent)s::uuid OR t.head <= %(id)s::uuid)"
_MOVED = f"""
    updated = now(),
    messages = CASE WHEN {_IS_HEAD} THEN %(messages)s::integer ELSE t.messages END,
    branches = CASE
        WHEN t.head IS NULL OR t.head = %(parent)s::uuid OR t.head = %(id)s::uuid THEN t.branches
        ELSE array_remove(array_remove(t.branches, %(parent)s::uuid), %(id)s::uuid)
            || CASE WHEN t.head < %(id)s::uuid THEN t.head ELSE %(id)s::uuid END
    END,
    head = CASE WHEN {_IS_HEAD} THEN %(id)s::uuid ELSE t.head END"""
_ONWARD = "updated = now(), messages = %(messages)s::integer, head = %(id)s::uuid"
_SETTLED = """, asked = %(left)b::bytea,
    asked_id = CASE WHEN %(left)b::bytea IS NULL THEN NULL ELSE t.asked_id END,
    asked_on = CASE WHEN %(left)b::bytea IS NULL THEN NULL ELSE %(id)s::uuid END"""
_WAITING = "t.asked_id IS NOT DISTINCT FROM %(waiting)s::uuid"


def _moving(*, known: bool, onward: bool, settles: bool, unheard: int, held: Held) -> str:
    """The thread goes on to a checkpoint: `onward` from the head, if it still is the head."""
    if not known:
        return f"""place AS (
    INSERT INTO longthread_thread AS t (key, owner, thread_id, messages, head)
    SELECT %(key)s, %(owner)s, %(thread_id)s, %(messages)s::integer, %(id)s::uuid WHERE NOT {DELETED}
    ON CONFLICT (key) DO UPDATE SET {_MOVED} RETURNING t.number
)"""
    head = " AND t.head IS NOT DISTINCT FROM %(parent)s::uuid" if onward else ""
    changes = (_ONWARD if onward else _MOVED) + _SETTLED * settles + _ENDED * (held == "ended")
    return f"""place AS (
    UPDATE longthread_thread t SET {changes}
    WHERE t.number = %(thread)s::bigint AND {_WAITING}{head}{_unheard(unheard)}{_HELD if held else ""}
    RETURNING t.number
)"""


def _staying(*, known: bool, unheard: int, held: Held) -> str:
    """The thread stays where it is, and is there until this is stored: a delete waits or was first."""
    if known:
        return f"""place AS (
    SELECT t.number FROM longthread_thread t
    WHERE t.number = %(thread)s::bigint{_unheard(unheard)}{_HELD if held else ""} FOR KEY SHARE OF t
)"""
    return f"""place AS (
    INSERT INTO longthread_thread AS t (key, owner, thread_id)
    SELECT %(key)s, %(owner)s, %(thread_id)s WHERE NOT {DELETED}
    ON CONFLICT (key) DO UPDATE SET owner = t.owner RETURNING t.number
)"""


@cache
def saving(
    *,
    known: bool,
    root: bool,
    onward: bool,
    settles: bool,
    titles: bool,
    messages: int,
    unheard: int,
    values: bool,
    held: Held = "",
) -> bytes:
    """Store a checkpoint with what is new in it, and move the thread on; returns the number of a new thread.

    `onward` believes that the parent is the head; `settles`: questions that waited are answered with it, all
    but `left`; `messages` are new, and under `unheard` of their ids nothing is believed to be stored.
    """
    place = (
        _moving(known=known, onward=onward, settles=settles, unheard=unheard, held=held)
        if root
        else _staying(known=known, unheard=unheard, held=held)
    )
    parts = [place, *_fresh(messages), *[_VALUES] * values, *[_TITLE] * titles]
    # A checkpoint that goes on from the head is new; elsewhere LangGraph may save one again.
    again = (
        ""
        if onward
        else """
ON CONFLICT (thread, ns, id) DO UPDATE
SET holds = excluded.holds, body = excluded.body, metadata = excluded.metadata"""
    )
    return short(f"""
WITH {", ".join(parts)}
INSERT INTO longthread_checkpoint (thread, id, parent, ns, holds, body, metadata)
SELECT place.number, %(id)s::uuid, %(parent)s::uuid, %(ns)s, %(holds)s, %(body)b::bytea,
    %(metadata)s::jsonb
FROM place{again}{"" if known else " RETURNING thread AS number"}""")


@cache
def noting(
    *, known: bool, messages: int, unheard: int, values: bool, replace: bool, held: Held = ""
) -> bytes:
    """Store what a task wrote; returns the thread's number. `replace`: over what it wrote there before."""
    parts = [_staying(known=known, unheard=unheard, held=held), *_fresh(messages), *[_VALUES] * values]
    again = "UPDATE SET channel = excluded.channel, holds = excluded.holds, body = excluded.body"
    return short(f"""
WITH {", ".join(parts)}, written AS (
    INSERT INTO longthread_write (thread, checkpoint, ns, task, path, idx, channel, holds, body)
    SELECT place.number, %(id)s::uuid, %(ns)s, %(task)s, %(path)s,
        w.idx, w.channel, w.holds, w.body
    FROM place, unnest(%(indexes)s::integer[], %(channels)s::text[], %(held)s::text[], %(written)b::bytea[])
        AS w (idx, channel, holds, body)
    ON CONFLICT (thread, ns, checkpoint, task, idx) DO {again if replace else "NOTHING"}
) SELECT number FROM place""")


_NAMED = """
named AS (
    INSERT INTO longthread_request (thread, request, message, asked)
    SELECT number, {}, %(message)s, %(asked_id)s::uuid FROM place
)""".format(DIGEST.format("%(request)s"))
_UNNAMED = """ AND NOT EXISTS (
    SELECT FROM longthread_request r WHERE r.thread = t.number AND r.request = {})""".format(
    DIGEST.format("%(request)s")
)


@cache
def asking(
    *, known: bool, fork: bool, noted: bool, titles: bool, again: bool = False, names: bool = False
) -> bytes:
    """Take a thread and make questions durable before anybody is asked; returns the number of a new thread.

    Believes that nobody has the thread, that the head is `seen` (but for a `fork`), that `waiting` are the
    questions that wait, that no task has written at the head, unless that was read (`noted`), and that
    nothing is stored under the last question's id; nor, where the request has a name of its own, under that.
    A fork with a name, or `again`, may ask what is stored already.
    """
    further = f",{_TITLE}" * titles + f",{_NAMED}" * names
    if known:
        head = "" if fork else " AND t.head IS NOT DISTINCT FROM %(seen)s::uuid"
        head += "" if again or (fork and names) else _unheard(1)
        quiet = """ AND NOT EXISTS (
            SELECT FROM longthread_write w
            WHERE w.thread = t.number AND w.ns = '' AND w.checkpoint = t.head)"""
        change = f"""
    UPDATE longthread_thread t
    SET asked = %(asked)b, asked_id = %(asked_id)s::uuid, asked_on = %(on)s::uuid, {_TAKEN}
    WHERE t.number = %(thread)s::bigint AND {_WAITING}{_FREE}{head}{"" if noted or fork else quiet}{
            _UNNAMED if names else ""
        }"""
    else:
        change = f"""
    INSERT INTO longthread_thread AS t (key, owner, thread_id, asked, asked_id, lease, until)
    SELECT %(key)s, %(owner)s, %(thread_id)s, %(asked)b::bytea, %(asked_id)s::uuid, %(lease)s::uuid,
        now() + interval '{SPAN} s'
    WHERE NOT {DELETED} ON CONFLICT DO NOTHING"""
    if further or not known:
        return short(f"WITH place AS ({change} RETURNING t.number){further} SELECT number FROM place")
    return short(change)


@cache
def taking(*, known: bool, asks: bool, names: bool = False) -> bytes:
    """Take a thread, for a turn whose steps are stored as they come; returns its number.

    Believes that nobody has it and, where the turn `asks`, that nothing is stored under its question's id.
    """
    if known:
        change = f"""
    UPDATE longthread_thread t SET {_TAKEN}
    WHERE t.number = %(thread)s::bigint{_FREE}{_unheard(1) if asks else ""}{_UNNAMED if names else ""}"""
    else:
        change = f"""
    INSERT INTO longthread_thread AS t (key, owner, thread_id, lease, until)
    SELECT %(key)s, %(owner)s, %(thread_id)s, %(lease)s::uuid, now() + interval '{SPAN} s'
    WHERE NOT {DELETED} ON CONFLICT DO NOTHING"""
    further = f",{_NAMED}" * names
    return short(f"WITH place AS ({change} RETURNING t.number){further} SELECT number FROM place")


LEAVING = b"""
UPDATE longthread_thread SET asked = %(asked)b, asked_id = %(asked_id)s::uuid, asked_on = %(on)s::uuid
WHERE number = %(thread)s::bigint AND lease = %(lease)s::uuid"""
"""Let other questions wait, or none."""


def short(statement: str) -> bytes:
    """Without its layout: psycopg remembers how it took a statement apart only below 4,096 characters."""
    return " ".join(statement.split()).encode()
