# CONN-01: addresses that are allowed and denied; a plugin may overrule the lists either way.
. "$(dirname "$0")/lib.sh"
from() # ADDRESS
{
    ssh_ -b "$1" target 'echo in' 2>"$W/out/failure"
}
configure '{"access": {"allow": ["127.0.0.0/8"], "deny": ["127.0.0.2", "127.0.1.*"]}}'
daemon_start
expect_equal "$(from 127.0.0.1)" in "an address that is allowed"
for address in 127.0.0.2 127.0.1.1; do
    expect_failure from $address
done
wait_log 'connection.refused .*bound=access remote=127.0.1.1'
expect_equal "$(status 's["refused"]["access"]')" 2 "refusals by the lists"
! grep -q 'connection.accepted.*remote=127.0.0.2' "$W/log" || fail "a worker was bothered"

[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || skip "the build has no plugins for tests"
use_observer() # VERDICT
{
    configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
        {\"name\": \"observer\", \"config\": {\"request\": \"$1\"}}],
        \"chains\": {\"connection\": [\"observer\"]}}"
    reload
}
use_observer next
expect_equal "$(from 127.0.0.1)" in "the lists hold: allowed"
expect_failure from 127.0.0.2
wait_log 'saw=request suggestion=1 remote=127.0.0.1'
wait_log 'saw=request suggestion=0 remote=127.0.0.2'
wait_log 'connection.refused .*remote=127.0.0.2 plugin=""'
use_observer allow
expect_equal "$(from 127.0.0.2)" in "the plugin lets in whom the lists refuse"
use_observer deny
expect_failure from 127.0.0.1
