# CONN-16: what old clients need is there in the profile for them and nowhere else; a list that is
# given holds in either; a name that this build does not have is told with those that it has.
. "$(dirname "$0")/lib.sh"
old_kex=(-o KexAlgorithms=diffie-hellman-group14-sha1)
old_cipher=(-o Ciphers=3des-cbc -o MACs=hmac-sha1)
daemon_start
expect_failure ssh_ "${old_kex[@]}" target true
expect_failure ssh_ "${old_cipher[@]}" target true

configure '{"algorithms": {"profile": "compatibility"}}'
reload
expect_equal "$(ssh_ "${old_kex[@]}" "${old_cipher[@]}" target 'echo old')" old "an old client"
expect_equal "$(ssh_ target 'echo new')" new "a new client"
wait_log 'connection.established .*kex=diffie-hellman-group14-sha1 cipher_in=3des-cbc'
grep 'connection.established' "$W/log" | tail -n 1 | grep -q 'cipher_in=\(chacha20\|aes\)' ||
    fail "a new client no longer gets the best"

configure '{"algorithms": {"kex": ["curve25519-sha256"]}}'
reload
expect_failure ssh_ "${old_kex[@]}" target true
expect_equal "$(ssh_ "${old_cipher[@]}" target 'echo old')" old "the other lists are still the profile's"

cp "$W/config.json" "$W/good.json"
configure '{"algorithms": {"kex": ["curve25519-sha256", "curve9000"]}}'
expect_failure sallyport check "$W/config.json"
expect_match "$(cat "$W/out/failure")" 'algorithms/kex.*"curve9000" is not offered by this build; it offers: .*curve25519-sha256' "a name that is none"
cp "$W/good.json" "$W/config.json"
