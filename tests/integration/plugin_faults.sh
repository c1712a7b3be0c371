# T82: plugins that answer twice, never, too late, with garbage or with absurd replies: the question
# is denied within its deadline, the log names the plugin, and everybody else is served.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/never-answers" ] || skip "the build has no misbehaving plugins"

try() # PLUGIN USER-NAMES...
{
    local plugin=$1
    shift
    configure "{\"plugins\": [
        {\"name\": \"fault\", \"plugin\": \"$plugin\"},
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"chains\": {\"auth\": [\"fault\", \"users\"]}}"
    reload
    NAMES=$(IFS='|'; echo "$*") raw <<'END'
import os
for name in os.environ["NAMES"].split("|"):
    c = client()
    c.service()
    begin = time.monotonic()
    check(not c.password(name, PASSWORD), f"{name}: the password was taken")
    check(time.monotonic() - begin < 15, f"{name}: the answer took too long")
    c.send_packet(c.auth_packet(name, "none"))
    c.failure_methods()
    c.close()
END
    # The plugin has no say about keys, so that the next one of the chain is asked.
    expect_equal "$(ssh_ target 'echo served')" served "another client beside $plugin"
}

configure '{"workers": 1}'
daemon_start
try garbage-verdict reply pending elsewhere other
try absurd-reply 'no reply' 'no size' 'huge size' prompts 'no prompts' text 'no text' \
    'NUL in a name' groups 'grant size'
try answers-twice return complete stale
try never-answers alice bob
wait_log 'instance=fault'
try answers-late wait now wait
