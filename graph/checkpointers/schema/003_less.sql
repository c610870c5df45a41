-- What changes with every turn leaves the indexes, and what a turn stores gets smaller.

DROP INDEX longthread_thread_kept, longthread_thread_archived, longthread_thread_trashed;
ALTER TABLE longthread_thread ADD COLUMN hour timestamptz NOT NULL
    GENERATED ALWAYS AS (date_bin('1 hour', updated, '2000-01-01 00:00+00')) STORED;
CREATE INDEX longthread_thread_kept ON longthread_thread (owner, pinned DESC, hour DESC)
    WHERE NOT archived AND trashed IS NULL;
CREATE INDEX longthread_thread_away ON longthread_thread (owner, hour DESC)
    WHERE archived OR trashed IS NOT NULL;

ALTER TABLE longthread_title ALTER COLUMN title TYPE varchar(200) USING left(title, 200);
ALTER TABLE longthread_migration ALTER COLUMN name TYPE varchar(63);

CREATE FUNCTION longthread_runs(flat integer[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(':', flat[i], nullif(flat[i + 1], flat[i])), ' ' ORDER BY i)
    FROM generate_subscripts(flat, 1) i WHERE i % 2 = 1
$$;
ALTER TABLE longthread_checkpoint ALTER COLUMN holds TYPE text USING longthread_runs(holds);
ALTER TABLE longthread_write ALTER COLUMN holds TYPE text USING longthread_runs(holds);
DROP FUNCTION longthread_runs;

-- As ids.py has them.
UPDATE longthread_message SET id = CASE
    WHEN id ~ '^(lc_run--)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    THEN CASE WHEN id ~ '^l' THEN ';' ELSE ':' END || left(
        encode(decode(replace(right(id, 36), '-', ''), 'hex'), 'base64'), 22)
    ELSE '=' || id END
WHERE id ~ '^(lc_run--)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' OR id ~ '^[:;=]';
