#!/bin/sh
# Create the roles and databases in a new PostgreSQL. The image of PostgreSQL runs this once, on an
# empty volume, with psql's own variables set to the superuser.
#
# PERISAI_DATABASES names them, separated by spaces. Each database has two roles, and no other role
# may connect: `<database>_owner` owns and migrates it; `<database>_app` only has the rights that the
# migrations grant. Each password is in PERISAI_<DATABASE>_<ROLE>_PASSWORD, or in the file in the same
# variable with the suffix _FILE.
set -eu

run_psql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
        --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
}

# read_password VARIABLE: print what the variable holds, or the file that VARIABLE_FILE names.
read_password() {
    eval "word=\${$1:-} file=\${$1_FILE:-}"
    # Both are set by the line above.
    # shellcheck disable=SC2154
    if [ -z "$word" ] && [ -n "$file" ]; then
        word=$(cat "$file")
    fi
    if [ -z "$word" ]; then
        echo "postgres-init: $1 or $1_FILE must be set." >&2
        return 1
    fi
    printf '%s' "$word"
}

databases=${PERISAI_DATABASES:?}
# All are read first, so that no volume is initialised partially.
for database in $databases; do
    upper=$(printf '%s' "$database" | tr '[:lower:]' '[:upper:]')
    read_password "PERISAI_${upper}_OWNER_PASSWORD" >/dev/null
    read_password "PERISAI_${upper}_APP_PASSWORD" >/dev/null
done

run_psql <<'SQL'
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL

for database in $databases; do
    upper=$(printf '%s' "$database" | tr '[:lower:]' '[:upper:]')
    owner_password=$(read_password "PERISAI_${upper}_OWNER_PASSWORD")
    app_password=$(read_password "PERISAI_${upper}_APP_PASSWORD")
    # Passwords are passed in the environment, because all users can read arguments.
    export owner_password app_password
    run_psql --set name="$database" --set owner="${database}_owner" --set app="${database}_app" <<'SQL'
\getenv owner_password owner_password
\getenv app_password app_password
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS
    PASSWORD :'owner_password';
CREATE ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS
    PASSWORD :'app_password';
ALTER ROLE :"app" SET transaction_timeout = '60s';
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"app";
SQL
done
