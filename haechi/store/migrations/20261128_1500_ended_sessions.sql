-- Sessions that were signed out before their time was over: a copy of the cookie opens nothing any more.
CREATE TABLE ended_sessions (
    id    text PRIMARY KEY,
    until timestamptz NOT NULL  -- then the session is over by itself
);
