-- What a hub's clock is worth, and which of its numbered readings never came.

-- When it was published, by the hub's own clock: how late it was told is `sent_at - occurred_at`, one clock against
-- itself. NULL: the hub does not say, or it is a bridge; then it counts as told at once.
ALTER TABLE hub_check_in ADD COLUMN sent_at timestamptz;
-- False: readings that happened before it had not come when it did; so it says nothing of how far the story is told.
ALTER TABLE hub_check_in ADD COLUMN is_complete boolean NOT NULL DEFAULT true;
-- What the hub's clock said, if `occurred_at` is not that: its clock is wrong, and was corrected.
ALTER TABLE hub_check_in ADD COLUMN hub_at timestamptz;
ALTER TABLE sensor_event ADD COLUMN hub_at timestamptz;

-- The clocks that are wrong, or may be. A hub whose clock is right has no row. Boot '' is a hub that names none.
CREATE TABLE hub_clock (
    home_id        bigint NOT NULL REFERENCES home,
    boot           text NOT NULL,
    skew           interval NOT NULL DEFAULT '0',   -- ours less the hub's: a slow clock is positive
    measured_at    timestamptz,                     -- our clock: when the skew was last believed anew
    sent           float8[] NOT NULL DEFAULT '{}',  -- check-ins that do not agree with it: the hub's clock …
    received       float8[] NOT NULL DEFAULT '{}',  -- … and ours, epoch seconds, oldest first
    implausible    bigint NOT NULL DEFAULT 0,       -- readings whose time could not be true
    implausible_at timestamptz,                     -- our clock: the last of them …
    implausible_hub_at timestamptz,                 -- … and what it said
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (home_id, boot)
);

-- Readings with a number that have not come: missing coverage, never inactivity. Gone again when they come. Of what
-- was lost, some between first and last: measurements go before the rest.
CREATE TABLE hub_gap (
    home_id    bigint NOT NULL REFERENCES home,
    boot       text NOT NULL,
    first      bigint NOT NULL,
    last       bigint NOT NULL CHECK (last >= first),
    from_at    timestamptz,                  -- the last event before it; NULL: there is none
    until_at   timestamptz NOT NULL,         -- the reading after
    noticed_at timestamptz NOT NULL,
    is_lost    boolean NOT NULL DEFAULT false,   -- the hub says that they will never come
    PRIMARY KEY (home_id, boot, first, is_lost)
);
