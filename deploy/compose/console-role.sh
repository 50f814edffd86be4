#!/bin/sh
# Run by PostgreSQL's image when the database is made: the role that consoles and janitor sign in as.
# Its rights come with each migration: `manage.py audit_role debug_console --apply`.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$(cat /run/secrets/console_password)" <<'SQL'
CREATE ROLE debug_console LOGIN PASSWORD :'password';
SQL
