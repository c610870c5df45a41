-- Tags on threads, titles that a person gave, threads that are not kept, and what a sweep looks for.

-- Of the titles that are there nobody knows who gave them: none is written over.
ALTER TABLE longthread_title ADD COLUMN by_hand boolean NOT NULL DEFAULT true;
ALTER TABLE longthread_title ALTER COLUMN by_hand SET DEFAULT false;

ALTER TABLE longthread_thread ADD COLUMN temporary boolean NOT NULL DEFAULT false;

CREATE INDEX longthread_thread_trashed ON longthread_thread (trashed) WHERE trashed IS NOT NULL;
CREATE INDEX longthread_thread_temporary ON longthread_thread (hour) WHERE temporary;

CREATE TABLE longthread_tag (
    thread bigint NOT NULL,
    owner  integer NOT NULL,               -- hashtext of the thread's
    tag    varchar(40) NOT NULL,
    PRIMARY KEY (thread, tag)
);

CREATE INDEX longthread_tag_owner ON longthread_tag (owner, tag);
