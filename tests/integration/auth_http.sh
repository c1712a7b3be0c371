# auth-http against a real web service: over TLS with certificates on both sides, with each method
# and each client; whatever the service does wrong lets nobody in, and the next user is served.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need sshpass openssl plink sftp
[ -d "$PLUGIN_DIR/auth-http" ] || skip "auth-http is not built"
export PASSWORD
SERVER_PID=
ANOTHER_PID=
stop_servers()
{
    local code=$?
    [ -z "$SERVER_PID" ] || kill "$SERVER_PID" || true
    [ -z "$ANOTHER_PID" ] || kill "$ANOTHER_PID" || true
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap stop_servers EXIT

authority() # NAME
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$W/$1.key" \
        -out "$W/$1.pem" 2>/dev/null
}
certificate() # NAME AUTHORITY EXTENSION
{
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$W/$1.key" -out "$W/$1.csr" 2>/dev/null
    openssl x509 -req -in "$W/$1.csr" -CA "$W/$2.pem" -CAkey "$W/$2.key" -CAcreateserial -days 2 \
        -extfile <(echo "$3") -out "$W/$1.pem" 2>/dev/null
    chmod 600 "$W/$1.key"
}
authority ca
authority stranger
certificate service ca 'subjectAltName=IP:127.0.0.1'
certificate client ca 'extendedKeyUsage=clientAuth'
"$PYTHON" "$TESTS/support/http_users.py" "$W" "$W/http.port" \
    --tls "$W/service.pem" "$W/service.key" "$W/ca.pem" &
SERVER_PID=$!
wait_for 20 "the web service" test -s "$W/http.port"
URL=https://127.0.0.1:$(cat "$W/http.port")/judge
echo 'Authorization: Bearer a-token-of-ours' >"$W/headers"
chmod 600 "$W/headers"

use() # SETTINGS: a merge patch for the plugin's configuration
{
    echo "{\"url\": \"$URL\", \"ca_file\": \"$W/ca.pem\", \"certificate_file\": \"$W/client.pem\",
        \"key_file\": \"$W/client.key\", \"headers_file\": \"$W/headers\", \"timeout_ms\": 10000,
        \"retry_delay_ms\": 50}" >"$W/http.json"
    "$PYTHON" "$TESTS/support/merge.py" "$W/http.json" "$1"
    configure "{\"plugins\": [{\"name\": \"web\", \"plugin\": \"auth-http\",
        \"config\": $(cat "$W/http.json")},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"}, {\"name\": \"shell\",
        \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
        \"chains\": {\"auth\": [\"web\"]}, \"workers\": 1}"
}
use '{}'
# Whatever the environment says of proxies, none is used.
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
daemon_start

with_password() # USER [PASSWORD] [COMMAND]
{
    SSHPASS=${2-$PASSWORD} sshpass -e ssh -F "$W/ssh_config" -o BatchMode=no \
        -o NumberOfPasswordPrompts=1 -o PreferredAuthentications=password -o PubkeyAuthentication=no \
        "$1@target" "${3-echo in}"
}
asked() # EXPRESSION on the list q of all questions
{
    "$PYTHON" -c "
import json
q = [json.loads(line) for line in open('$W/questions', encoding='utf-8')]
print($1)"
}

# Each method, each client.
expect_equal "$(with_password alice)" in "ssh, password"
expect_equal "$(ssh_ target 'echo in')" in "ssh, key"
echo 'put config.json' | sftp_ target
expect_same_file "$W/config.json" "$W/root/alice/config.json"
expect_equal "$(plink_ -l otto 'echo in')" in "plink"
PYTHONPATH=$TESTS/support "$PYTHON" - <<'PY'
import os
import paramiko_client as p
import paramiko
with p.sftp_client() as sftp:
    assert "config.json" in sftp.listdir("."), sftp.listdir(".")
rounds = [["blue", "123456"], ["654321"]]
def handler(title, instructions, prompts):
    answers = rounds.pop(0)
    assert len(prompts) == len(answers), prompts
    if len(answers) == 2:
        assert prompts == [("Colour: ", True), ("Code: ", False)], prompts
        assert (title, instructions) == ("Two rounds", "Say who you are."), (title, instructions)
    return answers
def connect(handler):
    transport = paramiko.Transport(("127.0.0.1", int(os.environ["PORT"])))
    transport.start_client()
    transport.auth_interactive("alice", handler)
    transport.close()
connect(handler)
assert not rounds
for wrong in (["blue", "000000"], ["", ""]):
    try:
        connect(lambda *_: wrong)
    except paramiko.AuthenticationException:
        continue
    raise AssertionError("let in with %r" % wrong)
