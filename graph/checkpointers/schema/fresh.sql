-- The tables as they are now. A new database gets this; an older one the numbered scripts beside it.

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
    asked_on  uuid,                        -- and the one that it goes on from
    hour      timestamptz NOT NULL         -- of `updated`: what an index holds must not change with every turn
        GENERATED ALWAYS AS (date_bin('1 hour', updated, '2000-01-01 00:00+00')) STORED,
    lease     uuid,                        -- of who answers in it: nobody else's turn is stored,
    until     timestamptz,                 -- unless this is over,
    wish      text,                        -- and what others ask of it: interrupt or rollback
    temporary boolean NOT NULL DEFAULT false -- in no list, and gone after a day
) WITH (fillfactor = 60);

CREATE INDEX longthread_thread_kept ON longthread_thread (owner, pinned DESC, hour DESC)
    WHERE NOT archived AND trashed IS NULL;
CREATE INDEX longthread_thread_away ON longthread_thread (owner, hour DESC)
    WHERE archived OR trashed IS NOT NULL;
CREATE INDEX longthread_thread_trashed ON longthread_thread (trashed) WHERE trashed IS NOT NULL;
CREATE INDEX longthread_thread_temporary ON longthread_thread (hour) WHERE temporary;

-- Beside the thread, whose row changes with every turn: an index of words is not for that.
CREATE TABLE longthread_title (
    thread bigint PRIMARY KEY,
    owner  integer NOT NULL,               -- hashtext of the thread's
    title  varchar(200) NOT NULL,
    by_hand boolean NOT NULL DEFAULT false -- a person's: no model writes over it
);

CREATE INDEX longthread_title_words ON longthread_title USING gin (longthread_words(owner, title));

CREATE TABLE longthread_tag (
    thread bigint NOT NULL,
    owner  integer NOT NULL,               -- hashtext of the thread's
    tag    varchar(40) NOT NULL,
    PRIMARY KEY (thread, tag)
);

CREATE INDEX longthread_tag_owner ON longthread_tag (owner, tag);

-- A message, once and for ever: nothing updates a row.
CREATE TABLE longthread_message (
    thread  bigint NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    number  integer NOT NULL,              -- in its thread; below 0: not of the conversation, as a summary
    owner   integer NOT NULL,              -- hashtext of the thread's
    type    text NOT NULL,                 -- human, ai, … as LangChain names it
    id      text,                          -- LangChain's, as ids.py shortens it; an edited message has two rows
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
    holds    text,                         -- numbers of the messages in it, as runs: first:last first:last …
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
    holds      text,
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

-- Threads that were deleted, by the digest of their key: nothing late brings them back.
CREATE TABLE longthread_deleted (
    digest  uuid PRIMARY KEY,
    deleted timestamptz NOT NULL DEFAULT now()
);

-- What turns under way have said so far, for whoever follows them from another process. Worth nothing after.
CREATE TABLE longthread_draft (
    thread bigint PRIMARY KEY,
    lease  uuid NOT NULL,
    text   text NOT NULL
);

-- What a request is called, where that is not the id of its message.
CREATE TABLE longthread_request (
    thread  bigint NOT NULL,
    request uuid NOT NULL,                 -- digest of its name
    message varchar(255) NOT NULL,         -- LangChain's id
    asked   uuid,                          -- the checkpoint that its questions made
    PRIMARY KEY (thread, request)
);

-- What people call the branches of a thread.
CREATE TABLE longthread_branch (
    thread bigint NOT NULL,
    number integer NOT NULL,               -- of the first message that only it has: a tip moves with every turn
    name   varchar(60) NOT NULL,
    PRIMARY KEY (thread, number)
);

-- What was used, counted when somebody looks and never by a turn.
CREATE TABLE longthread_usage (
    thread  bigint NOT NULL,               -- 0: of threads that are deleted, all of an owner's together
    owner   text NOT NULL,
    quarter timestamptz NOT NULL,          -- of an hour: every time zone's days are made of them
    asked   text NOT NULL,                 -- answer, summary or fallback: who was
    turns   integer NOT NULL,
    sent    bigint NOT NULL,               -- tokens to the model,
    said    bigint NOT NULL,               -- and from it;
    guessed bigint NOT NULL,               -- those of both that the model did not tell
    bytes   bigint NOT NULL,               -- of the messages stored then
    PRIMARY KEY (thread, owner, quarter, asked)
);

CREATE INDEX longthread_usage_days ON longthread_usage (owner, quarter);

-- How far a thread is counted.
CREATE TABLE longthread_counted (
    thread bigint PRIMARY KEY,
    high   integer NOT NULL DEFAULT -1,    -- the last of its messages,
    low    integer NOT NULL DEFAULT 0,     -- and of what is no message of the conversation
    seen   timestamptz                     -- when it was last changed, as of then
);
