#!/bin/sh
# Make the roles and databases in a new PostgreSQL. The image of PostgreSQL runs this once, on an
# empty volume, with psql's own variables set to the superuser.
#
# `owner` owns the databases and migrates them; `app` may connect and has no right but what the
# migrations grant it. Each password is in PERISAI_<ROLE>_PASSWORD or in the file that
# PERISAI_<ROLE>_PASSWORD_FILE names.
set -eu

refuse() {
    echo "postgres-init: $1 or $1_FILE must be set." >&2
    exit 1
}

owner_password=${PERISAI_OWNER_PASSWORD:-}
if [ -n "${PERISAI_OWNER_PASSWORD_FILE:-}" ]; then
    owner_password=$(cat "$PERISAI_OWNER_PASSWORD_FILE")
fi
app_password=${PERISAI_APP_PASSWORD:-}
if [ -n "${PERISAI_APP_PASSWORD_FILE:-}" ]; then
    app_password=$(cat "$PERISAI_APP_PASSWORD_FILE")
fi
[ -n "$owner_password" ] || refuse PERISAI_OWNER_PASSWORD
[ -n "$app_password" ] || refuse PERISAI_APP_PASSWORD

# Passwords reach psql by its environment: arguments can be read by everybody on the machine.
export owner_password app_password
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv owner_password owner_password
\getenv app_password app_password
CREATE ROLE owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
SQL

for database in gateway agent member payment; do
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$database" \
        --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
CREATE DATABASE :"name" OWNER owner;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO app;
SQL
done
