-- Whose rows are whose. Here: what needs no role by name. The policies and grants name the roles, and those are
-- settings: `store.access` writes them, after every `telecare migrate`.

-- Views for the role of the pages, under the names of tables that cannot have row-level security (hypertables).
CREATE SCHEMA guarded;

-- Each time this database was put back from a backup. What was sent between the two is known to the provider alone.
CREATE TABLE restored (
    restored_at timestamptz PRIMARY KEY,
    taken_at    timestamptz NOT NULL            -- when the backup was taken
);

-- The organisation this transaction acts for; NULL: none, and so no rows. An emptied setting reads as ''.
CREATE FUNCTION own_organisation() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.org', true), '')::bigint;

-- What the pages must do before they know who asks, or for nobody in particular. Each runs with the owner's rights and
-- gives away one thing: the account of an address, the session of a token somebody holds, or a bare count.

CREATE FUNCTION staff_of_email(sought text) RETURNS SETOF staff
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT * FROM public.staff WHERE lower(email) = lower(sought) $$;

CREATE FUNCTION session_of_token(sought bytea) RETURNS SETOF session
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT * FROM public.session WHERE token_hash = sought $$;

CREATE FUNCTION staff_of_token(sought bytea) RETURNS SETOF staff
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT staff.* FROM public.session JOIN public.staff ON staff.id = session.staff_id
           WHERE session.token_hash = sought $$;

CREATE FUNCTION end_session(ended bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ DELETE FROM public.session WHERE token_hash = ended $$;

CREATE FUNCTION count_audit(sought text, since timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT count(*) FROM public.audit WHERE action = sought AND at >= since $$;

CREATE FUNCTION count_replies_waiting() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT count(*) FROM public.inbound_message WHERE handled_at IS NULL $$;

CREATE FUNCTION count_rejected_of_no_home(since timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT count(*) FROM public.rejected_message WHERE received_at > since AND home_id IS NULL $$;

REVOKE EXECUTE ON FUNCTION staff_of_email(text), session_of_token(bytea), staff_of_token(bytea), end_session(bytea),
    count_audit(text, timestamptz), count_replies_waiting(), count_rejected_of_no_home(timestamptz) FROM PUBLIC;
