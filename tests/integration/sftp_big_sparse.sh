# A large sparse file there and back: 1 GiB, or 5 GiB with BIG=1 (past every 32-bit limit).
# Hashes are equal.
# seconds: 900
. "$(dirname "$0")/lib.sh"
daemon_start

if [ "${BIG:-0}" = 1 ]; then gib=5; else gib=1; fi
[ "$(df --output=avail -B1G "$W" | tail -1)" -gt $((3 * gib)) ] || skip "not enough disk space"
truncate -s ${gib}G "$W/big"
for at in 1000 70000000 $((gib * 1073741824 - 100000)); do
    head -c 65536 /dev/urandom | dd of="$W/big" bs=1 seek=$at conv=notrunc status=none
done
sftp_ target <<END
put $W/big big
get big $W/out/big
END
hash=$(sha256sum <"$W/big")
expect_equal "$(sha256sum <"$W/root/alice/big")" "$hash" "hash on the server"
expect_equal "$(sha256sum <"$W/out/big")" "$hash" "hash after coming back"
