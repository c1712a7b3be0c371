# CONN-04: plugins of chains.log are given each record, in order; one that does not keep up holds up
# nobody, loses records, and is told how many. What it logs itself does not come back to it.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || skip "the build has no plugins for tests"
use_observer() # CONFIG
{
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
        {\"name\": \"observer\", \"config\": $1}],
        \"chains\": {\"log\": [\"observer\"]}}"
}
use_observer "{\"records\": \"$W/out/records\"}"
daemon_start
expect_equal "$(ssh_ target 'echo in')" in "a login"
wait_for 20 "the last record" grep -q '^2 0 connection.closed ' "$W/out/records"
names=$(cut -d' ' -f3 "$W/out/records" | grep -E '^(connection|auth)\.(accepted|established|closed)' | tr '\n' ' ')
expect_equal "$names" "connection.accepted connection.established auth.accepted connection.closed " "the order"
grep -q 'auth.accepted conn=1 user=alice method=publickey' "$W/out/records" || fail "the fields"
! grep -E 'saw=record|instance=observer' "$W/out/records" || fail "it was given its own records"

# Slow: records are lost and counted, and nobody waits.
use_observer "{\"records\": \"$W/out/slow\", \"gate\": \"$W/gate\"}"
reload
raw <<'END'
for _ in range(700):
    c = fresh()
    c.banner()
    c.close()
others_are_served()
END
written=$(grep -c 'connection\.\(accepted\|closed\|handshake_failed\)' "$W/log")
touch "$W/gate"
given() { [ -s "$W/out/slow" ] && ssh_ target true && grep -q 'user=alice' "$W/out/slow"; }
wait_for 60 "records after the flood" given
lost=$(awk '{lost += $2} END {print lost}' "$W/out/slow")
[ "$lost" -gt 100 ] || fail "of $written records only $lost were lost"
[ "$(wc -l <"$W/out/slow")" -ge 1000 ] || fail "fewer records than the queue holds"
