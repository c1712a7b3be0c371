# auth-sql against an SQLite file and against a PostgreSQL server of its own: users, keys and grants
# by the schemas that come with it; a server that stops, hangs and comes back; names that mean harm.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need sshpass sqlite3 plink psftp
[ -d "$PLUGIN_DIR/auth-sql" ] || skip "auth-sql is not built"
export PASSWORD
SCHEMAS=$SALLYPORT_PREFIX/share/sallyport/auth-sql
export PGSERVICEFILE=$W/services # also the daemon's
SERVER_PID=
stop_server() # SIGNAL
{
    [ -n "$SERVER_PID" ] || return 0
    kill "-${1:-INT}" "$SERVER_PID" || true
    wait "$SERVER_PID" 2>/dev/null || true
    SERVER_PID=
}
end_server()
{
    local code=$?
    [ -z "$SERVER_PID" ] || go_on
    stop_server QUIT
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap end_server EXIT

use() # SETTINGS: of the plugin
{
    configure "{\"plugins\": [{\"name\": \"sql\", \"plugin\": \"auth-sql\", \"config\": $1},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"}, {\"name\": \"shell\",
        \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
        \"chains\": {\"auth\": [\"sql\"]}, \"auth_methods\": [\"publickey\", \"password\"], \"workers\": 1}"
}
with_password() # USER [PASSWORD]
{
    SSHPASS=${2-$PASSWORD} sshpass -e ssh -F "$W/ssh_config" -o BatchMode=no \
        -o NumberOfPasswordPrompts=1 -o PreferredAuthentications=password -o PubkeyAuthentication=no \
        "$1@target" 'echo in'
}
users() # the users that every database has, as SQL
{
    local name grants="{\"root\": \"$W/root/alice\", \"permit\": [\"sftp\", \"exec\", \"shell\", \"pty\"]}"
    echo "INSERT INTO sallyport_users (name, password, grants) VALUES ('alice', '$PASSWORD_HASH', '$grants');"
    for name in reader gone late nopassword broken; do
        echo "INSERT INTO sallyport_users (name, password, grants) SELECT '$name', password, grants
            FROM sallyport_users WHERE name = 'alice';"
    done
    echo "UPDATE sallyport_users SET disabled = true WHERE name = 'gone';
        UPDATE sallyport_users SET expires_at = 1000000000 WHERE name = 'late';
        UPDATE sallyport_users SET password = NULL WHERE name = 'nopassword';
        UPDATE sallyport_users SET grants = '{\"root\": \"$W/root/alice\", \"read_only\": true}'
            WHERE name = 'reader';
        UPDATE sallyport_users SET grants = '{\"readonly\": true}' WHERE name = 'broken';
        INSERT INTO sallyport_keys VALUES ('alice', '$(cat "$W/key.pub")'), ('gone', '$(cat "$W/key.pub")');"
}
# What must hold whatever the database is.
everybody_is_judged()
{
    expect_equal "$(with_password alice)" in "ssh, password"
    expect_equal "$(ssh_ target 'echo in')" in "ssh, key"
    expect_equal "$(plink_ 'echo in')" in "plink"
    echo 'put config.json first' | sftp_ target
    echo 'put config.json second' | psftp_ >"$W/out/psftp" || fail "psftp: $(cat "$W/out/psftp")"
    expect_same_file "$W/config.json" "$W/root/alice/second"
    PYTHONPATH=$TESTS/support "$PYTHON" -c "
import paramiko_client as p
with p.sftp_client() as sftp:
    assert 'first' in sftp.listdir('.'), sftp.listdir('.')"
    echo 'put config.json third' | expect_failure sshpass -p "$PASSWORD" sftp -q -b - -F "$W/ssh_config" \
        -o BatchMode=no -o PubkeyAuthentication=no reader@target
    [ ! -e "$W/root/alice/third" ] || fail "a read-only user has written"
    expect_failure with_password alice wrong
    expect_failure with_password alice ''
    local user
    for user in gone late nopassword broken nobody-there; do
        expect_failure with_password $user
        expect_failure ssh_ "$user@target" true
    done
    raw <<'END'
for name in ("alice'--", "' OR '1'='1", "alice' OR 1=1 --", "x' UNION SELECT 1 --", "alice;--", "$1",
             "%", "alice\\'", 'alice"'):
    c = client()
    c.service()
    c.send_password(name, PASSWORD)
    code, _ = c.receive(seconds=20)
    check(code == USERAUTH_FAILURE, f"{name!r}: {code}")
    c.close()
END
    expect_equal "$(with_password alice)" in "after names that mean harm"
}

# SQLite.
sqlite3 "$W/users.db" <"$SCHEMAS/schema-sqlite.sql"
users | sqlite3 "$W/users.db"
use "{\"backend\": \"sqlite\", \"file\": \"$W/users.db\"}"
daemon_start
everybody_is_judged
wait_log 'readonly.*there is no such key'
sqlite3 "$W/users.db" "DELETE FROM sallyport_keys; UPDATE sallyport_users SET password = NULL"
expect_failure ssh_ target true
expect_failure with_password alice
mv "$W/users.db" "$W/users.db.away"
expect_failure with_password alice
wait_log 'so the user is refused'
sqlite3 "$W/users.db" <"$SCHEMAS/schema-sqlite.sql"
users | sqlite3 "$W/users.db"
expect_equal "$(with_password alice)" in "a new file in its place"
expect_no_log "open, sesame|rounds=1000"

# PostgreSQL.
BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$BIN" ] || skip "PostgreSQL is not installed; SQLite passed"
[ "$(id -u)" != 0 ] || skip "PostgreSQL does not run as root; SQLite passed"
PGPORT=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PGPORT PGHOST=$W PGUSER=owner PGDATABASE=postgres PGPASSWORD=owners-word
echo "$PGPASSWORD" >"$W/owner-word"
"$BIN/initdb" -D "$W/pg" -U owner -A scram-sha-256 --pwfile "$W/owner-word" -N >"$W/out/initdb" ||
    fail "initdb: $(cat "$W/out/initdb")"
start_server()
{
    "$BIN/postgres" -D "$W/pg" -k "$W" -p "$PGPORT" -c listen_addresses=127.0.0.1 -c fsync=off \
        -c log_statement=all >>"$W/pg.log" 2>&1 &
    SERVER_PID=$!
    wait_for 60 "PostgreSQL" "$BIN/pg_isready" -q
}
hang()
{
    pgrep -P "$SERVER_PID" >"$W/backends" || true
    xargs kill -STOP "$SERVER_PID" <"$W/backends" || true
}
go_on()
{
    xargs kill -CONT "$SERVER_PID" <"$W/backends" 2>/dev/null || kill -CONT "$SERVER_PID" || true
}
touch "$W/backends"
start_server
psql() { "$BIN/psql" -q -v ON_ERROR_STOP=1 "$@"; }
psql -f "$SCHEMAS/schema-postgresql.sql"
users | psql -f -
echo "CREATE ROLE sallyport LOGIN PASSWORD 'readers-word';
    GRANT SELECT ON sallyport_users, sallyport_keys TO sallyport;" | psql -f -
echo readers-word >"$W/sql-word"
chmod 600 "$W/sql-word"
settings()
{
    echo "{\"backend\": \"postgresql\", \"password_file\": \"$W/sql-word\", \"timeout_ms\": 2000,
        \"connection\": \"host=127.0.0.1 port=$PGPORT user=sallyport dbname=postgres\"}"
}
use "$(settings)"
reload
everybody_is_judged
grep -q 'execute user: SELECT' "$W/pg.log" || fail "no prepared statement was used"
! grep 'statement: .*alice.--' "$W/pg.log" || fail "a name has become part of a statement"
expect_no_log "open, sesame|rounds=1000|readers-word"

# Gone, back; silent, back. Links of the pool are dead after the first.
stop_server INT
expect_failure with_password alice
expect_failure ssh_ target true
start_server
expect_equal "$(with_password alice)" in "after a restart of the server"
expect_equal "$(ssh_ target 'echo in')" in "after a restart of the server, by key"
hang
begin=$(date +%s%N)
expect_failure with_password alice
expect_less $((($(date +%s%N) - begin) / 1000000)) 20000 "milliseconds until a silent server is given up"
wait_log 'no answer in time|does not answer'
go_on
expect_equal "$(with_password alice)" in "after a silence of the server"

# Bytes instead of lines; columns instead of JSON.
psql -c "CREATE VIEW people AS SELECT name, password, '$W/root/alice'::text AS root, 'sftp,exec'::text AS permit,
        false AS read_only FROM sallyport_users WHERE NOT disabled;
    CREATE VIEW blobs AS SELECT user_name, decode(split_part(key, ' ', 2), 'base64') AS blob FROM sallyport_keys;
    GRANT SELECT ON people, blobs TO sallyport"
use "$(settings)"
"$PYTHON" - "$W/config.json" <<'END'
import json, sys
with open(sys.argv[1]) as file:
    c = json.load(file)
c["plugins"][0]["config"]["user_query"] = "SELECT password, root, permit, read_only FROM people WHERE name = $1"
c["plugins"][0]["config"]["keys_query"] = "SELECT blob FROM blobs WHERE user_name = $1"
with open(sys.argv[1], "w") as file:
    json.dump(c, file)
END
reload
expect_equal "$(with_password alice)" in "columns"
expect_equal "$(ssh_ target 'echo in')" in "bytea"

# Passwords go in the clear to this machine only: not to one server of several, nor to one that a
# file of services names.
printf '[users]\nhost=0.0.0.0\n' >"$PGSERVICEFILE"
for place in host=/nonexistent,0.0.0.0 service=users; do
    use "$(settings | sed "s|host=127.0.0.1|$place|")"
    reload
    expect_failure with_password alice
done
expect_equal "$(grep -c 'the user is refused: .*does not support SSL' "$W/log")" 2 "refusals of a server without TLS"
use "$(settings)"

# A query that the database refuses, a wrong password of ours, a password in the wrong place.
"$PYTHON" - "$W/config.json" <<'END'
import json, sys
with open(sys.argv[1]) as file:
    c = json.load(file)
c["plugins"][0]["config"]["user_query"] = "SELECT password FROM nowhere WHERE name = $1"
with open(sys.argv[1], "w") as file:
    json.dump(c, file)
END
expect_failure reload
wait_log 'relation .*nowhere.* does not exist'
echo wrong-word >"$W/sql-word"
use "$(settings)"
reload
expect_failure with_password alice
wait_log 'password authentication failed'
use "{\"backend\": \"postgresql\", \"connection\": \"host=127.0.0.1 password=x\"}"
expect_failure reload
wait_log 'put it into password_file'
