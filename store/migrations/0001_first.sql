-- The nouns of the service. Times are timestamptz; enum values are lower-case words with a CHECK.
-- Nothing here calls now(): every time comes from the caller's clock.

CREATE TABLE organisation (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);

-- People -------------------------------------------------------------------------------------

CREATE TABLE staff (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisation,
    name            text NOT NULL,
    email           text NOT NULL,
    password_hash   text NOT NULL,
    role            text NOT NULL CHECK (role IN ('operator', 'clinician', 'supervisor', 'installer')),
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX staff_email ON staff (lower(email));

CREATE TABLE session (
    token_hash   bytea PRIMARY KEY,           -- SHA-256; the token itself is only in the cookie
    staff_id     bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    csrf_token   text NOT NULL,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);

CREATE TABLE login_failure (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email     text NOT NULL,
    address   text NOT NULL,
    failed_at timestamptz NOT NULL
);
CREATE INDEX login_failure_email ON login_failure (email, failed_at);
CREATE INDEX login_failure_address ON login_failure (address, failed_at);

CREATE TABLE responder (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisation,
    name            text NOT NULL,
    phone           text NOT NULL CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),   -- E.164
    stopped_at      timestamptz,              -- answered STOP; no SMS until START
    created_at      timestamptz NOT NULL,
    UNIQUE (organisation_id, phone)
);

CREATE TABLE response_plan (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisation,
    name            text NOT NULL,
    audience        text NOT NULL CHECK (audience IN ('person', 'technical')),
    UNIQUE (organisation_id, name)
);

CREATE TABLE response_step (
    plan_id      bigint NOT NULL REFERENCES response_plan ON DELETE CASCADE,
    position     smallint NOT NULL CHECK (position >= 0),
    wait         interval NOT NULL CHECK (wait > interval '0'),   -- how long this step may stay unanswered
    responder_id bigint NOT NULL REFERENCES responder,
    PRIMARY KEY (plan_id, position, responder_id)
);

-- Homes --------------------------------------------------------------------------------------

CREATE TABLE home (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id   bigint NOT NULL REFERENCES organisation,
    code              text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$'),  -- home_id of topics
    partition         smallint NOT NULL CHECK (partition BETWEEN 0 AND 63),
    time_zone         text NOT NULL,
    check_in_interval interval NOT NULL,
    residents         smallint NOT NULL DEFAULT 1,
    person_plan_id    bigint REFERENCES response_plan,
    technical_plan_id bigint REFERENCES response_plan,
    created_at        timestamptz NOT NULL
);
CREATE INDEX home_organisation ON home (organisation_id);

CREATE TABLE resident (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home_id    bigint NOT NULL REFERENCES home,
    name       text NOT NULL,
    phone      text,
    access     text NOT NULL DEFAULT ''       -- how to get in; shown after taking on an alert, and logged
);
CREATE INDEX resident_home ON resident (home_id);

CREATE TABLE absence (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home_id  bigint NOT NULL REFERENCES home,
    from_at  timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    reason   text NOT NULL,
    noted_by text NOT NULL
);
CREATE INDEX absence_home ON absence (home_id, from_at);

CREATE TABLE hub (
    home_id         bigint PRIMARY KEY REFERENCES home,
    dialect         text NOT NULL CHECK (dialect IN ('native', 'zigbee2mqtt')),
    state           text NOT NULL DEFAULT 'never_heard' CHECK (state IN ('never_heard', 'online', 'offline')),
    last_heard_at   timestamptz,              -- our clock: any message of this home
    last_hub_time   timestamptz,              -- the hub's clock at its last check-in
    backlog         integer,                  -- readings it still holds, by its last check-in
    battery_percent smallint,
    signal_dbm      smallint
);

-- One row a home, locked by whoever writes events of that home: so numbers are in commit order.
CREATE TABLE intake (
    home_id     bigint PRIMARY KEY REFERENCES home,
    last_number bigint NOT NULL DEFAULT 0
);

