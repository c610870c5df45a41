-- The catalogue, the transcript and the timeline, beside the tables of langgraph-checkpoint-postgres.
-- `key` is Bookmark.key everywhere: the thread_id under which those tables hold the same thread.

CREATE TABLE longthread_thread (
    key       text PRIMARY KEY,
    owner     text NOT NULL,
    thread_id text NOT NULL,
    title     text NOT NULL DEFAULT '',
    created   timestamptz NOT NULL DEFAULT now(),
    updated   timestamptz NOT NULL DEFAULT now(),
    messages  integer NOT NULL DEFAULT 0,
    head      text COLLATE "C" NOT NULL     -- checkpoint at the tip of the active branch
);

CREATE INDEX longthread_thread_newest ON longthread_thread (owner, updated DESC, key DESC);

CREATE TABLE longthread_message (
    key     text NOT NULL,
    id      text NOT NULL,
    parent  text,                           -- the message before it; a fork gives one parent several children
    seq     integer NOT NULL,               -- position in its branch, from 0
    role    text NOT NULL,
    text    text NOT NULL,                  -- what a person can read and search
    type    text NOT NULL,                  -- of body, as the serializer names it
    body    bytea NOT NULL,                 -- the whole message
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, id)
);

CREATE TABLE longthread_moment (
    key           text NOT NULL,
    checkpoint_id text COLLATE "C" NOT NULL,
    parent        text COLLATE "C",
    step          integer NOT NULL,
    kind          text NOT NULL,            -- input, question, answer, fold, update, fork
    message       text,                     -- newest message of the branch at this moment
    preview       text NOT NULL,
    created       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, checkpoint_id)
);

CREATE INDEX longthread_moment_children ON longthread_moment (key, parent);
