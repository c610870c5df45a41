-- Who answers in a thread holds it, for a few seconds at a time.

ALTER TABLE longthread_thread ADD COLUMN lease uuid, ADD COLUMN until timestamptz, ADD COLUMN wish text;

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
    PRIMARY KEY (thread, request)
);