-- What of each hub's numbered readings is stored: [1,18) means 1 to 17. Catches duplicates, shows gaps.
CREATE TABLE hub_sequence (
    home_id    bigint NOT NULL REFERENCES home,
    boot       text NOT NULL,
    seen       int8multirange NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (home_id, boot)
);

CREATE TABLE sensor (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home_id      bigint NOT NULL REFERENCES home,
    code         text NOT NULL,               -- id of the home file, or the friendly name
    name         text NOT NULL DEFAULT '',
    kind         text NOT NULL CHECK (kind IN ('motion', 'door', 'bed', 'chair', 'appliance', 'flush', 'vibration',
                     'temperature', 'humidity', 'illuminance', 'power', 'sos', 'smoke', 'flood', 'other')),
    room         text NOT NULL,
    is_exit      boolean NOT NULL DEFAULT false,
    is_essential boolean NOT NULL DEFAULT false,
    -- what it said last
    value           double precision,
    value_at        timestamptz,
    last_heard_at   timestamptz,
    is_available    boolean,
    battery_percent smallint,
    signal_quality  smallint,                 -- Zigbee link quality 0–255
    UNIQUE (home_id, code)
);

-- A plug in use whose power fell once: not yet believed, because some plugs say 0 W by mistake.
CREATE TABLE plug_fall (
    sensor_id  bigint PRIMARY KEY REFERENCES sensor ON DELETE CASCADE,
    falling_at timestamptz NOT NULL
);

-- What a bridge lists and nobody has named and placed yet.
CREATE TABLE sensor_offer (
    home_id    bigint NOT NULL REFERENCES home,
    code       text NOT NULL,
    kind       text NOT NULL,
    model      text NOT NULL DEFAULT '',
    offered_at timestamptz NOT NULL,
    PRIMARY KEY (home_id, code)
);

-- Time series --------------------------------------------------------------------------------
-- Laid out to become hypertables without change: no foreign keys, the time column in every unique key.

CREATE TABLE sensor_event (
    home_id     bigint NOT NULL,
    sensor_id   bigint NOT NULL,
    occurred_at timestamptz NOT NULL,         -- the hub's clock
    received_at timestamptz NOT NULL,         -- ours
    number      bigint NOT NULL,              -- 1, 2, 3 … per home in commit order, shared with hub_check_in
    value       double precision NOT NULL,    -- 1/0 for on/off, else the measurement
    PRIMARY KEY (home_id, occurred_at, number)
);
CREATE INDEX sensor_event_number ON sensor_event (home_id, number);

CREATE TABLE hub_check_in (
    home_id     bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    number      bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('checkin', 'online', 'offline')),
    backlog     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (home_id, occurred_at, number)
);
CREATE INDEX hub_check_in_number ON hub_check_in (home_id, number);

CREATE TABLE rejected_message (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home_id     bigint,
    topic       text NOT NULL,
    payload     bytea NOT NULL,               -- the first 4 kB
    reason      text NOT NULL,                -- one of a few words, to count by
    detail      text NOT NULL,                -- what was wrong and where
    received_at timestamptz NOT NULL
);
CREATE INDEX rejected_message_at ON rejected_message (received_at);
CREATE INDEX rejected_message_home ON rejected_message (home_id, received_at);

-- How many were rejected, kept or not: only so many an hour are kept. Home 0 stands for homes we do not know.
CREATE TABLE rejected_hour (
    home_id  bigint NOT NULL,
    hour     timestamptz NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (home_id, hour)
);

-- Routine and findings -----------------------------------------------------------------------

CREATE TABLE routine (
    home_id       bigint PRIMARY KEY REFERENCES home,
    as_of         timestamptz NOT NULL,
    learned_days  double precision NOT NULL,
    warm_up_days  double precision NOT NULL,
    usual         jsonb NOT NULL,             -- store.routine.Usual
    next_check_at timestamptz                 -- when continued silence would raise the next grade
);

