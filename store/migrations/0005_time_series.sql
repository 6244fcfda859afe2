-- The time series: what readers by number need to find rows by time, and the figures a quarter of an hour.
-- Ordinary SQL, the same on every server. Where there is TimescaleDB, `store.timescale` makes hypertables of the tables
-- and lets `sensor_quarter` read what is kept ready; the names stay.

-- With the two columns a chart draws, four weeks of a home are read from the index alone: its rows lie scattered among
-- everybody's, a page each, where there is no TimescaleDB to put them together.
ALTER TABLE sensor_event DROP CONSTRAINT sensor_event_pkey;
ALTER TABLE sensor_event ADD PRIMARY KEY (home_id, occurred_at, number) INCLUDE (sensor_id, value);

-- Which stretch of time a home's numbers are about. Rows are asked for by number and stored by time (in daily chunks on
-- TimescaleDB): without a bound in time, each of some hundred chunks would have to be asked.
-- A row holds for the numbers from its `first_number` up to the next row's.
CREATE TABLE intake_day (
    home_id      bigint NOT NULL REFERENCES home,
    first_number bigint NOT NULL,
    day          date NOT NULL,               -- when it was begun, UTC, our clock
    earliest_at  timestamptz NOT NULL,        -- all of it occurred from here …
    latest_at    timestamptz NOT NULL,        -- … to before here; whole days, UTC
    PRIMARY KEY (home_id, first_number)
);

INSERT INTO intake_day (home_id, first_number, day, earliest_at, latest_at)
SELECT home_id, min(number), (max(received_at) AT TIME ZONE 'UTC')::date,
       date_bin('1 day', min(occurred_at), TIMESTAMPTZ '2000-01-01 00:00:00+00'),
       date_bin('1 day', max(occurred_at), TIMESTAMPTZ '2000-01-01 00:00:00+00') + interval '1 day'
  FROM (SELECT home_id, number, occurred_at, received_at FROM sensor_event
        UNION ALL
        SELECT home_id, number, occurred_at, received_at FROM hub_check_in) AS stored
 GROUP BY home_id;

-- A quarter of an hour, because the days and hours of every time zone are made of whole ones (Kathmandu is +05:45).
CREATE VIEW sensor_quarter AS
SELECT home_id,
       sensor_id,
       date_bin('15 minutes', occurred_at, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS quarter_at,
       count(*) AS events,
       count(*) FILTER (WHERE value > 0) AS on_events,
       min(occurred_at) FILTER (WHERE value > 0) AS first_on_at,
       max(occurred_at) FILTER (WHERE value > 0) AS last_on_at,
       min(value) AS lowest,
       max(value) AS highest,
       sum(value) AS total                    -- of a measurement: total / events is its mean
  FROM sensor_event
 GROUP BY home_id, sensor_id, date_bin('15 minutes', occurred_at, TIMESTAMPTZ '2000-01-01 00:00:00+00');

-- What a sensor did in an hour of its home's civil time.
CREATE VIEW sensor_hour AS
SELECT quarter.home_id,
       quarter.sensor_id,
       date_trunc('hour', quarter.quarter_at, home.time_zone) AS hour_at,
       sum(quarter.events)::bigint AS events,
       sum(quarter.on_events)::bigint AS on_events,
       min(quarter.first_on_at) AS first_on_at,
       max(quarter.last_on_at) AS last_on_at,
       min(quarter.lowest) AS lowest,
       max(quarter.highest) AS highest,
       sum(quarter.total) / sum(quarter.events) AS mean
  FROM sensor_quarter AS quarter
  JOIN home ON home.id = quarter.home_id
 GROUP BY quarter.home_id, quarter.sensor_id, date_trunc('hour', quarter.quarter_at, home.time_zone);

-- What was seen in a home on a civil day of its own. Few events may mean a quiet day or an unobserved one: read it
-- beside the day's coverage, which is not here.
CREATE VIEW home_day AS
SELECT quarter.home_id,
       (quarter.quarter_at AT TIME ZONE home.time_zone)::date AS day,
       sum(quarter.events)::bigint AS events,
       coalesce(sum(quarter.on_events) FILTER (WHERE is_of_a_person), 0)::bigint AS activities,
       count(DISTINCT quarter.sensor_id) FILTER (WHERE is_of_a_person AND quarter.on_events > 0) AS active_sensors,
       min(quarter.first_on_at) FILTER (WHERE is_of_a_person) AS first_activity_at,
       max(quarter.last_on_at) FILTER (WHERE is_of_a_person) AS last_activity_at
  FROM sensor_quarter AS quarter
  JOIN home ON home.id = quarter.home_id
  JOIN LATERAL (SELECT sensor.kind NOT IN ('temperature', 'humidity', 'illuminance', 'power') AS is_of_a_person
                  FROM sensor WHERE sensor.id = quarter.sensor_id) AS told ON true
 GROUP BY quarter.home_id, (quarter.quarter_at AT TIME ZONE home.time_zone)::date;

-- The oldest code that may run on this schema, by the newest migration that code knows. One row.
CREATE TABLE schema_compatibility (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    oldest_code integer NOT NULL
);
INSERT INTO schema_compatibility (oldest_code) VALUES (5);
