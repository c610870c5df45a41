-- Messages become rows that checkpoints point at; threads get numbers. What was in the tables of 001 is carried
-- over: the checkpoints themselves stay in the stock saver's tables, where they were.

ALTER TABLE longthread_thread RENAME TO longthread_thread_001;
ALTER TABLE longthread_message RENAME TO longthread_message_001;
ALTER INDEX longthread_thread_pkey RENAME TO longthread_thread_001_pkey;
ALTER INDEX longthread_message_pkey RENAME TO longthread_message_001_pkey;
DROP INDEX longthread_thread_newest;

@fresh.sql

INSERT INTO longthread_thread (key, owner, thread_id, created, updated, messages, head)
SELECT key, owner, thread_id, created, updated, messages, head::uuid FROM longthread_thread_001;

INSERT INTO longthread_title (thread, owner, title)
SELECT t.number, hashtext(t.owner), o.title
FROM longthread_thread_001 o JOIN longthread_thread t USING (key) WHERE o.title <> '';

-- Body: the whole message, as the serializer of 001 wrote it, in the form that says so.
INSERT INTO longthread_message (thread, created, number, owner, type, id, text, body)
SELECT t.number, m.created, row_number() OVER (PARTITION BY m.key ORDER BY m.seq, m.created, m.id) - 1,
    hashtext(t.owner), m.role, m.id, m.text,
    '\x01'::bytea || '\x92a7'::bytea || 'msgpack'::bytea || '\xc6'::bytea || int4send(length(m.body)) || m.body
FROM longthread_message_001 m JOIN longthread_thread t USING (key);

-- The line of the active branch: from its newest message back to its first.
WITH RECURSIVE walk AS (
    SELECT t.number AS thread, m.id, m.parent, m.key, 0 AS back
    FROM longthread_thread t JOIN longthread_moment o ON o.key = t.key AND o.checkpoint_id = t.head::text
    JOIN longthread_message_001 m ON m.key = t.key AND m.id = o.message
    UNION ALL
    SELECT walk.thread, m.id, m.parent, m.key, walk.back + 1
    FROM walk JOIN longthread_message_001 m ON m.key = walk.key AND m.id = walk.parent
), line AS (
    SELECT walk.thread, array_agg(pair.number ORDER BY walk.back DESC, pair.last) AS runs
    FROM walk JOIN longthread_message m ON m.thread = walk.thread AND m.id = walk.id
    CROSS JOIN LATERAL (VALUES (m.number, 0), (m.number, 1)) pair (number, last)
    GROUP BY walk.thread
)
UPDATE longthread_thread t SET line = line.runs FROM line WHERE line.thread = t.number;

DROP TABLE longthread_moment;
DROP TABLE longthread_message_001;
DROP TABLE longthread_thread_001;
