# Every cipher that the default configuration offers carries data both ways; one that it does not
# offer is refused in the negotiation.
. "$(dirname "$0")/lib.sh"
daemon_start

random_file "$W/data" 3000000
for cipher in aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com \
    aes128-ctr aes256-ctr; do
    ssh_ -c $cipher target cat <"$W/data" >"$W/out/data" || fail "$cipher"
    expect_same_file "$W/data" "$W/out/data"
done
expect_failure ssh_ -o LogLevel=INFO -c aes128-cbc target true
expect_match "$(cat "$W/out/failure")" 'no matching cipher' "a cipher that is not offered"
