-- What people are asked by labelling jobs, while these run: rows of a job are removed when it has ended, its output being
-- in S3. Times are epoch milliseconds.
CREATE TABLE labelling_jobs (
    id       INTEGER PRIMARY KEY,
    region   TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    team     TEXT    NOT NULL,  -- the name of its work team
    workers  INTEGER NOT NULL,  -- how many answer for an object
    seconds  INTEGER NOT NULL,  -- a worker has for a task
    template TEXT    NOT NULL,
    open     INTEGER NOT NULL,  -- whether tasks are given out and answers taken
    UNIQUE (region, name)
);
-- state: waiting (nobody was asked yet), open (people are asked), answered (nobody is asked any more; an answer may still be
-- changed), closed (being consolidated), labelled, auto (labelled by a model), failed, kept (its label came with the manifest).
CREATE TABLE labelling_objects (
    id        INTEGER PRIMARY KEY,
    job       INTEGER NOT NULL REFERENCES labelling_jobs (id),
    number    INTEGER NOT NULL,  -- of its line in the manifest, from 0
    line      TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    iteration INTEGER,           -- in which it was given out
    expires   INTEGER,           -- when nobody is asked any more
    result    TEXT,              -- JSON: what its line in the output gets
    UNIQUE (job, number)
);
CREATE INDEX labelling_objects_by_state ON labelling_objects (job, state, number);
-- status: accepted, submitted, returned, declined, expired. One that is accepted with an answer is being changed.
CREATE TABLE labelling_tasks (
    id       TEXT    PRIMARY KEY,
    job      INTEGER NOT NULL REFERENCES labelling_jobs (id),
    object   INTEGER NOT NULL,   -- its number
    worker   TEXT    NOT NULL,   -- the worker's sub
    status   TEXT    NOT NULL,
    accepted INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    ended    INTEGER,
    seconds  REAL    NOT NULL DEFAULT 0,
    draft    TEXT,               -- JSON
    answer   TEXT,               -- JSON
    reason   TEXT,
    told     TEXT NOT NULL DEFAULT ''  -- the status that the log of workers' activity has of it
);
CREATE INDEX labelling_tasks_by_object ON labelling_tasks (job, object, status);
CREATE INDEX labelling_tasks_by_worker ON labelling_tasks (worker, job, status);
CREATE INDEX labelling_tasks_open ON labelling_tasks (job, deadline) WHERE status = 'accepted';
CREATE INDEX labelling_tasks_untold ON labelling_tasks (job) WHERE told != status;
