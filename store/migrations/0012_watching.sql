-- What staff decide about how a home is watched, what they say of alerts, and the fleet's governor of false alerts.

-- No row: watched from the beginning, one false alert a month. So nothing changes for the homes there are.
CREATE TABLE watching (
    home_id              bigint PRIMARY KEY REFERENCES home,
    false_alerts_a_month double precision NOT NULL DEFAULT 1 CHECK (false_alerts_a_month BETWEEN 0.1 AND 10),
    stage                text NOT NULL DEFAULT 'live' CHECK (stage IN ('live', 'shadow', 'not_live')),
    told_from            timestamptz,         -- from when people are told of every finding; NULL: always, or not live
    new_normal_from      timestamptz,         -- the routine has changed from then on, staff say
    budget_by            text,                -- 'staff:7', and when, of each choice
    budget_at            timestamptz,
    stage_by             text,
    stage_at             timestamptz,
    new_normal_by        text,
    new_normal_at        timestamptz,
    CHECK (stage <> 'shadow' OR told_from IS NOT NULL)
);

-- Every finding an alert ever carried; the alert itself names only the latest.
CREATE TABLE alert_finding (
    alert_id     bigint NOT NULL REFERENCES alert,
    deviation_id uuid NOT NULL REFERENCES deviation,
    PRIMARY KEY (alert_id, deviation_id)
);
CREATE INDEX alert_finding_deviation ON alert_finding (deviation_id);
CREATE INDEX alert_home ON alert (home_id, opened_at) WHERE audience = 'person';
INSERT INTO alert_finding (alert_id, deviation_id)
SELECT id, deviation_id FROM alert WHERE deviation_id IS NOT NULL;

-- Found and not told, because the home was in shadow or not live; looked at once more when people are told again.
CREATE TABLE shadow_finding (
    deviation_id uuid PRIMARY KEY REFERENCES deviation,
    home_id      bigint NOT NULL REFERENCES home,
    held_at      timestamptz NOT NULL,
    is_settled   boolean NOT NULL DEFAULT false   -- over, or people have been told since
);
CREATE INDEX shadow_finding_home ON shadow_finding (home_id);
CREATE INDEX shadow_finding_waiting ON shadow_finding (held_at) WHERE NOT is_settled;

-- "Usual for this resident": days that may teach although there was an alert.
CREATE TABLE usual_day (
    home_id  bigint NOT NULL REFERENCES home,
    day      date NOT NULL,                   -- civil, of the home
    alert_id bigint NOT NULL REFERENCES alert,
    said_by  text NOT NULL,                   -- 'staff:7'
    said_at  timestamptz NOT NULL,
    PRIMARY KEY (home_id, day)
);

-- One row an organisation and day: what was seen, and what came of it for every threshold.
CREATE TABLE governor_day (
    organisation_id bigint NOT NULL REFERENCES organisation,
    day             date NOT NULL,            -- UTC
    homes           integer NOT NULL,         -- observed on that day, past their first fortnight, people told
    home_days       double precision NOT NULL,
    alerts          integer NOT NULL,         -- about residents, that nobody has confirmed
    promised        double precision NOT NULL,    -- false alerts that these homes' budgets allow for that time
    nats            double precision NOT NULL,    -- g, from the decision on
    reason          text NOT NULL,
    decided_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, day)
);

-- Staff say that an alert came of the equipment: those who look after it hear of it as of any fault.
ALTER TABLE fault DROP CONSTRAINT fault_kind_check;
ALTER TABLE fault ADD CONSTRAINT fault_kind_check
      CHECK (kind IN ('hub_silent', 'sensor_silent', 'sensor_stuck', 'battery_low', 'weak_signal', 'clock_wrong',
                      'unknown_sensor', 'reported'));
UPDATE schema_compatibility SET oldest_code = 12;  -- older code does not know a reported fault

CREATE FUNCTION note_alert_finding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alert_finding (alert_id, deviation_id) VALUES (NEW.id, NEW.deviation_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_carries AFTER INSERT OR UPDATE OF deviation_id ON alert FOR EACH ROW
    WHEN (NEW.deviation_id IS NOT NULL)
    EXECUTE FUNCTION note_alert_finding();

-- Whoever watches the home hears at once (migration 0008): an alert masks its time, and its outcome says what it was.
CREATE TRIGGER alert_opened_described AFTER INSERT ON alert FOR EACH ROW
    WHEN (NEW.audience = 'person')
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER alert_described AFTER UPDATE ON alert FOR EACH ROW
    WHEN (NEW.audience = 'person' AND (OLD.outcome, OLD.deviation_id) IS DISTINCT FROM (NEW.outcome, NEW.deviation_id))
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER watching_described AFTER INSERT OR UPDATE OR DELETE ON watching FOR EACH ROW
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER usual_day_described AFTER INSERT OR UPDATE OR DELETE ON usual_day FOR EACH ROW
    EXECUTE FUNCTION tell_description();
