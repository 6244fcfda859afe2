-- More that may be wrong with the equipment, what it said of itself day by day, and when each place could be observed.

ALTER TABLE fault DROP CONSTRAINT fault_kind_check;
ALTER TABLE fault ADD CONSTRAINT fault_kind_check
      CHECK (kind IN ('hub_silent', 'sensor_silent', 'sensor_stuck', 'battery_low', 'weak_signal', 'clock_wrong',
                      'unknown_sensor'));

-- What a hub (sensor_id 0) or a sensor said of itself on a day. No row: it was not heard on that day.
CREATE TABLE equipment_day (
    home_id         bigint NOT NULL REFERENCES home,
    sensor_id       bigint NOT NULL,
    day             date NOT NULL,            -- civil, of the home
    battery_percent smallint,                 -- what it said last
    -- The weakest signal in each hour in which it was weak: 24 values, civil hours, NULL where it was not (or not
    -- heard). Link quality 0–255 of a sensor, dBm of a hub. NULL as a whole: never weak on this day.
    weak_signal     smallint[] CHECK (cardinality(weak_signal) = 24),
    PRIMARY KEY (home_id, sensor_id, day)
);

-- When each battery will be empty, as the model's process last worked it out; no row: that cannot be said.
CREATE TABLE battery_forecast (
    home_id        bigint NOT NULL REFERENCES home,
    sensor_id      bigint NOT NULL,           -- 0: the hub
    empty_on       date NOT NULL,
    earliest       date NOT NULL,
    latest         date,                      -- NULL: not within a year
    points_per_day double precision NOT NULL, -- of charge, in per cent
    rests_on_days  integer NOT NULL,
    PRIMARY KEY (home_id, sensor_id)
);

-- When a movement would have been recorded: seconds of each quarter hour of a day in UTC, by room; room '' is the home
-- as a whole, and a room that has no row of its own was covered as the home was. NULL: all of the day.
CREATE TABLE coverage_day (
    home_id bigint NOT NULL REFERENCES home,
    day     date NOT NULL,                    -- UTC
    room    text NOT NULL,
    seconds smallint[] CHECK (cardinality(seconds) = 96),
    PRIMARY KEY (home_id, day, room)
);

-- All days before this one are derived. What comes or is found on it or later may change them: then once more.
CREATE TABLE coverage_until (
    home_id bigint PRIMARY KEY REFERENCES home,
    day     date NOT NULL                     -- UTC
);

-- Quarter hours as rows, for reports: the share of each in which the room could be observed. Days that are complete.
CREATE VIEW coverage_quarter WITH (security_invoker = true) AS
SELECT home_id,
       room,
       (day + make_interval(mins => 15 * (quarter - 1))) AT TIME ZONE 'UTC' AS quarter_at,
       coalesce(seconds[quarter], 900) / 900.0::double precision AS share
  FROM coverage_day
 CROSS JOIN generate_series(1, 96) AS quarter;