PY
expect_failure with_password alice wrong
expect_match "$(cat "$W/out/failure")" 'Permission denied' "a wrong password"
wait_log 'auth\.denied.*reason="?the credential is wrong'
expect_failure with_password somebody
expect_failure with_password alice ''
expect_equal "$(asked 'sum(x.get("password") == "" for x in q)')" 0 "empty passwords that were sent"

# What the service is told.
expect_equal "$(asked 'set(x["_authorization"] for x in q) == {"Bearer a-token-of-ours"}')" True header
expect_equal "$(asked 'sorted(set(x["key"]["state"] for x in q if "key" in x))')" \
    "['offered', 'proved']" "states of keys"
expect_equal "$(asked 'len(q[0]["connection"]["id"])')" 32 "length of the connection's name"
expect_equal "$(asked '(lambda c: (c["remote_address"], c["listener"],
    c["client_version"].startswith("SSH-2.0-OpenSSH")))(q[0]["connection"])')" \
    "('127.0.0.1', 'main', True)" connection
expect_equal "$(asked 'len(set(x["connection"]["id"] for x in q if x.get("responses") == ["blue", "123456"] or x.get("round") == 2))')" \
    1 "names of the connection with a dialogue that went on"

# The grant holds.
echo 'put config.json' | expect_failure sftp_ reader@target
[ ! -e "$W/root/reader/config.json" ] || fail "a read-only user has written"

# What goes wrong lets nobody in.
for user in garbage empty list unknown-result no-result misspelt bad-grant number twice huge ask-key \
    status-500 status-404 status-302 status-301; do
    expect_failure with_password "$user"
    expect_failure ssh_ "$user@target" true
done
wait_log 'HTTP status 500'
wait_log 'longer than answer_bytes_max'
wait_log 'not known; is it misspelt'
expect_no_log 'open, sesame|a-token-of-ours|123456'
expect_equal "$(asked 'sum(x["user"] == "status-500" and x["method"] == "password" for x in q)')" 1 \
    "questions for status 500, which is no reason to ask again"

# A gateway that is not ready is asked again.
expect_equal "$(with_password flaky)" in "503, 503, 200"
expect_equal "$(asked 'sum(x["user"] == "flaky" and x["method"] == "password" for x in q)')" 3 tries

# One that is slow costs its own client only, and only so long.
use '{"timeout_ms": 1500}'
reload
begin=$(date +%s%N)
{ ! with_password slow >"$W/out/slow" 2>&1; } &
SLOW=$!
wait_for 10 "the slow question" grep -q '"user": "slow"' "$W/questions"
expect_equal "$(with_password alice)" in "another user meanwhile"
wait "$SLOW" || fail "let in by silence"
expect_less $((($(date +%s%N) - begin) / 1000000)) 15000 "milliseconds until a slow service is given up"
wait_log 'Timeout was reached|timed out'

# Answers are kept if that is asked for, by credential and address.
use '{"cache": {"allow_ms": 60000, "deny_ms": 60000}}'
reload
for _ in 1 2 3; do
    expect_equal "$(with_password kept)" in "a kept answer"
    expect_failure with_password kept wrong
done
expect_equal "$(asked 'sum(x["user"] == "kept" and x["method"] == "password" for x in q)')" 2 \
    "questions with a cache"

# A service that another authority vouches for is not told anything.
before=$(asked 'len(q)')
use "{\"ca_file\": \"$W/stranger.pem\"}"
reload
expect_failure with_password alice
wait_log 'certificate'
use '{"certificate_file": "", "key_file": ""}'
reload
expect_failure with_password alice
expect_equal "$(asked 'len(q)')" "$before" "questions without trust"

# No service, no entry; once it is back, so are the users.
kill "$SERVER_PID"
wait "$SERVER_PID" || true
SERVER_PID=
use '{}'
reload
expect_failure with_password alice
wait_log "connect to 127.0.0.1|Couldn't connect|Connection refused"
rm "$W/http.port"
"$PYTHON" "$TESTS/support/http_users.py" "$W" "$W/http.port" &
ANOTHER_PID=$!
wait_for 20 "the web service" test -s "$W/http.port"
URL=http://127.0.0.1:$(cat "$W/http.port")/
use '{"ca_file": "", "certificate_file": "", "key_file": ""}'
reload
expect_equal "$(with_password alice)" in "plain http to the machine itself"

# Plain http to anybody else is a mistake that a reload refuses.
use '{"url": "http://192.0.2.1/"}'
expect_failure reload
grep -q 'allow_plain_http' "$W/out/failure" "$W/log" || fail "the remedy is not told"
expect_equal "$(with_password alice)" in "after a refused reload"
