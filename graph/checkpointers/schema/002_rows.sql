-- Messages become rows that checkpoints point at; threads get numbers. What was in the tables of 001 is carried
-- over: the checkpoints themselves stay in the stock saver's tables, where they were.

ALTER TABLE longthread_thread RENAME TO longthread_thread_001;
ALTER TABLE longthread_message RENAME TO longthread_message_001;
ALTER INDEX longthread_thread_pkey RENAME TO longthread_thread_001_pkey;
ALTER INDEX longthread_message_pkey RENAME TO longthread_message_001_pkey;
DROP INDEX longthread_thread_newest;

-- What a search looks for in a text: its words, and each sign of the scripts that write no spaces between
-- words. The owner is a word too, so that a search reads nobody else's postings. Punctuation becomes spaces
-- first: the parser keeps addresses, tags and paths together, and beyond ASCII it may take a dash for a letter.
CREATE FUNCTION longthread_words(owner integer, said text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(ARRAY['@' || owner::text]) || to_tsvector('simple'::regconfig,
    CASE WHEN octet_length(said) = length(said) THEN translate(left(said, 100000), './\-_@:''<>&+', '            ')
    ELSE regexp_replace(
        regexp_replace(translate(left(said, 100000), './\-_@:''<>&+', '            '),
            '[\u00a0-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u055a-\u055f\u05be\u05f3\u05f4\u060c\u061b\u061f\u06d4\u0964\u0965\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffee\U0001f000-\U0001faff]+',
            ' ', 'g'),
        '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
        ' \1 ', 'g')
    END);

CREATE TABLE longthread_thread (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never given again
    key       text NOT NULL UNIQUE,        -- Bookmark.key
    owner     text NOT NULL,
    thread_id text NOT NULL,               -- as its owner calls it
    created   timestamptz NOT NULL DEFAULT now(),
    updated   timestamptz NOT NULL DEFAULT now(),
    pinned    boolean NOT NULL DEFAULT false,
    archived  boolean NOT NULL DEFAULT false,
    trashed   timestamptz,                 -- since when
    messages  integer NOT NULL DEFAULT 0,  -- of the active branch
    head      uuid,                        -- checkpoint at the tip of the active branch
    branches  uuid[] NOT NULL DEFAULT '{}',-- tips of the others
    line      integer[],                   -- of the active branch, while its head is in the stock saver's form
    asked     bytea,                       -- questions without an answer, which are no rows yet,
    asked_id  uuid,                        -- the checkpoint that they make,
    asked_on  uuid                         -- and the one that it goes on from
) WITH (fillfactor = 60);

CREATE INDEX longthread_thread_kept ON longthread_thread (owner, pinned DESC, updated DESC, number DESC)
    WHERE NOT archived AND trashed IS NULL;
CREATE INDEX longthread_thread_archived ON longthread_thread (owner, updated DESC, number DESC)
    WHERE archived AND trashed IS NULL;
CREATE INDEX longthread_thread_trashed ON longthread_thread (owner, updated DESC, number DESC)
    WHERE trashed IS NOT NULL;

-- Beside the thread, whose row changes with every turn: an index of words is not for that.
CREATE TABLE longthread_title (
    thread bigint PRIMARY KEY,
    owner  integer NOT NULL,               -- hashtext of the thread's
    title  text NOT NULL
);

CREATE INDEX longthread_title_words ON longthread_title USING gin (longthread_words(owner, title));

-- A message, once and for ever: nothing updates a row.
CREATE TABLE longthread_message (
    thread  bigint NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    number  integer NOT NULL,              -- in its thread; below 0: not of the conversation, as a summary
    owner   integer NOT NULL,              -- hashtext of the thread's
    type    text NOT NULL,                 -- human, ai, … as LangChain names it
    id      text,                          -- LangChain's; an edited message has two rows
    text    text,                          -- what a person reads; NULL where a serde of the caller's hides it
    body    bytea,                         -- the rest of the message; NULL when there is none
    PRIMARY KEY (thread, number)
);

CREATE INDEX longthread_message_id ON longthread_message (thread, hashtext(id)) WHERE id IS NOT NULL;
CREATE INDEX longthread_message_words ON longthread_message USING gin (longthread_words(owner, text))
    WITH (gin_pending_list_limit = 256) WHERE number >= 0;

CREATE TABLE longthread_checkpoint (
    thread   bigint NOT NULL,
    id       uuid NOT NULL,
    parent   uuid,
    ns       text NOT NULL,
    holds    integer[],                    -- numbers of the messages in it, as runs: first, last, first, last, …
    body     bytea NOT NULL,
    metadata jsonb,                        -- what is beyond source, step and no parents
    PRIMARY KEY (thread, ns, id)
);

CREATE INDEX longthread_checkpoint_run ON longthread_checkpoint ((metadata ->> 'run_id'))
    WHERE metadata ? 'run_id';

-- What a task wrote before its step was complete.
CREATE TABLE longthread_write (
    thread     bigint NOT NULL,
    checkpoint uuid NOT NULL,
    ns         text NOT NULL,
    task       text NOT NULL,
    path       text NOT NULL,
    idx        integer NOT NULL,
    channel    text NOT NULL,
    holds      integer[],
    body       bytea NOT NULL,
    PRIMARY KEY (thread, ns, checkpoint, task, idx)
);

-- Large values that are no messages, each once.
CREATE TABLE longthread_value (
    thread bigint NOT NULL,
    digest uuid NOT NULL,
    body   bytea NOT NULL,
    PRIMARY KEY (thread, digest)
);

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
