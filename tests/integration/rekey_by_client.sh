# The client renews the keys every megabyte in mid-transfer, with each cipher: nothing is lost.
. "$(dirname "$0")/lib.sh"
daemon_start

random_file "$W/data" 20000000
for cipher in aes128-gcm@openssh.com chacha20-poly1305@openssh.com aes128-ctr; do
    sftp_ -v -c $cipher -o RekeyLimit=1M target >"$W/out/log" 2>&1 <<END
put $W/data data
get data $W/out/data
END
    expect_same_file "$W/data" "$W/out/data"
    [ "$(grep -c 'SSH2_MSG_NEWKEYS sent' "$W/out/log")" -gt 10 ] || fail "$cipher: keys not renewed"
    rm "$W/root/alice/data" "$W/out/data"
done
ssh_ -o RekeyLimit=1M target cat <"$W/data" >"$W/out/data"
expect_same_file "$W/data" "$W/out/data"
