# Started by root: the workers run as "user", without root's groups and capabilities, and clients
# are served.
# needs: root
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "this needs root"

chown -R nobody:nogroup "$W/root" "$W/users.json"
chmod 755 "$W"
configure '{"user": "nobody", "group": "nogroup"}'
SANITIZER_OPTIONS=detect_leaks=0 daemon_start
for pid in $(worker_pids); do
    expect_equal "$(ps -o user= -p "$pid")" nobody "user of worker $pid"
    expect_match "$(grep ^Groups "/proc/$pid/status")" '^Groups:[[:space:]]*(65534)?[[:space:]]*$' \
        "groups of worker $pid"
    expect_match "$(grep ^CapEff "/proc/$pid/status")" '0000000000000000' "capabilities"
done
expect_equal "$(ssh_ target 'id -un')" nobody "who runs a command"
random_file "$W/data" 100000
sftp_ target <<<"put $W/data data"
expect_equal "$(stat -c %U "$W/root/alice/data")" nobody "owner of an uploaded file"
configure '{"user": null, "group": null}'
