-- One message may be asked again on a fork: which of its answers a request had.

ALTER TABLE longthread_request ADD COLUMN asked uuid;   -- the checkpoint that its questions made

-- For a few commits 004 kept names as they are said, and drafts unlogged.
ALTER TABLE longthread_request
    ALTER COLUMN request TYPE uuid USING CASE WHEN pg_typeof(request) = 'uuid'::regtype THEN request::text::uuid
        ELSE substr(encode(sha256(convert_to(request::text, 'UTF8')), 'hex'), 1, 32)::uuid END,
    ALTER COLUMN message TYPE varchar(255);
ALTER TABLE longthread_draft SET LOGGED;
