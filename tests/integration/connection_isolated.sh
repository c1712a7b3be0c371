# What a plugin sees and says of connections, and the log it is given, are the same in a process of
# its own; and new keys come when it asks.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || skip "the build has no plugins for tests"
use_observer() # CONFIG
{
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
        {\"name\": \"observer\", \"isolation\": \"process\", \"config\": $1}],
        \"chains\": {\"connection\": [\"observer\"], \"log\": [\"observer\"]}}"
}
use_observer "{\"rekey\": true, \"records\": \"$W/out/records\"}"
SANITIZER_OPTIONS=detect_leaks=0 daemon_start # a leak check traces the process, which the sandbox forbids
mkfifo "$W/talk"
ssh_ -c aes128-ctr target cat <"$W/talk" >"$W/out/said" &
client=$!
exec 9>"$W/talk"
wait_log 'saw=proposal client=SSH-2.0-OpenSSH.* hassh=[0-9a-f]{32} kex=.*curve25519-sha256.* ciphers=aes128-ctr'
wait_log 'saw=connected status=0 server=SSH-2.0-sallyport kex=[^ ]+ host_key=ssh-ed25519 cipher=aes128-ctr'
wait_log 'saw=status name=rekey-done'
echo 'still here' >&9
exec 9>&-
wait "$client"
expect_equal "$(cat "$W/out/said")" 'still here' "the connection with new keys"
wait_log 'saw=disconnected status=0'
wait_for 20 "the last record" grep -q '^2 0 connection.closed ' "$W/out/records"
! grep -E 'saw=record|instance=observer' "$W/out/records" || fail "it was given its own records"

use_observer '{"proposal": "deny", "text": "not with this software"}'
reload
expect_failure ssh_ -o LogLevel=INFO target true
expect_match "$(cat "$W/out/failure")" 'not with this software' "what the client is told"
