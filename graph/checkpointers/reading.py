"""The statement that reads a checkpoint with all that it holds: `reading`. Pure."""

from functools import cache
from typing import Literal

from graph.checkpointers.statements import DELETED, short

_WRITES = """
LEFT JOIN LATERAL (
    SELECT array_agg(w.task ORDER BY w.path, w.task, w.idx) AS tasks,
        array_agg(w.channel ORDER BY w.path, w.task, w.idx) AS channels,
        array_agg(w.body ORDER BY w.path, w.task, w.idx) AS written
    FROM longthread_write w WHERE w.thread = t.number AND w.ns = %(ns)s AND w.checkpoint = here.at
) w ON true"""

# Runs of numbers, each an index range, as the order and the limit say: from the table's statistics alone the
# planner may think a few long threads quicker to read whole. What is remembered already is not sent.
_MESSAGES = """
LEFT JOIN LATERAL (
    SELECT array_agg(m.number) AS numbers, array_agg(m.type) AS types, array_agg(m.id) AS ids,
        array_agg(m.text) AS texts, array_agg(m.body) AS bodies
    FROM (
        SELECT split_part(run, ':', 1)::integer AS first, split_part(run, ':', -1)::integer AS last
        FROM (
            SELECT c.holds WHERE NOT here.warm
            UNION ALL
            SELECT w.holds FROM longthread_write w
            WHERE w.thread = t.number AND w.ns = %(ns)s AND w.checkpoint = here.at
        ) h CROSS JOIN LATERAL string_to_table(h.holds, ' ') run
    ) r CROSS JOIN LATERAL (
        SELECT * FROM longthread_message m WHERE m.thread = t.number AND m.number BETWEEN r.first AND r.last
        ORDER BY m.number LIMIT r.last - r.first + 1
    ) m
) m ON true"""

_FOUND = {
    "head": "CASE WHEN t.asked IS NULL THEN t.head ELSE t.asked_on END",
    "newest": "(SELECT n.id FROM longthread_checkpoint n WHERE n.thread = t.number AND n.ns = %(ns)s "
    "ORDER BY n.id DESC LIMIT 1)",
    "named": "%(id)s::uuid",
}


@cache
def reading(which: Literal["head", "newest", "named"]) -> bytes:
    """One row: the thread, a checkpoint of it with its writes, and the messages that both hold.

    `which`: "head", the tip of the active branch; "newest" of a namespace; or the one "named". Where there is
    none, the row says whether the stock saver has such a thread. `seen` is a checkpoint that is remembered.
    """
    at = "coalesce(t.asked_id, c.id)" if which == "head" else "c.id"
    return short(f"""
SELECT t.number AS thread, t.head, t.asked, t.asked_id, t.asked_on, t.line,
    t.lease, coalesce(t.until > now(), false) AS busy, t.number IS NULL AND {DELETED} AS deleted,
    EXISTS (SELECT FROM longthread_title n WHERE n.thread = t.number) AS titled,
    c.id IS NULL AND EXISTS (SELECT FROM checkpoints s WHERE s.thread_id = %(key)s) AS stock,
    c.id, c.parent, here.warm,
    CASE WHEN NOT here.warm THEN c.body END AS body,
    CASE WHEN NOT here.warm THEN c.metadata END AS metadata,
    CASE WHEN NOT here.warm
        THEN (SELECT max(number) FROM longthread_message WHERE thread = t.number) END AS top,
    CASE WHEN NOT here.warm
        THEN (SELECT min(number) FROM longthread_message WHERE thread = t.number) END AS bottom,
    w.tasks, w.channels, w.written, m.numbers, m.types, m.ids, m.texts, m.bodies
FROM (VALUES (1)) one
LEFT JOIN longthread_thread t ON t.key = %(key)s
LEFT JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = %(ns)s AND c.id = {_FOUND[which]}
CROSS JOIN LATERAL (
    SELECT {at} AS at, coalesce(c.id = %(seen)s::uuid AND t.number = %(thread)s::bigint, false) AS warm
) here{_WRITES}{_MESSAGES}""")
