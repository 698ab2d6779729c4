-- What the learner did in the review besides answering, the newest last, for undo. `before` is what was
-- there: the day a card was buried until, whether it was suspended, or the text of its note.
-- `after_review` is the last answer in the log at that time: which of the two came later.
CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('bury', 'suspend', 'note')),
    card INTEGER NOT NULL REFERENCES card,
    before TEXT NOT NULL,
    after_review INTEGER NOT NULL
) STRICT;

-- What was answered in a cram session: where the card stood, and where it was put to come again.
CREATE TABLE cram_step (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    position INTEGER NOT NULL,
    card INTEGER NOT NULL REFERENCES card,
    again INTEGER
) STRICT;
