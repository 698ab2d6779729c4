CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deck (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What the author wrote (key to difficulty), and the memory that follows from the log (state to
-- lapses; see scheduling.Memory). `queue` is 0 new, 1 learning, 2 review, and null for a card
-- that is suspended or no longer in its deck: such a card is in none of the queues' indexes.
-- `version` changes with everything that makes an answer to the card as it was shown stale.
CREATE TABLE card (
    id INTEGER PRIMARY KEY,
    deck INTEGER NOT NULL REFERENCES deck,
    key TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    front TEXT NOT NULL,
    back TEXT NOT NULL,
    concept_ref TEXT NOT NULL,
    chapter TEXT AS (
        CASE instr(concept_ref, '#')
            WHEN 0 THEN concept_ref
            ELSE substr(concept_ref, 1, instr(concept_ref, '#') - 1)
        END
    ) STORED,
    difficulty INTEGER NOT NULL,
    tags TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    step INTEGER,
    stability REAL,
    memory_difficulty REAL,
    due INTEGER NOT NULL DEFAULT 0,
    last INTEGER,
    answers INTEGER NOT NULL DEFAULT 0,
    lapses INTEGER NOT NULL DEFAULT 0,
    suspended INTEGER NOT NULL DEFAULT 0,
    retired INTEGER NOT NULL DEFAULT 0,
    buried_day INTEGER NOT NULL DEFAULT 0,
    queue INTEGER AS (
        CASE
            WHEN suspended OR retired THEN NULL
            WHEN state = 0 THEN 0
            WHEN state = 2 THEN 2
            ELSE 1
        END
    ) STORED,
    version INTEGER NOT NULL DEFAULT 0,
    UNIQUE (deck, key)
) STRICT;
-- The queues: each index has all that a filter asks for, so that a walk along it reads no card.
CREATE INDEX card_by_due
    ON card (queue, due, ordinal, buried_day, difficulty) WHERE queue IS NOT NULL;
CREATE INDEX card_by_deck
    ON card (deck, queue, due, ordinal, buried_day, difficulty, chapter) WHERE queue IS NOT NULL;
CREATE INDEX card_by_chapter
    ON card (chapter, queue, due, ordinal, buried_day, difficulty) WHERE queue IS NOT NULL;
CREATE INDEX card_by_ordinal ON card (ordinal);
CREATE INDEX card_by_hardness ON card (lapses DESC, memory_difficulty DESC) WHERE queue IS NOT NULL;

CREATE TABLE card_tag (
    tag TEXT NOT NULL,
    card INTEGER NOT NULL REFERENCES card,
    PRIMARY KEY (tag, card)
) STRICT, WITHOUT ROWID;
CREATE INDEX card_tag_by_card ON card_tag (card);

-- The log. Nothing in it is ever changed: what was undone stands in `undo`.
CREATE TABLE review (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    card INTEGER NOT NULL REFERENCES card,
    grade INTEGER NOT NULL CHECK (grade BETWEEN 1 AND 5),
    shown INTEGER NOT NULL,
    at INTEGER NOT NULL,
    day INTEGER NOT NULL,
    state_before INTEGER NOT NULL,
    interval INTEGER NOT NULL
) STRICT;
CREATE INDEX review_by_card ON review (card);
CREATE INDEX review_by_day ON review (day, state_before, grade);

CREATE TABLE undo (
    review INTEGER PRIMARY KEY REFERENCES review,
    at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER review_stays BEFORE UPDATE ON review
BEGIN SELECT RAISE(ABORT, 'the review log is append-only'); END;
CREATE TRIGGER review_is_kept BEFORE DELETE ON review
BEGIN SELECT RAISE(ABORT, 'the review log is append-only'); END;
CREATE TRIGGER undo_stays BEFORE UPDATE ON undo
BEGIN SELECT RAISE(ABORT, 'the review log is append-only'); END;
CREATE TRIGGER undo_is_kept BEFORE DELETE ON undo
BEGIN SELECT RAISE(ABORT, 'the review log is append-only'); END;

-- The cards that are left of a cram session, the next one first.
CREATE TABLE cram (
    session TEXT NOT NULL,
    position INTEGER NOT NULL,
    card INTEGER NOT NULL REFERENCES card,
    PRIMARY KEY (session, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    kind TEXT NOT NULL CHECK (kind IN ('card', 'chapter', 'lab', 'day')),
    ref TEXT NOT NULL,
    text TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (kind, ref)
) STRICT, WITHOUT ROWID;

-- Items of checklists that are ticked: page is 'chapter/SLUG' or 'day/SLUG'.
CREATE TABLE tick (
    page TEXT NOT NULL,
    item TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (page, item)
) STRICT, WITHOUT ROWID;

-- Day plans that the learner imported; those of the course are in the package.
CREATE TABLE plan (
    slug TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    imported INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lab (
    name TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    hints INTEGER NOT NULL DEFAULT 0,
    solution_shown INTEGER NOT NULL DEFAULT 0,
    checks INTEGER NOT NULL DEFAULT 0,
    passed INTEGER,
    checked INTEGER,
    report TEXT
) STRICT, WITHOUT ROWID;
