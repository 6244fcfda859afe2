-- Several workers of one service, each with partitions of its own.

-- Which partitions a worker serves; null: the service has no partitions. Its name holds them too: `ingest 00-31`.
ALTER TABLE service_seen ADD COLUMN partitions smallint[];

-- A worker of `anomaly` asks for the homes of its partitions.
CREATE INDEX home_partition ON home (partition);

-- Whoever watches a home hears at once that it was described anew: telecare_description, with the home's id. A notice,
-- not a row, so that no two writers ever wait for each other because of it.

CREATE FUNCTION tell_description() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'home' THEN
        PERFORM pg_notify('telecare_description', NEW.id::text);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('telecare_description', OLD.home_id::text);
    ELSE
        PERFORM pg_notify('telecare_description', NEW.home_id::text);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER home_described AFTER UPDATE ON home FOR EACH ROW
    WHEN ((OLD.time_zone, OLD.check_in_interval, OLD.residents) IS DISTINCT FROM
          (NEW.time_zone, NEW.check_in_interval, NEW.residents))
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER absence_described AFTER INSERT OR UPDATE OR DELETE ON absence FOR EACH ROW
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER sensor_added AFTER INSERT OR DELETE ON sensor FOR EACH ROW
    EXECUTE FUNCTION tell_description();
CREATE TRIGGER sensor_described AFTER UPDATE ON sensor FOR EACH ROW
    WHEN ((OLD.code, OLD.name, OLD.kind, OLD.room, OLD.is_exit, OLD.is_essential, OLD.is_available) IS DISTINCT FROM
          (NEW.code, NEW.name, NEW.kind, NEW.room, NEW.is_exit, NEW.is_essential, NEW.is_available))
    EXECUTE FUNCTION tell_description();
