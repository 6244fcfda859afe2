-- Three more ways in which a home's equipment words its messages: see ingest/dialects.
ALTER TABLE hub DROP CONSTRAINT hub_dialect_check;
ALTER TABLE hub ADD CONSTRAINT hub_dialect_check
      CHECK (dialect IN ('native', 'zigbee2mqtt', 'shelly', 'tasmota', 'homeassistant'));

-- What was stored last of a home's bridge, so that a message the broker delivers again is known: see ingest/repeats.
-- One row a home, the newest keys only. A bridge's message has no number of its own.
CREATE TABLE bridge_delivery (
    home_id bigint PRIMARY KEY REFERENCES home,
    keys    bigint[] NOT NULL                 -- newest first
);
