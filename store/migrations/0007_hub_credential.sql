-- What a home connects to the broker with. The secret itself is nowhere: it is printed once when it is made.

CREATE TABLE hub_credential (
    home_id     bigint PRIMARY KEY REFERENCES home,
    client_id   text NOT NULL UNIQUE,         -- its MQTT client id; stays when the secret is replaced
    secret_hash text NOT NULL,                -- PBKDF2-SHA512 in Mosquitto's form, $7$iterations$salt$hash
    made_at     timestamptz NOT NULL,
    revoked_at  timestamptz                   -- from then on the broker must refuse it
);

-- RabbitMQ asks the api process, which acts for no organisation then: one home's credential, by the code it gave.
CREATE FUNCTION hub_credential_of(sought text)
    RETURNS TABLE (home_id bigint, home_code text, partition smallint, client_id text, secret_hash text,
                   made_at timestamptz, revoked_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT home.id, home.code, home.partition, held.client_id, held.secret_hash, held.made_at, held.revoked_at
            FROM public.hub_credential AS held JOIN public.home ON home.id = held.home_id
           WHERE home.code = sought $$;

REVOKE EXECUTE ON FUNCTION hub_credential_of(text) FROM PUBLIC;
