# Host keys are generated where there are none, readable by their owner only, and kept.
. "$(dirname "$0")/lib.sh"
configure '{"host_keys": null}'
daemon_start

keys=$(find "$W/state" -name '*key*' ! -name '*.pub' -type f | sort)
[ -n "$keys" ] || fail "no host key in the state directory"
for key in $keys; do
    expect_equal "$(stat -c %a "$key")" 600 "mode of $key"
    ssh-keygen -l -f "$key" >/dev/null || fail "$key is not a key"
done
sums=$(sha256sum $keys)
daemon_stop
daemon_start
expect_equal "$(sha256sum $keys)" "$sums" "host keys after a restart"
expect_equal "$(ssh-keyscan -T 5 -p "$PORT" -t ed25519 127.0.0.1 2>/dev/null | wc -l)" 1 "keys offered"
