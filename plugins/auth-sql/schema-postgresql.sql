-- What auth-sql's default queries expect, for PostgreSQL:
--   psql -d users -f schema-postgresql.sql
CREATE TABLE sallyport_users (
    name       text PRIMARY KEY CHECK (name <> ''),
    password   text,                        -- as "sallyport passwd" makes it; NULL: no password
    disabled   boolean NOT NULL DEFAULT false,
    expires_at bigint,                      -- seconds since 1970-01-01 UTC; NULL: never
    grants     jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE sallyport_keys (
    user_name text NOT NULL REFERENCES sallyport_users (name) ON DELETE CASCADE ON UPDATE CASCADE,
    key       text NOT NULL,                -- one line: type, base64, comment
    PRIMARY KEY (user_name, key)
);

-- The daemon only reads; give it a role that cannot do more:
--   CREATE ROLE sallyport LOGIN;
--   GRANT SELECT ON sallyport_users, sallyport_keys TO sallyport;
