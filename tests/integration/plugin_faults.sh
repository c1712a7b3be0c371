# T82: plugins that answer twice, never, too late, after they were told that nobody waits, with garbage,
# with absurd replies or with pointers to nowhere; and one that uses channels and connections that are
# gone. In process and isolated: the question is denied within its deadline, the log names the plugin,
# another connection's transfer goes on, and everybody else is served.
# seconds: 240
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/never-answers" ] || skip "the build has no misbehaving plugins"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0 # which needs system calls that the filter of an isolated plugin refuses

use() # PLUGIN INTERFACE
{
    local chains='"auth": ["fault", "users"], "channel": ["shell"]' alone=0
    [ "$2" = auth ] || chains='"auth": ["users"], "channel": ["fault", "shell"]'
    [ "$1/$ISOLATION" != wild-pointers/in-process ] || alone=1 # the worker will be lost
    configure "{\"plugins\": [
        {\"name\": \"fault\", \"plugin\": \"$1\", \"isolation\": \"$ISOLATION\"},
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"limits\": {\"connections_per_worker\": $alone},
        \"chains\": {$chains}}"
    reload
    SEEN=$(wc -l <"$W/log")
}

# What the log has said since the plugin is in use.
says() # REGEX
{
    tail -n "+$((SEEN + 1))" "$W/log" | grep -E -- "$1"
}

# A transfer that is under way meanwhile; the plugin has no say about keys and shells.
transfer_begin()
{
    rm -f "$W/pipe" "$W/came"
    mkfifo "$W/pipe"
    ssh_ target cat <"$W/pipe" >"$W/came" &
    TRANSFER=$!
    exec 9>"$W/pipe"
    head -c 100000 /dev/urandom | tee "$W/sent" >&9
    wait_for 20 "the first part" eval '[ "$(stat -c %s "$W/came")" = 100000 ]'
}

transfer_end()
{
    head -c 300000 /dev/urandom | tee -a "$W/sent" >&9
    exec 9>&-
    wait $TRANSFER
    expect_same_file "$W/sent" "$W/came"
}

try() # PLUGIN LOG-REGEX USER-NAMES...
{
    local plugin=$1 regex=$2
    shift 2
    use "$plugin" auth
    transfer_begin
    NAMES=$(IFS='|'; echo "$*") raw <<'END'
import os
for name in os.environ["NAMES"].split("|"):
    c = client()
    c.service()
    begin = time.monotonic()
    try:
        check(not c.password(name, PASSWORD), f"{name}: the password was taken")
        c.send_packet(c.auth_packet(name, "none"))
        c.failure_methods()
    except Closed:
        check(name == "nowhere", "the connection was lost")
    check(time.monotonic() - begin < 15, f"{name}: the answer took too long")
    c.close()
END
    wait_for 20 "$plugin, $ISOLATION: a log line '$regex'" says "$regex"
    transfer_end
    expect_equal "$(ssh_ target 'echo served')" served "another client beside $plugin"
}

configure '{"workers": 1}'
daemon_start
for ISOLATION in in-process process; do
    try garbage-verdict 'plugin.failed .*instance=fault .*no such verdict' reply pending elsewhere other
    try absurd-reply 'plugin.bad_reply .*instance=fault' 'no reply' 'no size' 'huge size' prompts \
        'no prompts' text 'no text' 'NUL in a name' groups 'grant size'
    try answers-twice 'plugin.answered_twice .*instance=fault' return complete stale
    try never-answers 'plugin.deadline .*instance=fault .*state=(pending|running)' alice bob
    try answers-late 'plugin.(late|bad_token|deadline) .*instance=fault' wait now wait
    try after-cancel 'plugin.deadline .*instance=fault' alice
    crashed='plugin.process_crashed .*instance=fault .*operation=auth.password'
    [ $ISOLATION = process ] || crashed='worker.crashed .*instance=fault operation=auth.password'
    try wild-pointers "$crashed" nowhere

    use stale-ids channel
    transfer_begin
    ssh_ target first
    ssh_ target again || true # there is no such command
    wait_for 20 "what became of stale ids" says 'accepted stale='
    says 'accepted stale=0 forged=0' || fail "$ISOLATION: ids that are gone were accepted"
    transfer_end
done
