-- What people call the branches of a thread.

CREATE TABLE longthread_branch (
    thread bigint NOT NULL,
    number integer NOT NULL,               -- of the first message that only it has: a tip moves with every turn
    name   varchar(60) NOT NULL,
    PRIMARY KEY (thread, number)
);
