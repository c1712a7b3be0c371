# Many sessions over one connection (ControlMaster): commands and transfers beside one another.
. "$(dirname "$0")/lib.sh"
daemon_start

cat >>"$W/ssh_config" <<END
    ControlPath $W/mux
    ControlMaster auto
    ControlPersist 60
END
random_file "$W/data" 5000000
ssh_ target true
expect_equal "$(status 's["connections"]')" 1 "connections"
pids=()
for number in $(seq 30); do
    ssh_ target "cat; echo $number" <"$W/data" >"$W/out/$number" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "a session failed"
done
for number in $(seq 30); do
    cmp -s "$W/out/$number" <(cat "$W/data"; echo "$number") || fail "session $number differs"
done
sftp_ target <<<"put $W/data data"
expect_same_file "$W/data" "$W/root/alice/data"
ssh_ -O exit target 2>/dev/null
wait_for 20 "the connection to end" eval "[ \$(status 's[\"connections\"]') = 0 ]"
