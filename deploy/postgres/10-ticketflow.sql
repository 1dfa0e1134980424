-- Run once, by psql as PostgreSQL's superuser, when the volume is empty: the role that Ticket Flow signs in as owns its
-- database and nothing else.
\set password `cat /run/secrets/database_password`
CREATE ROLE ticketflow LOGIN PASSWORD :'password';
CREATE DATABASE ticketflow OWNER ticketflow;
\connect ticketflow
-- An index for large knowledge bases, where the image has it: only a superuser may add it.
SELECT 'CREATE EXTENSION vector' FROM pg_available_extensions WHERE name = 'vector' \gexec
