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