CREATE TABLE routine_snapshot (
    home_id  bigint NOT NULL REFERENCES home,
    taken_at timestamptz NOT NULL,            -- up to where the model had run, event time
    number   bigint NOT NULL,                 -- up to which intake number it had read
    version  integer NOT NULL,
    state    bytea NOT NULL,
    PRIMARY KEY (home_id, taken_at)
);

CREATE TABLE deviation (
    id               uuid PRIMARY KEY,        -- derived from home, kind and started_at: a replay cannot raise it twice
    home_id          bigint NOT NULL REFERENCES home,
    kind             text NOT NULL CHECK (kind IN ('inactivity', 'dwell', 'not_up', 'late_kitchen', 'not_to_bed', 'not_returned',
                         'up_at_night', 'door_at_night', 'temperature', 'gradual', 'cannot_observe')),
    grade            text NOT NULL CHECK (grade IN ('notice', 'attention', 'urgent')),
    raised_at        timestamptz NOT NULL,
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    once_in_days     double precision,
    explanation      text NOT NULL,
    evidence         jsonb NOT NULL,
    revision         integer NOT NULL DEFAULT 1,
    decided_revision integer NOT NULL DEFAULT 0
);
CREATE INDEX deviation_home ON deviation (home_id, started_at);
CREATE INDEX deviation_undecided ON deviation (raised_at) WHERE decided_revision < revision;

CREATE TABLE fault (
    id               uuid PRIMARY KEY,
    home_id          bigint NOT NULL REFERENCES home,
    sensor_id        bigint REFERENCES sensor,
    kind             text NOT NULL CHECK (kind IN ('hub_silent', 'sensor_silent', 'sensor_stuck', 'battery_low')),
    grade            text NOT NULL CHECK (grade IN ('notice', 'attention', 'urgent')),
    raised_at        timestamptz NOT NULL,
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    explanation      text NOT NULL,
    evidence         jsonb NOT NULL,
    revision         integer NOT NULL DEFAULT 1,
    decided_revision integer NOT NULL DEFAULT 0
);
CREATE INDEX fault_home ON fault (home_id, started_at);
CREATE INDEX fault_undecided ON fault (raised_at) WHERE decided_revision < revision;

-- Alerts -------------------------------------------------------------------------------------

CREATE TABLE alert (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL REFERENCES organisation,
    home_id         bigint NOT NULL REFERENCES home,
    code            text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{4,8}$'),   -- in SMS and addresses
    kind            text NOT NULL,
    audience        text NOT NULL CHECK (audience IN ('person', 'technical')),
    severity        text NOT NULL CHECK (severity IN ('urgent', 'attention', 'information', 'technical')),
    state           text NOT NULL CHECK (state IN ('open', 'notified', 'acknowledged', 'attending', 'closed')),
    explanation     text NOT NULL,
    deviation_id    uuid REFERENCES deviation,
    fault_id        uuid REFERENCES fault,
    plan            jsonb NOT NULL,           -- the response plan as it was when the alert was opened
    round           integer NOT NULL DEFAULT 0,   -- how often the ladder was begun
    step            integer NOT NULL DEFAULT 0,   -- the next step of the plan
    news            text CHECK (news IN ('taken_on', 'closed')),   -- what whoever was told has yet to hear
    next_at         timestamptz,              -- when the worker must look again
    opened_at       timestamptz NOT NULL,
    notified_at     timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    attended_at     timestamptz,
    closed_at       timestamptz,
    closed_by       text,
    outcome         text CHECK (outcome IN ('genuine', 'false_alarm', 'expected', 'equipment', 'test', 'unable_to_reach')),
    CHECK ((state = 'closed') = (next_at IS NULL)),
    CHECK ((state = 'closed') = (outcome IS NOT NULL)),
    CHECK ((deviation_id IS NULL) <> (fault_id IS NULL))
);
CREATE UNIQUE INDEX alert_one_open ON alert (home_id, kind) WHERE state <> 'closed';
CREATE INDEX alert_due ON alert ((severity = 'urgent') DESC, next_at) WHERE state <> 'closed';
CREATE INDEX alert_news ON alert (id) WHERE news IS NOT NULL;
CREATE INDEX alert_organisation ON alert (organisation_id, opened_at);
CREATE INDEX alert_deviation ON alert (deviation_id);
CREATE INDEX alert_fault ON alert (fault_id);

