-- One message may be asked again on a fork: which of its answers a request had.

ALTER TABLE longthread_request ADD COLUMN asked uuid;   -- the checkpoint that its questions made
