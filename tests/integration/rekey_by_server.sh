# The server renews the keys after rekey.bytes, in mid-transfer, with OpenSSH, paramiko and psftp.
. "$(dirname "$0")/lib.sh"
configure '{"rekey": {"bytes": 1048576}}'
daemon_start

random_file "$W/data" 12000000
sftp_ -v target >"$W/out/log" 2>&1 <<END
put $W/data data
get data $W/out/data
END
expect_same_file "$W/data" "$W/out/data"
[ "$(grep -c 'SSH2_MSG_KEXINIT received' "$W/out/log")" -gt 5 ] || fail "keys not renewed"

PYTHONPATH=$TESTS/support "$PYTHON" - "$W" <<'END'
import sys
from paramiko_client import sftp_client
work = sys.argv[1]
with sftp_client() as sftp:
    sftp.put(work + "/data", "from-paramiko")
    sftp.get("from-paramiko", work + "/out/from-paramiko")
END
expect_same_file "$W/data" "$W/out/from-paramiko"

if command -v psftp >/dev/null; then
    psftp_ >"$W/out/psftp" 2>&1 <<END || { cat "$W/out/psftp"; fail "psftp"; }
put $W/data from-psftp
get from-psftp $W/out/from-psftp
END
    expect_same_file "$W/data" "$W/out/from-psftp"
fi
