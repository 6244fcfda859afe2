#!/bin/sh
# The role that migrates, made when the database is made (docker-entrypoint-initdb.d of the image); elsewhere run it once
# as a superuser with PGDATABASE set. It owns the database and may make the two roles of the services, nothing more.
set -eu
password_file="${TELECARE_OWNER_PASSWORD_FILE:-/run/secrets/database_owner_password}"
[ -r "$password_file" ] || { echo "cannot read $password_file" >&2; exit 1; }
# psql quotes the values itself; nothing of the password is in a command line.
TELECARE_OWNER_PASSWORD="$(cat "$password_file")"
export TELECARE_OWNER_PASSWORD
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 \
     --username "${POSTGRES_USER:-${PGUSER:-postgres}}" --dbname "${POSTGRES_DB:-${PGDATABASE:-telecare}}" <<'SQL'
\getenv password TELECARE_OWNER_PASSWORD
SELECT count(*) = 0 AS is_missing FROM pg_roles WHERE rolname = 'telecare_owner' \gset
\if :is_missing
CREATE ROLE telecare_owner LOGIN CREATEROLE;
\endif
SET log_statement = 'none';
ALTER ROLE telecare_owner PASSWORD :'password';
SELECT current_database() AS database \gset
ALTER DATABASE :"database" OWNER TO telecare_owner;
SQL
