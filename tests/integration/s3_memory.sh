# fs-s3 and memory: what a worker takes while 200 MiB go each way is bounded by what is configured, not
# by the file; TLS to the store, with its authority.
# seconds: 180
. "$(dirname "$0")/lib.sh"
. "$TESTS/support/object_store.sh"
need sftp openssl
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=store -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$W/store.key" -out "$W/store.pem" 2>/dev/null
store_start "$W/store.pem" "$W/store.key"
use_store "{\"endpoint\": \"https://127.0.0.1:$STORE_PORT\", \"ca_file\": \"$W/store.pem\"}"
add_user alice '{"root": ""}'
SANITIZER_OPTIONS=quarantine_size_mb=1
daemon_start
worker=$(worker_pids)
peak_kib()
{
    awk '/VmHWM/ { print $2 }' "/proc/$worker/status"
}
head -c 1000000 /dev/urandom >"$W/data"
printf 'put %s small\nget small %s\n' "$W/data" "$W/out/small" | sftp_ target >/dev/null
before=$(peak_kib)
for _ in $(seq 210); do
    cat "$W/data"
done >"$W/large"
printf 'put %s large\nget large %s\n' "$W/large" "$W/out/large" | sftp_ target >/dev/null
expect_same_file "$W/large" "$W/out/large"
# Two parts under way, two in the window, one being copied to; 8 MiB ahead when reading.
expect_less $(($(peak_kib) - before)) 65536 "KiB more than for a small file"
echo "peak: $before KiB, with 200 MiB both ways $(peak_kib) KiB"

# Who is not vouched for by that authority is not talked to.
use_store "{\"endpoint\": \"https://127.0.0.1:$STORE_PORT\"}"
reload >/dev/null
wait_log 'generation=2'
echo "get small $W/out/none" | expect_failure sftp_ target
wait_log 'cannot be asked: .*certificate'