CREATE TABLE alert_history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,                   -- 'service', 'staff:7', 'responder:3'
    how      text NOT NULL,                   -- worker, page, sms, api, callback
    event    text NOT NULL,
    reason   text NOT NULL DEFAULT ''
);
CREATE INDEX alert_history_alert ON alert_history (alert_id, id);

CREATE TABLE notification (
    id           uuid PRIMARY KEY,
    alert_id     bigint REFERENCES alert,     -- null: an answer that is about no alert
    responder_id bigint NOT NULL REFERENCES responder,
    purpose      text NOT NULL CHECK (purpose IN ('alert', 'hand_over', 'stand_down', 'help', 'confirm')),
    round        integer NOT NULL,
    step         integer NOT NULL,
    channel      text NOT NULL CHECK (channel IN ('sms', 'voice')),
    phone        text NOT NULL,
    body         text NOT NULL,
    state        text NOT NULL CHECK (state IN ('due', 'claimed', 'unknown', 'accepted', 'sent', 'delivered', 'undelivered', 'failed')),
    is_urgent    boolean NOT NULL,            -- goes before all others, so that no storm of faults delays it
    due_at       timestamptz NOT NULL,        -- when the worker must look at it (again)
    valid_for    interval NOT NULL,           -- after that the provider need not send it any more
    lease_until  timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    provider_id  text UNIQUE,                 -- MessageSid
    error_code   integer,
    error        text,
    created_at   timestamptz NOT NULL,
    accepted_at  timestamptz,
    delivered_at timestamptz,
    CHECK (alert_id IS NOT NULL OR purpose IN ('help', 'confirm'))
);
-- One message a person and step: identity by constraint, whatever the workers do.
CREATE UNIQUE INDEX notification_once ON notification (alert_id, purpose, round, step, responder_id, channel)
    WHERE purpose IN ('alert', 'hand_over');
CREATE INDEX notification_due ON notification (is_urgent DESC, due_at) WHERE state IN ('due', 'claimed', 'unknown');
CREATE INDEX notification_unconfirmed ON notification (due_at) WHERE state IN ('accepted', 'sent');
CREATE INDEX notification_alert ON notification (alert_id);
CREATE INDEX notification_phone ON notification (phone, created_at);

CREATE TABLE provider_callback (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id text NOT NULL,
    notification_id uuid,                     -- as our callback address named it; no foreign key: it is input
    status      text NOT NULL,
    error_code  integer,
    received_at timestamptz NOT NULL,
    handled_at  timestamptz,                  -- the alerts worker has applied it
    UNIQUE (provider_id, status)
);
CREATE INDEX provider_callback_waiting ON provider_callback (id) WHERE handled_at IS NULL;

CREATE TABLE inbound_message (
    provider_id text PRIMARY KEY,
    phone       text NOT NULL,
    body        text NOT NULL,
    received_at timestamptz NOT NULL,
    handled_at  timestamptz,                  -- the alerts worker has acted on it
    alert_id    bigint REFERENCES alert,
    result      text NOT NULL DEFAULT ''      -- what was done with it, and why
);
CREATE INDEX inbound_message_waiting ON inbound_message (received_at) WHERE handled_at IS NULL;

-- Oversight ----------------------------------------------------------------------------------

CREATE TABLE audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint REFERENCES organisation,
    at              timestamptz NOT NULL,
    staff_id        bigint REFERENCES staff,
    action          text NOT NULL,
    home_id         bigint REFERENCES home,
    subject         text NOT NULL DEFAULT '',
    address         text NOT NULL DEFAULT ''
);
CREATE INDEX audit_organisation ON audit (organisation_id, at);

-- The last time each service proved that it works.
CREATE TABLE service_seen (
    service text PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    note    text NOT NULL DEFAULT ''
);
