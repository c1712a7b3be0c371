-- What auth-sql's default queries expect, for SQLite:
--   sqlite3 /var/lib/sallyport/users.db < schema-sqlite.sql
CREATE TABLE sallyport_users (
    name       TEXT PRIMARY KEY NOT NULL CHECK (name <> ''),
    password   TEXT,                        -- as "sallyport passwd" makes it; NULL: no password
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    expires_at INTEGER,                     -- seconds since 1970-01-01 UTC; NULL: never
    grants     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(grants))
) WITHOUT ROWID;

CREATE TABLE sallyport_keys (
    user_name TEXT NOT NULL REFERENCES sallyport_users (name) ON DELETE CASCADE ON UPDATE CASCADE,
    key       TEXT NOT NULL,                -- one line: type, base64, comment
    PRIMARY KEY (user_name, key)
) WITHOUT ROWID;
